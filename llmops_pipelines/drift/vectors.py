"""The vectors of probes, those of a look against those of a reference, and how small a loss that comparison sees.

The practical effect is what a search loses: the frozen index are the vectors of the texts in the reference, and the effect
the share of the first ten that is found no more, by the queries of a look, or among the texts of a look.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from llmops_pipelines.drift.distances import overlap, shift
from llmops_pipelines.drift.drawn import Compared
from llmops_pipelines.drift.probes import EmbedderProbes
from llmops_pipelines.drift.verdict import LEVEL, MOST_FAILED, Family, Look

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

EXAMPLES = 5
UNIT = "of the first ten lost"
DRAWS, BISECTIONS = 100, 12
SEED = 19_350_804


@dataclass(frozen=True)
class Vectors:
    """Vectors by call, (calls, texts, dimension) each; NaN where there was no answer."""

    documents: "np.ndarray"
    queries: "np.ndarray"

    def calls(self, first: int, end: int) -> "Vectors":
        """Some of the calls."""
        return Vectors(self.documents[first:end], self.queries[first:end])


class FrozenIndex:
    """The texts as the anchors of a reference have them, with what the anchors' queries find among them."""

    def __init__(self, anchors: Vectors) -> None:
        self.documents, self.queries = _mean(anchors.documents), _mean(anchors.queries)
        self.found = self.queries @ self.documents.T

    def lost_by_queries(self, calls: "np.ndarray") -> float:
        """The share of the first ten that queries (calls, queries, dimension) find no more, 0 to 1."""
        return 1 - sum(float(overlap(self.found, queries @ self.documents.T).mean()) for queries in calls) / len(calls)

    def lost_by_documents(self, calls: "np.ndarray") -> float:
        """The same where the texts are indexed anew, (calls, texts, dimension), and the queries stay."""
        return 1 - sum(float(overlap(self.found, self.queries @ texts.T).mean()) for texts in calls) / len(calls)


def compare_vectors(probes: EmbedderProbes, reference: Vectors, look: Vectors) -> Compared:
    """Two families, the queries and the texts. Texts that the reference has no vector of take no part.

    Where more than MOST_FAILED of the calls of the texts, or of the queries, have no answer, or fewer than half of either
    are answered in every call, there are no families: it is unmeasured.
    """
    import numpy as np

    known = [_answered(vectors) for vectors in (reference.documents, reference.queries)]
    wanted = probes.calls * sum(int(kept.sum()) for kept in known)
    sides = list(zip((look.documents, look.queries), known, strict=True))
    lost = sum(int(np.isnan(vectors[:, kept, 0]).sum()) for vectors, kept in sides)
    if lost > MOST_FAILED * wanted:
        return Compared(Look([], wanted, lost))
    documents, queries = (kept & _answered(vectors) for vectors, kept in sides)
    for (vectors, before), now in zip(sides, (documents, queries), strict=True):
        asked, unanswered = vectors[:, before, 0].size, int(np.isnan(vectors[:, before, 0]).sum())
        if unanswered > MOST_FAILED * asked:
            return Compared(Look([], asked, unanswered))
        if 2 * now.sum() < len(now):
            return Compared(Look([], len(now), len(now) - int(now.sum())))
    if reference.documents.shape[2:] != look.documents.shape[2:]:  # nothing can be found in the index any more
        families = [Family(name, 0.0, 1.0, probes.floor, UNIT, one_sided=True) for name in ("queries", "documents")]
        return Compared(Look(families, wanted, lost))
    before = Vectors(reference.documents[:, documents], reference.queries[:, queries])
    now = Vectors(look.documents[:, documents], look.queries[:, queries])
    anchors, peers = before.calls(0, probes.calls), before.calls(probes.calls, 2 * probes.calls)
    moved = {
        "queries": shift(anchors.queries, peers.queries, now.queries),
        "documents": shift(anchors.documents, peers.documents, now.documents),
    }
    index = FrozenIndex(anchors)
    losses = {
        "queries": index.lost_by_queries(now.queries) - index.lost_by_queries(peers.queries),
        "documents": index.lost_by_documents(now.documents) - index.lost_by_documents(peers.documents),
    }
    families = [
        Family(name, found.p, losses[name], probes.floor, UNIT, one_sided=True) for name, found in moved.items()
    ]
    names = [text for text, kept in zip(probes.documents, documents.tolist(), strict=True) if kept]
    by_text = moved["documents"].by_text
    farthest = [int(i) for i in np.argsort(-by_text)[:EXAMPLES] if by_text[i] > 0]
    examples = [{"text": names[i][:120], "distance": f"{by_text[i]:.2g}"} for i in farthest]
    return Compared(Look(families, wanted, lost), examples)


def lacking(reference: Vectors) -> str:
    """What keeps vectors from being a reference: too many calls of the texts, or of the queries, had no answer."""
    import numpy as np

    for name, vectors in (("texts", reference.documents), ("queries", reference.queries)):
        calls, missing = vectors[..., 0].size, int(np.isnan(vectors[..., 0]).sum())
        if missing > MOST_FAILED * calls or 2 * int(_answered(vectors).sum()) < vectors.shape[1]:
            return f"{missing} of {calls} calls of its {name} had no answer, at most {MOST_FAILED:.0%} may"
    return ""


def power_of_loss(probes: EmbedderProbes, reference: Vectors, loss: float) -> float:
    """How likely a look notices that queries lose a share `loss` of their first ten, 0 to 1.

    Drawn from the reference itself: its queries moved each in a direction of its own, as far as makes the loss on average.
    A model that was moved so stays so: the look that confirms sees the same.
    """
    import numpy as np

    kept = Vectors(
        reference.documents[:, _answered(reference.documents)], reference.queries[:, _answered(reference.queries)]
    )
    index, peers = FrozenIndex(kept.calls(0, probes.calls)), kept.calls(probes.calls, 2 * probes.calls)
    generator = np.random.default_rng(SEED)
    directions = generator.normal(size=(DRAWS, *peers.queries.shape[1:]))
    directions /= np.linalg.norm(directions, axis=-1, keepdims=True)

    def drawn(amount: float, draw: int) -> np.ndarray:
        turned = peers.queries + amount * directions[draw]
        return turned / np.linalg.norm(turned, axis=-1, keepdims=True)

    low, high = 0.0, 8.0
    for _ in range(BISECTIONS):
        amount = (low + high) / 2
        lost = np.mean([index.lost_by_queries(drawn(amount, draw)[:1]) for draw in range(DRAWS)])
        low, high = (amount, high) if lost < loss else (low, amount)
    found = 0
    for draw in range(DRAWS):
        queries = drawn((low + high) / 2, draw)
        effect = index.lost_by_queries(queries) - index.lost_by_queries(peers.queries)
        p = shift(kept.queries[: probes.calls], peers.queries, queries).p
        found += p <= LEVEL / 2 and effect > probes.floor
    return found / DRAWS


def _answered(vectors: "np.ndarray") -> "NDArray[np.bool_]":
    """Which texts have a vector in every call."""
    import numpy as np

    answered: NDArray[np.bool_] = np.isfinite(vectors[..., 0]).min(axis=0)
    return answered


def _mean(calls: "np.ndarray") -> "np.ndarray":
    """The mean direction of the calls of each text, (texts, dimension)."""
    import numpy as np

    mean = calls.astype(np.float64).mean(axis=0)
    return mean / np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-12)
