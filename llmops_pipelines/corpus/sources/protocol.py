"""The protocol of a source. What a source needs to know it takes as dataclass fields."""

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

from llmops_pipelines.corpus.document import Skipped, SourceDocument


class Source(Protocol):
    """Anything that yields the documents it has now."""

    def documents(self) -> Iterator[SourceDocument | Skipped]:
        """Every document of the source, one at a time, each `doc_id` once; `Skipped` for what cannot be one.

        Raises SourceError where the source as a whole cannot be read.
        """
        ...


@runtime_checkable
class Stated(Protocol):
    """A source that can tell cheaply whether anything has changed."""

    def state(self) -> str:
        """A text that differs where `documents` would yield anything else, without reading the documents."""
        ...
