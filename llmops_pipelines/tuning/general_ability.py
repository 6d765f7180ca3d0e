"""What a tuned model must not lose: passages that were near each other under the base stay near."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from llmops_pipelines.embedding.vectors import vector_array
from llmops_pipelines.storage.identity import text_hash
from llmops_pipelines.storage.snapshot import Snapshot, among

if TYPE_CHECKING:
    import numpy as np

NEIGHBOURS = 10
MIN_PASSAGES = 12
SAMPLE = 500


@dataclass(frozen=True)
class Sample:
    """Passages of a corpus with their vectors under the base, shape (passages, dimension)."""

    texts: Sequence[str]
    vectors: "np.ndarray"


def sample_passages(index: Snapshot) -> Sample:
    """The 500 passages of the base's index with the smallest hash: the same ones while they are there."""
    hashes = index.arrow(["chunk_id"])["chunk_id"].to_pylist()
    chosen = sorted(set(hashes), key=text_hash)[:SAMPLE]
    rows = index.arrow(["chunk_id", "text", "vector"], among("chunk_id", chosen)).sort_by("chunk_id")
    return Sample(rows["text"].to_pylist(), vector_array(rows["vector"]))


def neighbours_kept(before: "np.ndarray", after: "np.ndarray") -> float | None:
    """The share of each passage's ten nearest neighbours under the base that are so under the tuned model, on average.

    `before` and `after` are unit vectors of the same passages, shape (passages, dimension). Of fewer than a hundred
    passages a tenth are its neighbours, so that a model that has collapsed keeps about a tenth at most; 1.0 means that
    nothing has moved. With fewer than twelve passages nothing is known: None.
    """
    import numpy as np

    count = len(before)
    if count < MIN_PASSAGES:
        return None
    neighbours = min(NEIGHBOURS, count // 10)

    def nearest(vectors: "np.ndarray") -> list[set[int]]:
        cosines = vectors @ vectors.T
        np.fill_diagonal(cosines, -np.inf)
        return [set(row.tolist()) for row in np.argpartition(-cosines, neighbours, axis=1)[:, :neighbours]]

    pairs = zip(nearest(before), nearest(after), strict=True)
    return sum(len(old & new) for old, new in pairs) / (neighbours * count)
