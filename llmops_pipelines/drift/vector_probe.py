"""Asks an embedding model for the vectors of fixed texts and queries, and compares them with a reference.

The practical effect is what a search loses: the frozen index are the vectors of the texts in the reference, and the effect
the share of the first ten that is found no more, by the queries of a look, or among the texts of a look.
"""

import io
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from llmops_pipelines.drift.distances import overlap, shift
from llmops_pipelines.drift.drawn import Compared, Drawn, Progress, Spent
from llmops_pipelines.drift.identity import Identity
from llmops_pipelines.drift.probes import EmbedderProbes, Tier
from llmops_pipelines.drift.verdict import MOST_FAILED, Family, Look
from llmops_pipelines.embedding.embedder import Embedder, Use
from llmops_pipelines.embedding.hosted_model import HostedModelError
from llmops_pipelines.embedding.partial import EmbeddingError, TextsRefusedError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# A call sends its texts in another order and in requests of another size: what that changes is jitter, and no drift.
REQUEST_TEXTS = (8, 16, 4, 32, 60)
EXAMPLES = 5


@dataclass(frozen=True)
class Vectors:
    """Vectors by call, (calls, texts, dimension) each; NaN where there was no answer."""

    documents: "np.ndarray"
    queries: "np.ndarray"

    def calls(self, first: int, end: int) -> "Vectors":
        """Some of the calls."""
        return Vectors(self.documents[first:end], self.queries[first:end])


class VectorProbe:
    """The probes of one embedding model. `embedder` gives a new one for each draw; `identify` says what answered it."""

    def __init__(
        self,
        probes: EmbedderProbes,
        embedder: Callable[[], Embedder],
        identify: Callable[[Embedder], Identity],
        seed: int | None = None,
    ) -> None:
        self.probes = probes
        self._embedder = embedder
        self._identify = identify
        self._seed = seed

    def draw(self, tiers: tuple[Tier, ...], reference: bool, progress: Progress = lambda done, total: None) -> Drawn:
        """A reference has anchors and as many peers as a look has calls: twice the calls of a look."""
        import numpy as np

        embedder, probes = self._embedder(), self.probes
        tokens, usd = embedder.count.tokens, embedder.count.usd
        calls = probes.calls * (2 if reference else 1)
        generator = np.random.default_rng(self._seed)
        asked: list[tuple[Use, list[str]]] = [("document", probes.documents), ("query", list(probes.queries))]
        found = [np.full((calls, len(texts), embedder.dimension), np.nan, np.float32) for _, texts in asked]
        total, started = calls * sum(len(texts) for _, texts in asked), time.perf_counter()
        problem, gone, done, lost = "", False, 0, 0
        for call in range(calls):
            for (use, texts), vectors in zip(asked, found, strict=True):
                order = generator.permutation(len(texts))
                size = REQUEST_TEXTS[call % len(REQUEST_TEXTS)]
                for start in range(0, len(order), size):
                    if gone or lost > MOST_FAILED * total:
                        break  # nothing can be said by this look any more
                    share = order[start : start + size]
                    try:
                        vectors[call, share] = embedder.embed([texts[i] for i in share], use).vectors
                    except EmbeddingError as error:
                        if error.embedded and error.positions:
                            vectors[call, share[error.positions]] = error.embedded.vectors
                        problem = str(error)
                        gone = isinstance(error, HostedModelError) and error.gone
                        # A text that is refused by itself may be so in the reference too.
                        lost += 0 if isinstance(error, TextsRefusedError) and not error.gave_up else len(share)
                    done += len(share)
                    progress(done, total)
        missing = sum(int(np.isnan(vectors[..., 0]).sum()) for vectors in found)
        spent = Spent(
            total,
            missing,
            embedder.count.tokens - tokens,
            embedder.count.usd - usd,
            time.perf_counter() - started,
        )
        return Drawn(Vectors(*found), self._identify(embedder), spent, problem, gone)

    def compared(self, reference: Vectors, drawn: Drawn, level: float) -> Compared:
        """Two families, the queries and the texts. Texts that the reference has no vector of take no part."""
        import numpy as np

        look: Vectors = drawn.answers
        known = [_answered(vectors) for vectors in (reference.documents, reference.queries)]
        wanted = self.probes.calls * sum(int(kept.sum()) for kept in known)
        sides = list(zip((look.documents, look.queries), known, strict=True))
        lost = sum(int(np.isnan(vectors[:, kept, 0]).sum()) for vectors, kept in sides)
        if lost > MOST_FAILED * wanted:
            return Compared(Look([], wanted, lost))
        documents, queries = (kept & _answered(vectors) for vectors, kept in sides)
        before = Vectors(reference.documents[:, documents], reference.queries[:, queries])
        now = Vectors(look.documents[:, documents], look.queries[:, queries])
        anchors, peers = before.calls(0, self.probes.calls), before.calls(self.probes.calls, 2 * self.probes.calls)
        moved = {
            "queries": shift(anchors.queries, peers.queries, now.queries),
            "documents": shift(anchors.documents, peers.documents, now.documents),
        }
        index = _FrozenIndex(anchors)
        losses = {
            "queries": index.lost_by_queries(now.queries) - index.lost_by_queries(peers.queries),
            "documents": index.lost_by_documents(now.documents) - index.lost_by_documents(peers.documents),
        }
        families = [
            Family(name, found.p, losses[name], self.probes.floor, "of the first ten lost")
            for name, found in moved.items()
        ]
        names = [text for text, kept in zip(self.probes.documents, documents.tolist(), strict=True) if kept]
        by_text = moved["documents"].by_text
        farthest = [int(i) for i in np.argsort(-by_text)[:EXAMPLES] if by_text[i] > 0]
        examples = [{"text": names[i][:120], "distance": f"{by_text[i]:.2g}"} for i in farthest]
        return Compared(Look(families, wanted, lost, level=level), examples)

    def packed(self, answers: Vectors) -> bytes:
        import numpy as np

        with io.BytesIO() as content:
            np.savez_compressed(content, documents=answers.documents, queries=answers.queries)
            return content.getvalue()

    def unpacked(self, content: bytes) -> Vectors:
        import numpy as np

        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            return Vectors(arrays["documents"], arrays["queries"])


class _FrozenIndex:
    """The texts as the anchors have them, with what the anchors' queries find among them."""

    def __init__(self, anchors: Vectors) -> None:
        self.documents, self.queries = _mean(anchors.documents), _mean(anchors.queries)
        self.found = self.queries @ self.documents.T

    def lost_by_queries(self, calls: "np.ndarray") -> float:
        """The share of the first ten that queries (calls, queries, dimension) find no more, 0 to 1."""
        return 1 - sum(float(overlap(self.found, queries @ self.documents.T).mean()) for queries in calls) / len(calls)

    def lost_by_documents(self, calls: "np.ndarray") -> float:
        """The same where the texts are indexed anew, (calls, texts, dimension), and the queries stay."""
        return 1 - sum(float(overlap(self.found, self.queries @ texts.T).mean()) for texts in calls) / len(calls)


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
