"""The gates of an index: reconciled with the chunks against the table itself, and as exact as it should be."""

import random

from llmops_pipelines.embedding.missing import vector_array
from llmops_pipelines.index.search import SearchIndex
from llmops_pipelines.quality.gates import GateResult, offenders_gate
from llmops_pipelines.storage.snapshot import Snapshot

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


def recall_gate(index: SearchIndex, floor: float, sample: int = 50, seed: int = 0) -> GateResult:
    """recall@10 of the index's dense search against exact search, over sampled passages as queries.

    A hit counts where its exact score reaches that of the tenth exact hit, so that equal texts are interchangeable.
    """
    import numpy as np

    found = index.snapshot.arrow(["chunk_id", "vector"])
    vectors = vector_array(found["vector"])
    position = {chunk_id: i for i, chunk_id in enumerate(found["chunk_id"].to_pylist())}
    queries = random.Random(seed).sample(range(len(vectors)), min(sample, len(vectors)))
    depth = min(RECALL_DEPTH, len(vectors))
    recalls = []
    for query in queries:
        exact = vectors @ vectors[query]
        threshold = np.partition(exact, -depth)[-depth] - SCORE_TOLERANCE
        hits = index.dense_ranking(vectors[query], depth)
        recalls.append(sum(exact[position[hit.chunk_id]] >= threshold for hit in hits) / depth)
    recall = float(np.mean(recalls)) if recalls else 1.0
    return GateResult(
        "recall_against_exact",
        recall >= floor,
        {"recall@10": recall, "floor": floor, "queries": len(queries), "ann": index.uses_ann},
        "Dense search finds what an exact search finds.",
    )


def _contents(chunks: Snapshot) -> dict[str, str]:
    found = chunks.arrow(["chunk_id", "content_hash"])
    return dict(zip(found["chunk_id"].to_pylist(), found["content_hash"].to_pylist(), strict=True))
