"""The interface of an engine: a batch of texts in, vectors out. It counts what it embeds where the model is called.

The errors of a call that made a part of the vectors are in `partial.py`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    import numpy as np

Use = Literal["document", "query"]


@dataclass
class Embedded:
    """Vectors of a batch, in the order of its texts."""

    vectors: "np.ndarray"  # (texts, dimension), float32, unit length
    tokens: list[int]  # of each text with its prompt and special tokens, before truncation
    truncated: list[bool]


@dataclass
class EmbedderCount:
    """What went through the model since the embedder was made."""

    documents: int = 0
    queries: int = 0
    tokens: int = 0
    usd: float = 0.0  # what a hosted model's tokens cost; 0 where no price is configured
    requests: int = 0  # sent to a hosted model's endpoint, those that failed included


class Embedder(Protocol):
    """An embedding model that is ready to be called."""

    @property
    def fingerprint(self) -> str: ...

    @property
    def dimension(self) -> int: ...

    @property
    def max_tokens(self) -> int: ...

    @property
    def numerics(self) -> str:
        """Engine, device and precision: recorded beside a vector, not part of its identity."""
        ...

    @property
    def count(self) -> EmbedderCount: ...

    def embed(self, texts: Sequence[str], use: Use, progress: Callable[[int], None] = lambda done: None) -> Embedded:
        """The vectors of `texts`. `progress` is told how many texts are done. No texts: what is needed is loaded."""
        ...
