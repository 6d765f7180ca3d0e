"""Asks an embedding model for the vectors of fixed texts and queries."""

import io
import time
from collections.abc import Callable

from llmops_pipelines.drift.drawn import Compared, Cost, Drawn, Progress, Spent
from llmops_pipelines.drift.identity import Identity
from llmops_pipelines.drift.probes import EmbedderProbes, Tier
from llmops_pipelines.drift.vectors import Vectors, compare_vectors, lacking, power_of_loss
from llmops_pipelines.drift.verdict import MOST_FAILED
from llmops_pipelines.embedding.batches import estimated_tokens
from llmops_pipelines.embedding.embedder import Embedder, Use
from llmops_pipelines.embedding.hosted_model import HostedModelError
from llmops_pipelines.embedding.partial import EmbeddingError, TextsRefusedError

# A call sends its texts in another order and in requests of another size: what that changes is jitter, and no drift.
# Requests are small, so that a router that sends a few of them to another model is met by every look.
REQUEST_TEXTS = (3, 5, 2, 8, 16)


class VectorProbe:
    """The probes of one embedding model. `embedder` gives a new one for each draw; `identify` says what answered it."""

    def __init__(
        self,
        probes: EmbedderProbes,
        embedder: Callable[[], Embedder],
        identify: Callable[[Embedder], Identity],
        usd_per_million_tokens: float = 0.0,
        seed: int | None = None,
    ) -> None:
        self.probes = probes
        self._embedder = embedder
        self._identify = identify
        self._price = usd_per_million_tokens
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

    def cost(self, tiers: tuple[Tier, ...], reference: bool) -> Cost:
        calls = self.probes.calls * (2 if reference else 1)
        tokens = calls * sum(map(estimated_tokens, [*self.probes.documents, *self.probes.queries]))
        return Cost(self.probes.size(tiers) * (2 if reference else 1), tokens, tokens * self._price / 1e6)

    def power(self, reference: Vectors, drop: float) -> float:
        return power_of_loss(self.probes, reference, drop)

    def compared(self, reference: Vectors, drawn: Drawn) -> Compared:
        return compare_vectors(self.probes, reference, drawn.answers.calls(0, self.probes.calls))

    def lacking(self, answers: Vectors) -> str:
        return lacking(answers)

    def packed(self, answers: Vectors) -> bytes:
        import numpy as np

        with io.BytesIO() as content:
            np.savez_compressed(content, documents=answers.documents, queries=answers.queries)
            return content.getvalue()

    def unpacked(self, content: bytes) -> Vectors:
        import numpy as np

        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            return Vectors(arrays["documents"], arrays["queries"])
