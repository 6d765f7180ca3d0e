"""Builds the index table from chunks, documents and embeddings. Rows that are right stay; nothing is published."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from llmops_pipelines.corpus.cleaning.cleaner import KEPT
from llmops_pipelines.embedding.vectors import vector_array
from llmops_pipelines.storage.errors import explained
from llmops_pipelines.storage.identity import value_hash
from llmops_pipelines.storage.snapshot import Snapshot
from llmops_pipelines.storage.sync import Sync, SyncCounts, row_hash
from llmops_pipelines.storage.writer import Writer

if TYPE_CHECKING:
    import numpy as np

FROM_CHUNK = ("chunk_id", "doc_id", "ordinal", "start", "end", "text", "content_hash")
FROM_DOCUMENT = ("collection", "kind", "title", "language")
# One bit a dimension loses so much that ten times the rows have to be scored again; four are as quick to scan.
CODES = {"type": "rq", "num_bits": 4}
FRAGMENT_ROWS = 100_000


@dataclass(frozen=True)
class IndexSettings:
    """How the table is searched. Below `ann_min_rows` an exact scan is fast enough and loses nothing.

    `probes` partitions are searched, by vectors of four bits a dimension, and `refine` times the wanted rows are scored
    again with the full vectors, which are read from the table. A partition has about 4,000 rows: up to 600,000 rows
    all of them are searched, and of a million rows more than half. Hybrid search weighs dense scores by `hybrid_weight`
    and those of full text by the rest.
    """

    ann_min_rows: int = 50_000
    probes: int = 150
    refine: int = 2
    stem: bool = True
    stop_words: bool = True
    hybrid_weight: float = 0.6

    def uses_ann(self, rows: int) -> bool:
        return rows >= self.ann_min_rows


@dataclass
class IndexReport:
    """What the index holds and how it differs from the published one. Its identity is that of rows and settings.

    `distrusted` stored rows were not what they said they were; they were made anew where they are wanted.
    """

    counts: SyncCounts
    data_version: str
    rows: int
    distrusted: int
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
    """Bring the index table in line with `chunks`, then refresh its full-text and vector indexes.

    A stored row is kept where its hash is that of its columns, its vector that of its text, and its key occurs once.
    """
    about = {row.pop("doc_id"): row for row in documents.rows(["doc_id", *FROM_DOCUMENT], KEPT)}
    found = embeddings.arrow(["content_hash", "vector"])
    vectors = vector_array(found["vector"])
    position = {content_hash: i for i, content_hash in enumerate(found["content_hash"].to_pylist())}

    distrusted = _distrusted(writer.stored(), vectors, position)
    writer.delete(distrusted)
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
        distrusted=len(distrusted),
        ann=settings.uses_ann(total),
        indexes=sorted(f"{index.index_type} on {', '.join(index.columns)}" for index in writer.table.list_indices()),
    )


def _distrusted(stored: Snapshot, vectors: "np.ndarray", position: Mapping[str, int]) -> set[str]:
    """The keys of rows that were changed behind the writer's back, by what they hold and not by what they say."""
    import numpy as np

    seen: set[str] = set()
    distrusted: set[str] = set()
    for batch in stored.batches():
        rows = batch.drop_columns(["vector"]).to_pylist()
        # A text that has no vector any more is no chunk's either: its row is replaced in any case.
        known = [position.get(row["content_hash"], -1) for row in rows]
        same = np.all(vector_array(batch["vector"]) == vectors[known], axis=1) | (np.array(known) < 0)
        for row, has_its_vector in zip(rows, same, strict=True):
            key = row["chunk_id"]
            if key in seen or not has_its_vector or row["row_hash"] != row_hash(row):
                distrusted.add(key)
            seen.add(key)
    return distrusted


def _refresh_indexes(writer: Writer, settings: IndexSettings, rows: int) -> None:
    from lancedb.index import FTS, IvfRq

    table = writer.table
    table.checkout_latest()
    present = {column: index for index in table.list_indices() for column in index.columns}
    words = FTS(stem=settings.stem, remove_stop_words=settings.stop_words, with_position=False)
    # The words of a deleted row would count in the scores of the others: full text is always indexed anew.
    wanted: dict[str, Any] = {"text": words}
    if settings.uses_ann(rows) and _is_behind(present.get("vector")):
        wanted["vector"] = IvfRq(distance_type="cosine", num_bits=CODES["num_bits"])
    # The rows that a search finds are read one by one: from few files in half the time.
    table.to_lance().optimize.compact_files(target_rows_per_fragment=FRAGMENT_ROWS)  # type: ignore[attr-defined]
    table.checkout_latest()
    for column, config in wanted.items():
        table.create_index(column, config=config, replace=True)
    if "vector" in present and not settings.uses_ann(rows):
        table.drop_index(present["vector"].name)


def _is_behind(index: Any) -> bool:
    """Whether a vector index is missing, lacks rows, or was made with other codes."""
    if index is None or index.num_unindexed_rows:
        return True
    found = (index.index_details or {}).get("compression") or {}
    return any(found.get(name) != value for name, value in CODES.items())
