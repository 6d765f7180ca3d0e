"""A document as a source hands it over, and the note of one that it could not."""

import hashlib
from dataclasses import dataclass, field


@dataclass(frozen=True)
class SourceDocument:
    """A document as ingested.

    `doc_id` is its source-relative URI. `version` is the sha256 of its bytes. `collection` is what people filter by
    (package, top folder), `parent` the module or folder it belongs to, `aliases` other names the source knows it by.
    """

    doc_id: str
    version: str
    title: str
    text: str
    bytes: int
    collection: str
    parent: str
    kind: str
    aliases: tuple[str, ...] = field(default=())


# The reason of a skip that may be gone at the next look: no access, no network.
UNREADABLE = "unreadable"


@dataclass(frozen=True)
class Skipped:
    """Something in the source that cannot become a document, and why. What is stored of it stays as it was."""

    doc_id: str
    reason: str
    detail: str


class SourceError(RuntimeError):
    """A source that cannot be read at all. The message says what to change."""


def storable(text: str) -> str:
    """`text` with each lone surrogate, which no table can hold, written as its escape (`\\udce9`)."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def bytes_version(content: bytes) -> str:
    """The version of a document: the sha256 of its bytes as ingested, 64 hex digits."""
    return hashlib.sha256(content).hexdigest()
