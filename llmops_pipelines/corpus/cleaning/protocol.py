"""What a cleaning rule is. A rule's `name` and `version` are part of the cleaner's identity, its fields are its settings."""

from typing import ClassVar, Protocol


class Repair(Protocol):
    """A rule that mends a text and drops nothing."""

    name: ClassVar[str]
    version: ClassVar[int]

    def repair(self, text: str) -> str:
        """The mended text; `text` itself where there is nothing to mend."""
        ...


class Filter(Protocol):
    """A rule that decides whether a document is fit to be used."""

    name: ClassVar[str]
    version: ClassVar[int]

    def reject(self, text: str) -> str | None:
        """Why the document is dropped, in words; None where it is kept."""
        ...
