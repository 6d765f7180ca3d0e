"""Builds the index table from chunks, documents and embeddings. Only rows that changed are written; nothing is published."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from llmops_pipelines.corpus.cleaning.cleaner import KEPT
from llmops_pipelines.embedding.missing import vector_array
from llmops_pipelines.storage.errors import explained
from llmops_pipelines.storage.identity import value_hash
from llmops_pipelines.storage.snapshot import Snapshot
from llmops_pipelines.storage.sync import Sync, SyncCounts
from llmops_pipelines.storage.writer import Writer

FROM_CHUNK = ("chunk_id", "doc_id", "ordinal", "start", "end", "text", "content_hash")
FROM_DOCUMENT = ("collection", "kind", "title", "language")


@dataclass(frozen=True)
class IndexSettings:
    """How the table is searched. Below `ann_min_rows` an exact scan is fast enough and loses nothing.

    `probes` partitions are searched and `refine` times the wanted rows are scored again with the full vectors.
    """

    ann_min_rows: int = 50_000
    probes: int = 50
    refine: int = 10
    stem: bool = True
    stop_words: bool = True

    def uses_ann(self, rows: int) -> bool:
        return rows >= self.ann_min_rows


@dataclass
class IndexReport:
    """What the index holds and how it differs from the published one. Its identity is that of rows and settings."""

    counts: SyncCounts
    data_version: str
    rows: int
    ann: bool
    indexes: list[str]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def build_index(
    chunks: Snapshot,
    documents: Snapshot,
    embeddings: Snapshot,
    fingerprint: str,
    settings: IndexSettings,
    writer: Writer,
    published: Snapshot | None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> IndexReport:
    """Bring the index table in line with `chunks`, then refresh its full-text and vector indexes."""
    about = {row.pop("doc_id"): row for row in documents.rows(["doc_id", *FROM_DOCUMENT], KEPT)}
    found = embeddings.arrow(["content_hash", "vector"])
    vectors = vector_array(found["vector"])
    position = {content_hash: i for i, content_hash in enumerate(found["content_hash"].to_pylist())}

    sync = Sync(writer, published)
    total = chunks.count()
    for done, chunk in enumerate(chunks.rows(FROM_CHUNK), start=1):
        vector = vectors[position[chunk["content_hash"]]]
        sync.put({**chunk, **about[chunk["doc_id"]], "fingerprint": fingerprint, "vector": vector})
        progress(done, total)
    counts = sync.finish()
    with explained(f"index table {writer.name}", writer.lake.uri):
        _refresh_indexes(writer, settings, total)
    return IndexReport(
        counts=counts,
        data_version=value_hash([sync.data_version, asdict(settings)]),
        rows=total,
        ann=settings.uses_ann(total),
        indexes=sorted(f"{index.index_type} on {', '.join(index.columns)}" for index in writer.table.list_indices()),
    )


def _refresh_indexes(writer: Writer, settings: IndexSettings, rows: int) -> None:
    from lancedb.index import FTS, IvfRq

    table = writer.table
    table.checkout_latest()
    present = {column: index for index in table.list_indices() for column in index.columns}
    words = FTS(stem=settings.stem, remove_stop_words=settings.stop_words, with_position=False)
    if _is_behind(present.get("text"), stem=settings.stem, remove_stop_words=settings.stop_words):
        table.create_index("text", config=words, replace=True)
    if settings.uses_ann(rows):
        if _is_behind(present.get("vector")):
            table.create_index("vector", config=IvfRq(distance_type="cosine"), replace=True)
    elif "vector" in present:
        table.drop_index(present["vector"].name)


def _is_behind(index: Any, **settings: Any) -> bool:
    """Whether an index is missing, lacks rows, or was made with other settings."""
    if index is None or index.num_unindexed_rows:
        return True
    details = index.index_details or {}
    return any(details.get(name) != value for name, value in settings.items())
