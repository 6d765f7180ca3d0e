"""Search in one version of an index: dense, full text, and hybrid, which weighs the scores of both."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import pyarrow as pa

from llmops_pipelines.embedding.embedder import Embedder
from llmops_pipelines.index.build import IndexSettings
from llmops_pipelines.storage.snapshot import Snapshot

if TYPE_CHECKING:
    import numpy as np

SearchKind = Literal["hybrid", "dense", "full_text"]

HIT_COLUMNS = ("chunk_id", "doc_id", "title", "collection", "kind", "start", "end", "text")
RANK_COLUMNS = ("chunk_id", "doc_id")
ROW_ID = "_rowid"  # where a row lies in this version of the table
# Both lists are read to this depth whatever number of hits is wanted, so that ten hits are the first ten of a hundred.
FUSION_DEPTH = 300


class SearchError(ValueError):
    """A search that cannot be answered. The message says what to change."""


class FingerprintMismatchError(SearchError):
    """Vectors of another model than the one that made the index."""


@dataclass(frozen=True)
class Hit:
    """A passage that was found. `score` is cosine similarity, BM25, or that of `fuse`, by the kind of search."""

    chunk_id: str
    doc_id: str
    title: str
    collection: str
    kind: str
    start: int
    end: int
    text: str
    score: float


class SearchIndex:
    """One version of an index table. Queries come as text for full text, and as vectors of the index's model for dense."""

    def __init__(self, snapshot: Snapshot, settings: IndexSettings) -> None:
        self.snapshot = snapshot
        self.settings = settings
        self.fingerprint: str = (
            snapshot.table.search().select(["fingerprint"]).limit(1).to_arrow()["fingerprint"][0].as_py()
        )
        self.uses_ann = any("vector" in index.columns for index in snapshot.table.list_indices())
        # Queries go to the dataset itself: lancedb's synchronous table takes twice the time of one for the same plan.
        self._dataset = snapshot.table.to_lance()  # type: ignore[attr-defined]

    def dense(self, vector: "np.ndarray", limit: int, where: str | None = None) -> list[Hit]:
        """The `limit` passages whose vectors are nearest by cosine, best first."""
        return [Hit(**row) for row in _scored(self._dense(vector, limit, where, HIT_COLUMNS))]

    def full_text(self, text: str, limit: int, where: str | None = None) -> list[Hit]:
        """The `limit` passages that score best by BM25; fewer where fewer hold a word of `text`."""
        return [Hit(**row) for row in _scored(self._full_text(text, limit, where, HIT_COLUMNS))]

    def hybrid(self, text: str, vector: "np.ndarray", limit: int, where: str | None = None) -> list[Hit]:
        """Both rankings by the sum of their scores, weighed as the settings say; `limit` is at most 300."""
        columns = ("chunk_id", ROW_ID)
        dense = _scored(self._dense(vector, FUSION_DEPTH, where, columns))
        words = _scored(self._full_text(text, FUSION_DEPTH, where, columns))
        by_vector, by_words = ({row["chunk_id"]: row["score"] for row in ranking} for ranking in (dense, words))
        fused = fuse(by_vector, by_words, self.settings.hybrid_weight)[:limit]
        if not fused:
            return []
        # A row is read by its number: a filter by chunk_id would read that column of the whole table.
        numbers = {row["chunk_id"]: row[ROW_ID] for row in (*dense, *words)}
        wanted = ", ".join(str(numbers[chunk_id]) for chunk_id, _ in fused)
        found = self._dataset.to_table(columns=list(HIT_COLUMNS), filter=f"{ROW_ID} IN ({wanted})").to_pylist()
        rows = {row["chunk_id"]: row for row in found}
        return [Hit(**rows[chunk_id], score=score) for chunk_id, score in fused]

    def dense_ranking(self, vector: "np.ndarray", limit: int, where: str | None = None) -> list["Ranked"]:
        """As `dense`, without the passage: what evaluation reads."""
        return [Ranked(**row) for row in _scored(self._dense(vector, limit, where, RANK_COLUMNS))]

    def full_text_ranking(self, text: str, limit: int, where: str | None = None) -> list["Ranked"]:
        """As `full_text`, without the passage."""
        return [Ranked(**row) for row in _scored(self._full_text(text, limit, where, RANK_COLUMNS))]

    def _dense(self, vector: "np.ndarray", limit: int, where: str | None, columns: Sequence[str]) -> pa.Table:
        nearest: dict[str, Any] = {"column": "vector", "q": vector, "metric": "cosine"}
        if self.uses_ann:
            nearest |= {"nprobes": self.settings.probes, "refine_factor": self.settings.refine}

        def read(depth: int) -> pa.Table:
            return self._read([*columns, "_distance"], where, nearest={**nearest, "k": depth})

        return _first(read, limit, ("_distance", "ascending"))

    def _full_text(self, text: str, limit: int, where: str | None, columns: Sequence[str]) -> pa.Table:
        from lance.query import MatchQuery

        words = MatchQuery(text, "text")

        def read(depth: int) -> pa.Table:
            return self._read([*columns, "_score"], where, full_text_query=words, limit=depth)

        return _first(read, limit, ("_score", "descending"))

    def _read(self, columns: list[str], where: str | None, **query: Any) -> pa.Table:
        try:
            return self._dataset.to_table(columns=columns, filter=where, prefilter=where is not None, **query)
        except (RuntimeError, ValueError, OSError) as error:
            if not where:
                raise
            raise SearchError(
                f"the filter {where!r} cannot be used: {error}. It is an SQL expression over "
                f"{', '.join(HIT_COLUMNS[:5])} and language, for instance collection = 'pandas'"
            ) from error


def _first(read: Callable[[int], pa.Table], limit: int, score: tuple[str, str]) -> pa.Table:
    """The best `limit` rows in the order of their score; equal scores in the order of chunk_id, at the cut as well."""
    depth = limit + 1
    while True:
        rows = read(depth).sort_by([score, ("chunk_id", "ascending")])
        # The store cuts among equal scores as it likes: all of them are read before they are cut by chunk_id.
        if len(rows) < depth or rows[score[0]][-1] != rows[score[0]][limit - 1]:
            return rows.slice(0, limit)
        depth *= 4


class Ranked(NamedTuple):
    """A place in a ranking."""

    chunk_id: str
    doc_id: str
    score: float


def fuse(dense: Mapping[str, float], words: Mapping[str, float], weight: float) -> list[tuple[str, float]]:
    """Ids with the weighted sum of their scores in both rankings, best first: `weight` for `dense`, the rest for `words`.

    Scores are scaled so that the best of a ranking has 1 and its last 0, which is also the score of what it lacks: the
    convex combination of Bruch, Gai and Ingber, "An analysis of fusion functions for hybrid retrieval", ACM TOIS 2023.
    Equal sums are ordered by id, so that the order is the same every time.
    """
    sums: dict[str, float] = {}
    for share, ranking in ((weight, dense), (1.0 - weight, words)):
        low, high = min(ranking.values(), default=0.0), max(ranking.values(), default=0.0)
        for item, score in ranking.items():
            scaled = (score - low) / (high - low) if high > low else 1.0
            sums[item] = sums.get(item, 0.0) + share * scaled
    return sorted(sums.items(), key=lambda item: (-item[1], item[0]))


class Searcher:
    """An index with the embedder of its model: searches by text."""

    def __init__(self, index: SearchIndex, embedder: Embedder) -> None:
        if index.fingerprint != embedder.fingerprint:
            raise FingerprintMismatchError(
                f"the index was made with model {index.fingerprint[:8]}, the query would be embedded with "
                f"{embedder.fingerprint[:8]}: their vectors cannot be compared. Search the index of that model, or "
                "materialise the index of this one"
            )
        self.index = index
        self.embedder = embedder

    def search(self, text: str, kind: SearchKind = "hybrid", limit: int = 10, where: str | None = None) -> list[Hit]:
        """The `limit` best passages for `text`. `where` is an SQL expression over the index's columns."""
        if not text.strip():
            raise SearchError("the question is empty")
        if kind == "full_text":
            return self.index.full_text(text, limit, where)
        vector = self.embedder.embed([text], "query").vectors[0]
        if kind == "dense":
            return self.index.dense(vector, limit, where)
        return self.index.hybrid(text, vector, limit, where)


def _scored(rows: pa.Table) -> list[dict[str, Any]]:
    """The rows that a query found, with `score`: the cosine where it was by vector, else BM25."""
    by_vector = "_distance" in rows.column_names
    found = rows.rename_columns({"_distance" if by_vector else "_score": "score"}).to_pylist()
    return [{**row, "score": 1.0 - row["score"]} for row in found] if by_vector else found
