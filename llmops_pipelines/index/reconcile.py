"""The gates of an index: reconciled with the chunks against the table itself, and as exact as it should be."""

import random
from collections import Counter
from typing import TYPE_CHECKING

from llmops_pipelines.corpus.cleaning.cleaner import KEPT
from llmops_pipelines.embedding.gates import vector_offenders
from llmops_pipelines.embedding.vectors import vector_array
from llmops_pipelines.index.search import SearchIndex
from llmops_pipelines.quality.gates import NAMED_ROWS, GateResult, offenders_gate
from llmops_pipelines.storage.schemas import key_column
from llmops_pipelines.storage.snapshot import Snapshot, among

if TYPE_CHECKING:
    import numpy as np

RECALL_DEPTH = 10
SCORE_TOLERANCE = 1e-4


def reconcile(index: Snapshot, chunks: Snapshot, fingerprint: str) -> list[GateResult]:
    """Nothing missing, nothing orphaned, nothing stale, one row a key: read from the index table, not from a ledger."""
    wanted = _contents(chunks)
    rows = index.arrow(["chunk_id", "content_hash", "fingerprint"]).to_pylist()
    stored = {row["chunk_id"]: row for row in rows}
    stale = [
        chunk_id
        for chunk_id, row in stored.items()
        if chunk_id in wanted and (row["content_hash"] != wanted[chunk_id] or row["fingerprint"] != fingerprint)
    ]
    seen: set[str] = set()
    repeated = [row["chunk_id"] for row in rows if row["chunk_id"] in seen or seen.add(row["chunk_id"])]
    return [
        offenders_gate("nothing_missing", sorted(wanted.keys() - stored.keys()), "Every chunk is in the index."),
        offenders_gate("nothing_orphaned", sorted(stored.keys() - wanted.keys()), "Every row has its chunk."),
        offenders_gate("nothing_stale", stale, "Every row holds its chunk's present text and this model's vector."),
        offenders_gate("one_row_a_chunk", repeated, "No chunk has two rows."),
    ]


def source_gate(index: Snapshot, chunks: Snapshot, documents: Snapshot) -> GateResult:
    """As many rows of every collection as its documents have chunks."""
    found = documents.arrow(["doc_id", "collection"], KEPT)
    collection = dict(zip(found["doc_id"].to_pylist(), found["collection"].to_pylist(), strict=True))
    wanted = Counter(collection[doc_id] for doc_id in chunks.arrow(["doc_id"])["doc_id"].to_pylist())
    rows = Counter(index.arrow(["collection"])["collection"].to_pylist())
    wrong = [
        f"{name}: {rows[name]} rows, {wanted[name]} chunks" for name in wanted | rows if rows[name] != wanted[name]
    ]
    largest = dict(rows.most_common(NAMED_ROWS))
    description = "Every collection has as many rows as its documents have chunks."
    return offenders_gate("rows_by_source", wrong, description, sources=len(wanted), rows=rows.total(), largest=largest)


def unit_vectors_gate(index: Snapshot) -> GateResult:
    """Every vector of the index table itself is finite and of length 1."""
    wrong: list[str] = []
    for batch in index.batches(["chunk_id", "vector"]):
        for keys in vector_offenders(batch["chunk_id"].to_pylist(), vector_array(batch["vector"])).values():
            wrong += keys
    return offenders_gate("unit_vectors", wrong, "Every vector is finite and has length 1 within 0.001.")


def recall_gate(
    index: SearchIndex, floor: float, questions: Snapshot | None = None, sample: int = 50, seed: int = 0
) -> GateResult:
    """recall@10 of the index's dense search against exact search, over sampled vectors of `questions`.

    Passages of the index make up the number where there are too few questions, as before a first evaluation. A hit
    counts where its exact score reaches that of the tenth exact hit, so that equal texts are interchangeable.
    """
    import numpy as np

    asked = _sampled(questions, f"fingerprint = '{index.fingerprint}'", sample, seed) if questions else []
    passages = _sampled(index.snapshot, None, sample - len(asked), seed)
    queries = np.stack([*asked, *passages])
    depth = min(RECALL_DEPTH, index.snapshot.count())
    best = np.full((len(queries), depth), -np.inf, dtype=np.float32)
    for batch in index.snapshot.batches(["vector"]):
        scores = np.concatenate([best, queries @ vector_array(batch["vector"]).T], axis=1)
        best = np.partition(scores, -depth, axis=1)[:, -depth:]
    hits = [[hit.chunk_id for hit in index.dense_ranking(query, depth)] for query in queries]
    found = index.snapshot.arrow(["chunk_id", "vector"], among("chunk_id", {key for keys in hits for key in keys}))
    vector = dict(zip(found["chunk_id"].to_pylist(), vector_array(found["vector"]), strict=True))
    recalls = [
        sum(query @ vector[key] >= threshold - SCORE_TOLERANCE for key in keys) / depth
        for query, keys, threshold in zip(queries, hits, best.min(axis=1), strict=True)
    ]
    recall = float(np.mean(recalls))
    kinds = {"questions": len(asked), "passages": len(passages)}
    return GateResult(
        "recall_against_exact",
        recall >= floor,
        {
            "recall@10": recall,
            "floor": floor,
            "queries": len(queries),
            "kind": " and ".join(kind for kind, number in kinds.items() if number),
            **kinds,
            "ann": index.uses_ann,
        },
        "Dense search finds what an exact search finds.",
    )


def _sampled(snapshot: Snapshot, where: str | None, size: int, seed: int) -> list["np.ndarray"]:
    """At most `size` vectors of a table, the same each time."""
    key = key_column(snapshot.schema)
    keys = sorted(snapshot.arrow([key], where)[key].to_pylist())
    chosen = random.Random(seed).sample(keys, min(size, len(keys)))
    found = snapshot.arrow([key, "vector"], among(key, chosen)).sort_by(key)
    return list(vector_array(found["vector"]))


def _contents(chunks: Snapshot) -> dict[str, str]:
    found = chunks.arrow(["chunk_id", "content_hash"])
    return dict(zip(found["chunk_id"].to_pylist(), found["content_hash"].to_pylist(), strict=True))
