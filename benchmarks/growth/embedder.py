"""An embedder that costs next to nothing: the sum of a fixed random vector of each word, made unit length.

It stands for a model where the cost of everything else is measured. Texts that share words are near each other, so that
the index has something to search in; what it finds means nothing.
"""

import re
import zlib
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from llmops_pipelines.embedding.embedder import Embedded, EmbedderCount, Use

if TYPE_CHECKING:
    import numpy as np

WORD = re.compile(r"\w+")
WORDS = 32_768


class WordVectors:
    """Implements `Embedder`. A text's tokens are its words; none is too long."""

    fingerprint = "word-vectors-1"
    dimension = 384
    max_tokens = 1_000_000
    numerics = "numpy"

    def __init__(self) -> None:
        self.count = EmbedderCount()

    def embed(self, texts: Sequence[str], use: Use, progress: Callable[[int], None] = lambda done: None) -> Embedded:
        import numpy as np

        words = [[zlib.crc32(word.encode()) % WORDS for word in WORD.findall(text.lower())] or [0] for text in texts]
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        for i, numbers in enumerate(words):
            total = self._vectors[numbers].sum(axis=0)
            vectors[i] = total / np.linalg.norm(total)
        tokens = [len(numbers) for numbers in words]
        self.count.documents += len(texts)
        self.count.tokens += sum(tokens)
        progress(len(texts))
        return Embedded(vectors, tokens, [False] * len(texts))

    @cached_property
    def _vectors(self) -> "np.ndarray":
        import numpy as np

        return np.random.default_rng(0).standard_normal((WORDS, self.dimension), dtype=np.float32)
