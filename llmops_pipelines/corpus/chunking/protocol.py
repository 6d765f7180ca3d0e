"""What a chunker is, and the passage that it makes."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Passage:
    """A part of a document: `text` equals the document's text from `start` to `end` (characters)."""

    start: int
    end: int
    text: str
    tokens: int  # of the chunker's tokenizer, special tokens included


class Chunker(Protocol):
    """Cuts texts. The same text and identity always give the same passages."""

    @property
    def identity(self) -> str:
        """Differs where name, version, settings or tokenizer differ."""
        ...

    @property
    def max_tokens(self) -> int | None:
        """The bound of a passage in tokens, special tokens included; None where passages may be truncated by a model."""
        ...

    def split(self, text: str) -> list[Passage]:
        """The passages of `text` in order; none only where `text` is blank."""
        ...
