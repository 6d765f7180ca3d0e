"""The registry: models that were made here, each an immutable folder by fingerprint, beside the lake."""

import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from llmops_pipelines.embedding.model_folder import ModelError, ModelFolder
from llmops_pipelines.storage.errors import explained
from llmops_pipelines.storage.files import resolve, write_file
from llmops_pipelines.storage.identity import text_hash
from llmops_pipelines.storage.lake import Lake

ENTRY = "registry.json"


@dataclass(frozen=True)
class Entry:
    """A registered model: its partition key, its fingerprint, and what was said of it. `sequence` counts up."""

    key: str
    name: str
    fingerprint: str
    sequence: int
    details: dict[str, Any]


class Registry:
    """The models of one corpus under `uri`, a folder or an object store's."""

    def __init__(self, uri: str) -> None:
        self.uri = uri.rstrip("/")

    @classmethod
    def beside(cls, lake: Lake, corpus: str) -> Self:
        """The registry of `corpus`, in the folder of the lake."""
        return cls(f"{lake.uri.rstrip('/')}/models/{corpus}")

    def entries(self) -> list[Entry]:
        """All models, oldest first. A folder without its entry is one whose copy was cut short."""
        import pyarrow.fs

        with explained("list the registered models", self.uri):
            filesystem, root = resolve(self.uri)
            found = filesystem.get_file_info(pyarrow.fs.FileSelector(root, allow_not_found=True, recursive=True))
            marks = [info.path for info in found if info.is_file and info.base_name == ENTRY]
            entries = [Entry(**json.loads(filesystem.open_input_file(path).read())) for path in marks]
        return sorted(entries, key=lambda entry: entry.sequence)

    def add(self, model: ModelFolder, details: Mapping[str, Any]) -> Entry:
        """Copy `model` into the registry; one that is there already, under any name, is left as it is.

        Raises ModelError where another model has the key of this one.
        """
        import pyarrow.fs

        entries = self.entries()
        for entry in entries:
            if entry.fingerprint == model.fingerprint:
                return entry
            if entry.key == model.key:
                raise ModelError(
                    f"the key {model.key} is that of another registered model (fingerprint {entry.fingerprint}, this one "
                    f"has {model.fingerprint}): give one of them another name"
                )
        sequence = entries[-1].sequence + 1 if entries else 1
        entry = Entry(model.key, model.name, model.fingerprint, sequence, dict(details))
        with explained(f"register model {model.key}", self.uri):
            filesystem, target = resolve(f"{self.uri}/{model.fingerprint}")
            if filesystem.get_file_info(target).type != pyarrow.fs.FileType.NotFound:
                filesystem.delete_dir(target)  # a copy that was cut short
            filesystem.create_dir(target, recursive=True)
            pyarrow.fs.copy_files(str(model.folder), target, destination_filesystem=filesystem)
            # The entry comes last, and whole: with it the copy is whole.
            write_file(f"{self.uri}/{model.fingerprint}/{ENTRY}", json.dumps(vars(entry), indent=2).encode())
        return entry

    def model(self, entry: Entry) -> ModelFolder:
        """The model's folder on this machine, fetched once where the registry is on an object store.

        Raises ModelError where its content is no longer that of its fingerprint.
        """
        folder = Path(f"{self.uri}/{entry.fingerprint}")
        if "://" in self.uri:
            folder = _cache() / entry.fingerprint
            if not (folder / ENTRY).is_file():
                self._fetch(entry, folder)
        model = ModelFolder(entry.name, folder.absolute())
        if model.fingerprint != entry.fingerprint:
            raise ModelError(
                f"registered model {entry.key} in {folder} has been changed: its fingerprint is {model.fingerprint}. "
                "Restore the folder, or remove it and tune again"
            )
        return model

    def workspace(self, identity: str) -> Path:
        """A local folder for what a training needs until it is over; the same one for the same `identity`.

        One training at a time: what others left behind is removed.
        """
        local = Path(self.uri).absolute() if "://" not in self.uri else _cache() / text_hash(self.uri)[:16]
        folder = local / "training" / identity[:16]
        with explained("make the folder of checkpoints", self.uri):
            folder.mkdir(parents=True, exist_ok=True)
            for other in folder.parent.iterdir():
                if other != folder:
                    shutil.rmtree(other)
        return folder

    def _fetch(self, entry: Entry, folder: Path) -> None:
        import pyarrow.fs

        with explained(f"fetch model {entry.key}", self.uri):
            filesystem, source = resolve(f"{self.uri}/{entry.fingerprint}")
            folder.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=folder.parent) as part:
                whole = Path(part) / entry.fingerprint
                pyarrow.fs.copy_files(source, str(whole), source_filesystem=filesystem)
                if not (folder / ENTRY).is_file():  # nobody else has fetched it meanwhile
                    shutil.rmtree(folder, ignore_errors=True)
                    whole.rename(folder)


def _cache() -> Path:
    return Path.home() / ".cache" / "llmops-pipelines" / "models"
