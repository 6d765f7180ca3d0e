"""Why a text has no vector under a model: what changed since all texts had one."""

from collections.abc import Collection, Mapping

from llmops_pipelines.storage.schemas import CAUSES
from llmops_pipelines.storage.snapshot import Snapshot

NEW_TEXT, CHANGED_TEXT, NEW_CHUNKER, NEW_MODEL, LOST_VECTOR = CAUSES


def causes(chunks: Snapshot, before: Snapshot | None, stored: Collection[str]) -> dict[str, str]:
    """The cause of every content hash of `chunks` that is not `stored`.

    `before` is the version of `chunks` whose texts all had vectors under the model; None where there was none yet. A
    text that stands in several documents has the cause that comes first in CAUSES.
    """
    known = _documents(before)
    found: dict[str, str] = {}
    for row in chunks.rows(["content_hash", "doc_id", "document_hash", "chunker"]):
        content_hash = row["content_hash"]
        if content_hash not in stored:
            cause = NEW_MODEL if known is None else _cause(known.get(row["doc_id"]), row)
            found[content_hash] = min(cause, found.get(content_hash, cause), key=CAUSES.index)
    return found


def texts_gone(chunks: Snapshot, before: Snapshot | None) -> int:
    """How many distinct texts `before` held that `chunks` does not."""
    if before is None:
        return 0
    return len(content_hashes(before) - content_hashes(chunks))


def content_hashes(chunks: Snapshot) -> set[str]:
    """The distinct content hashes of a version of `chunks`."""
    return set(chunks.arrow(["content_hash"])["content_hash"].to_pylist())


def _cause(document: tuple[str, str] | None, row: Mapping[str, str]) -> str:
    if document is None:
        return NEW_TEXT
    document_hash, chunker = document
    if document_hash != row["document_hash"]:
        return CHANGED_TEXT
    return NEW_CHUNKER if chunker != row["chunker"] else LOST_VECTOR


def _documents(chunks: Snapshot | None) -> dict[str, tuple[str, str]] | None:
    """The hash of each document's text, and the chunker that cut it."""
    if chunks is None:
        return None
    return {
        row["doc_id"]: (row["document_hash"], row["chunker"])
        for row in chunks.rows(["doc_id", "document_hash", "chunker"])
    }
