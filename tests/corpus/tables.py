"""Documents and clean documents published from plain texts, for tests of the stages that read them."""

from collections.abc import Mapping

from llmops_pipelines.corpus.document import bytes_version
from llmops_pipelines.storage import Lake, Snapshot, Sync
from llmops_pipelines.storage.schemas import CLEAN_DOCUMENTS, DOCUMENTS


def publish_documents(lake: Lake, texts: Mapping[str, str], table: str = "documents") -> Snapshot:
    """The table `documents` with one document a text, by doc_id."""
    writer = lake.writer(table, DOCUMENTS)
    sync = Sync(writer, lake.published(table))
    for doc_id, text in texts.items():
        content = text.encode()
        sync.put(
            {
                "doc_id": doc_id,
                "version": bytes_version(content),
                "collection": "all",
                "parent": ".",
                "kind": "text",
                "title": doc_id.title(),
                "aliases": [],
                "text": text,
                "bytes": len(content),
            }
        )
    sync.finish()
    return writer.publish(sync.data_version, "inputs", {})


def publish_clean_documents(lake: Lake, texts: Mapping[str, str], dropped: frozenset[str] = frozenset()) -> Snapshot:
    """The table `clean_documents` with these texts as they are; the doc_ids in `dropped` are dropped by rule `length`."""
    writer = lake.writer("clean_documents", CLEAN_DOCUMENTS)
    sync = Sync(writer, lake.published("clean_documents"))
    for doc_id, text in texts.items():
        sync.put(
            {
                "doc_id": doc_id,
                "collection": "all",
                "parent": ".",
                "kind": "text",
                "title": doc_id.title(),
                "aliases": [],
                "text": text,
                "language": "en",
                "repairs": [],
                "dropped": "length" if doc_id in dropped else None,
                "detail": "too short" if doc_id in dropped else None,
                "input_hash": bytes_version(text.encode()),
            }
        )
    sync.finish()
    return writer.publish(sync.data_version, "inputs", {})


def rows_by_key(snapshot: Snapshot, key: str) -> dict[str, dict]:
    """The rows of a table by key, and that each key occurs once."""
    rows = list(snapshot.rows())
    found = {row[key]: row for row in rows}
    assert len(found) == len(rows), "a key occurs twice"
    return found
