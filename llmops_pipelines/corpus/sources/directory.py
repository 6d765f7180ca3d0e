"""Files under an fsspec URI (a local folder, `s3://`, `gs://`, `memory://`, ...), read by the readers of `readers.py`."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from llmops_pipelines.corpus.document import UNREADABLE, Skipped, SourceDocument, SourceError, bytes_version, storable
from llmops_pipelines.corpus.readers import READERS, Extract, UnreadableError
from llmops_pipelines.storage.identity import value_hash

if TYPE_CHECKING:
    import fsspec

DEFAULT_MAX_BYTES = 20_000_000


@dataclass(frozen=True)
class DirectorySource:
    """The files under `uri` whose path matches one of `include` and none of `exclude` (glob patterns).

    Files and folders whose name begins with a dot are passed over unless `hidden` is true.
    """

    uri: str
    include: Sequence[str] = ("**",)
    exclude: Sequence[str] = ()
    max_bytes: int = DEFAULT_MAX_BYTES
    storage_options: tuple[tuple[str, Any], ...] = ()
    hidden: bool = False

    def documents(self) -> Iterator[SourceDocument | Skipped]:
        files, filesystem = self._listing()
        for path, info in files.items():
            yield from self._read(path, info, filesystem)

    def state(self) -> str:
        """Paths, sizes and change marks of the files, and the version of what reads HTML."""
        files, filesystem = self._listing()
        marks = [[path, info["size"], _mark(filesystem, info)] for path, info in files.items()]
        return value_hash([version("trafilatura"), marks])

    def _listing(self) -> tuple[dict[str, dict[str, Any]], "fsspec.AbstractFileSystem"]:
        """The selected files by path relative to the root, sorted."""
        import fsspec

        try:
            filesystem, root = fsspec.core.url_to_fs(self.uri, **dict(self.storage_options))
            if not filesystem.isdir(root):
                raise SourceError(f"there is no folder {self._shown}: create it, or correct the source's uri")
            found: dict[str, dict[str, Any]] = filesystem.find(root, detail=True)
        except (OSError, ImportError, ValueError, TypeError) as error:  # TypeError: a wrong storage option
            raise SourceError(
                f"cannot list {self._shown}: {self._redacted(str(error))}. "
                "Check the uri, storage_options, access rights and the network"
            ) from None
        prefix = root.rstrip("/") + "/"
        relative = {storable(path.removeprefix(prefix)): info for path, info in sorted(found.items())}
        return {path: info for path, info in relative.items() if self._selected(path)}, filesystem

    @property
    def _shown(self) -> str:
        """The uri without what may be a secret in it."""
        return re.sub(r"//[^/@]*@", "//***@", self.uri)

    def _redacted(self, text: str) -> str:
        """`text` without the values of the storage options: an error ends up in an event log."""
        for secret in (self.uri, *(str(value) for _, value in self.storage_options)):
            text = text.replace(secret, self._shown if secret == self.uri else "***")
        return text

    def _selected(self, path: str) -> bool:
        hidden = "/." in f"/{path}"
        return (self.hidden or not hidden) and _matches(path, self.include) and not _matches(path, self.exclude)

    def _read(
        self, path: str, info: dict[str, Any], filesystem: "fsspec.AbstractFileSystem"
    ) -> Iterator[SourceDocument | Skipped]:
        suffix = PurePosixPath(path).suffix.lower()
        reader = READERS.get(suffix)
        if reader is None:
            known = ", ".join(sorted(READERS))
            yield Skipped(path, "unknown file type", f"{suffix or 'no'} suffix; files with {known} are read")
            return
        if info["size"] > self.max_bytes:
            yield Skipped(path, "too large", f"{info['size']:,} bytes, max_bytes is {self.max_bytes:,}")
            return
        try:
            content: bytes = filesystem.cat_file(info["name"])  # type: ignore[assignment]
            extracts = list(reader(content))
        except OSError as error:
            yield Skipped(path, UNREADABLE, str(error))
            return
        except UnreadableError as error:
            yield Skipped(path, error.reason, error.detail)
            return
        for extract in extracts:
            yield _document(path, extract)


def _document(path: str, extract: Extract) -> SourceDocument:
    file = PurePosixPath(path)
    parent = file.parent.as_posix()
    return SourceDocument(
        doc_id=f"{path}#{storable(extract.fragment)}" if extract.fragment else path,
        version=bytes_version(extract.content),
        title=storable(extract.title) or file.stem.replace("_", " ").replace("-", " "),
        text=storable(extract.text),
        bytes=len(extract.content),
        collection=file.parts[0] if len(file.parts) > 1 else ".",
        parent=parent,
        kind=extract.kind,
    )


def _matches(path: str, patterns: Sequence[str]) -> bool:
    from fsspec.utils import glob_translate  # the same globs that fsspec itself understands

    return any(re.match(glob_translate(pattern), path) for pattern in patterns)


def _mark(filesystem: "fsspec.AbstractFileSystem", info: dict[str, Any]) -> str:
    return str(filesystem.ukey(info["name"]) if "mtime" not in info else info["mtime"])
