"""Search in one version of an index: dense, full text, and both fused by reciprocal rank."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import pyarrow as pa

from llmops_pipelines.embedding.embedder import Embedder
from llmops_pipelines.index.build import IndexSettings
from llmops_pipelines.storage.snapshot import Snapshot, among

if TYPE_CHECKING:
    import numpy as np

SearchKind = Literal["hybrid", "dense", "full_text"]

HIT_COLUMNS = ("chunk_id", "doc_id", "title", "collection", "kind", "start", "end", "text")
RANK_COLUMNS = ("chunk_id", "doc_id")
# Both lists are read to this depth whatever number of hits is wanted, so that ten hits are the first ten of a hundred.
FUSION_DEPTH = 300
RRF_K = 60


class SearchError(ValueError):
    """A search that cannot be answered. The message says what to change."""


class FingerprintMismatchError(SearchError):
    """Vectors of another model than the one that made the index."""


@dataclass(frozen=True)
class Hit:
    """A passage that was found. `score` is cosine similarity, BM25 or reciprocal rank, by the kind of search."""

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

    def dense(self, vector: "np.ndarray", limit: int, where: str | None = None) -> list[Hit]:
        """The `limit` passages whose vectors are nearest by cosine, best first."""
        return _hits(self._dense(vector, limit, where, HIT_COLUMNS), "_distance", lambda distance: 1.0 - distance)

    def full_text(self, text: str, limit: int, where: str | None = None) -> list[Hit]:
        """The `limit` passages that score best by BM25; fewer where fewer hold a word of `text`."""
        return _hits(self._full_text(text, limit, where, HIT_COLUMNS), "_score")

    def hybrid(self, text: str, vector: "np.ndarray", limit: int, where: str | None = None) -> list[Hit]:
        """Both rankings fused by reciprocal rank; `limit` is at most 300."""
        lists = self.dense_ranking(vector, FUSION_DEPTH, where), self.full_text_ranking(text, FUSION_DEPTH, where)
        fused = fuse([[passage.chunk_id for passage in ranking] for ranking in lists])[:limit]
        if not fused:
            return []
        found = self.snapshot.arrow(HIT_COLUMNS, among("chunk_id", (chunk_id for chunk_id, _ in fused))).to_pylist()
        rows = {row["chunk_id"]: row for row in found}
        return [Hit(**rows[chunk_id], score=score) for chunk_id, score in fused]

    def dense_ranking(self, vector: "np.ndarray", limit: int, where: str | None = None) -> list["Ranked"]:
        """As `dense`, names only: what evaluation and fusion read."""
        return _ranked(self._dense(vector, limit, where, RANK_COLUMNS))

    def full_text_ranking(self, text: str, limit: int, where: str | None = None) -> list["Ranked"]:
        """As `full_text`, names only."""
        return _ranked(self._full_text(text, limit, where, RANK_COLUMNS))

    def _dense(self, vector: "np.ndarray", limit: int, where: str | None, columns: Sequence[str]) -> pa.Table:
        query: Any = self.snapshot.table.search(vector, vector_column_name="vector")
        query = query.distance_type("cosine")
        if self.uses_ann:
            query = query.nprobes(self.settings.probes).refine_factor(self.settings.refine)
        return self._run(query, limit, where, columns, ("_distance", "ascending"))

    def _full_text(self, text: str, limit: int, where: str | None, columns: Sequence[str]) -> pa.Table:
        from lancedb.query import MatchQuery

        words = MatchQuery(text, "text")  # type: ignore[call-arg]
        query = self.snapshot.table.search(words, query_type="fts")
        return self._run(query, limit, where, columns, ("_score", "descending"))

    def _run(
        self, query: Any, limit: int, where: str | None, columns: Sequence[str], score: tuple[str, str]
    ) -> pa.Table:
        """The best `limit` rows in the order of their score; equal scores in the order of chunk_id, at the cut as well."""
        if where:
            query = query.where(where, prefilter=True)
        depth = limit + 1
        try:
            while True:
                rows = query.select([*columns, score[0]]).limit(depth).to_arrow()
                rows = rows.sort_by([score, ("chunk_id", "ascending")])
                # The store cuts among equal scores as it likes: all of them are read before they are cut by chunk_id.
                if len(rows) < depth or rows[score[0]][-1] != rows[score[0]][limit - 1]:
                    return rows.slice(0, limit)
                depth *= 4
        except (RuntimeError, ValueError) as error:
            if not where:
                raise
            raise SearchError(
                f"the filter {where!r} cannot be used: {error}. It is an SQL expression over "
                f"{', '.join(HIT_COLUMNS[:5])} and language, for instance collection = 'pandas'"
            ) from error


class Ranked(NamedTuple):
    """A place in a ranking."""

    chunk_id: str
    doc_id: str


def fuse(rankings: Sequence[Sequence[str]]) -> list[tuple[str, float]]:
    """Ids with their reciprocal rank score, the sum of 1 / (60 + rank) over the rankings, best first.

    Cormack, Clarke and Buettcher, "Reciprocal rank fusion outperforms Condorcet and individual rank learning methods",
    SIGIR 2009. Equal scores are ordered by id, so that the order is the same every time.
    """
    scores: dict[str, float] = {}
    for ranking in rankings:
        for rank, item in enumerate(ranking, start=1):
            scores[item] = scores.get(item, 0.0) + 1.0 / (RRF_K + rank)
    return sorted(scores.items(), key=lambda scored: (-scored[1], scored[0]))


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


def _hits(rows: pa.Table, column: str, score: Any = float) -> list[Hit]:
    return [Hit(**{name: row[name] for name in HIT_COLUMNS}, score=score(row[column])) for row in rows.to_pylist()]


def _ranked(rows: pa.Table) -> list[Ranked]:
    return [Ranked(*names) for names in zip(rows["chunk_id"].to_pylist(), rows["doc_id"].to_pylist(), strict=True)]
