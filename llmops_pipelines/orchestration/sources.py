"""The `source` section of a corpus: one class a source, told apart by `type`. A new source is added to `SourceSection`."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field

from llmops_pipelines.corpus.sources.beir import BeirSource
from llmops_pipelines.corpus.sources.directory import DEFAULT_MAX_BYTES, DirectorySource
from llmops_pipelines.corpus.sources.protocol import Source
from llmops_pipelines.corpus.sources.python_docs import PythonDocsSource
from llmops_pipelines.orchestration.section import ByTag, Section


class PythonDocsSection(Section):
    """Documentation of installed Python packages, one document a public symbol."""

    type: Literal["python_docs"]
    packages: list[str] = Field(min_length=1, description="Import names of installed packages.")

    def source(self, folder: Path) -> Source:
        return PythonDocsSource(tuple(self.packages))


class DirectorySection(Section):
    """Files under a folder or any fsspec URI: Markdown, reStructuredText, text, HTML and JSON lines."""

    type: Literal["directory"]
    uri: str = Field(min_length=1, description="A folder (relative to this file, or absolute) or an fsspec URI.")
    include: list[str] = Field(default=["**"], min_length=1, description="Globs of the files to read.")
    exclude: list[str] = Field(default=[], description="Globs of the files to leave out.")
    max_bytes: int = Field(default=DEFAULT_MAX_BYTES, ge=1, description="Larger files are skipped and counted.")
    storage_options: dict[str, Any] = Field(default={}, description="Options of the fsspec file system.")
    hidden: bool = Field(default=False, description="Read files and folders whose name begins with a dot as well.")

    def source(self, folder: Path) -> Source:
        uri = self.uri if "://" in self.uri else str((folder / self.uri).resolve())
        return DirectorySource(
            uri,
            tuple(self.include),
            tuple(self.exclude),
            self.max_bytes,
            tuple(sorted(self.storage_options.items())),
            self.hidden,
        )


class BeirSection(Section):
    """A public collection in BEIR layout: a folder with `corpus.jsonl`, plain or gzipped."""

    type: Literal["beir"]
    folder: str = Field(min_length=1, description="The unpacked collection: relative to this file, or absolute.")

    def source(self, folder: Path) -> Source:
        return BeirSource((folder / self.folder).resolve())


SourceSection = Annotated[PythonDocsSection | DirectorySection | BeirSection, Discriminator("type"), ByTag("type")]
