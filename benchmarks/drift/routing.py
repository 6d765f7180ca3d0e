"""A router that sends a share of the requests to another model, as hosted endpoints do that try a new one."""

from collections.abc import Callable, Sequence

import numpy as np

from benchmarks.drift.calls import Calls
from llmops_pipelines.drift.probes import EmbedderProbes
from llmops_pipelines.embedding.embedder import Embedded, EmbedderCount, Use


class Routed:
    """Answers each request from the `other` calls with the chance `share`, else from those of the `first` model.

    The vectors of a request are those of one call that was made before, drawn at random: what is routed is what
    VectorProbe sends as one request.
    """

    def __init__(
        self, probes: EmbedderProbes, first: Calls, other: Calls, share: float, generator: np.random.Generator
    ) -> None:
        self._places: dict[Use, dict[str, int]] = {
            "document": {text: place for place, text in enumerate(probes.documents)},
            "query": {text: place for place, text in enumerate(probes.queries)},
        }
        self._calls = (first, other)
        self._share = share
        self._generator = generator
        self.count = EmbedderCount()
        self.fingerprint, self.numerics, self.max_tokens = "routed", "routed", 0
        self.dimension = first.documents.shape[-1]

    def embed(self, texts: Sequence[str], use: Use, progress: Callable[[int], None] = lambda done: None) -> Embedded:
        calls = self._calls[int(self._generator.random() < self._share)]
        call = int(self._generator.integers(len(calls)))
        vectors = (calls.documents if use == "document" else calls.queries)[call]
        places = [self._places[use][text] for text in texts]
        return Embedded(vectors[places], [0] * len(texts), [False] * len(texts))
