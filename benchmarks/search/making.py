"""Makes any number of rows of real passages, in blocks, so that memory stays bounded.

The first rows are the real passages themselves. Every further one has two parents: a real passage, drawn at random, and
one of its ten nearest neighbours.

- Its vector is a point between those of its parents, moved by 0.35 of the difference of two other real vectors
  drawn at random, and made unit length again. So it lies where passages lie, and noise goes where passages differ:
  the spread of real vectors is far from the same in all directions. 0.35 was chosen so that of equally many rows made
  and real ones are as near each other: cosine of the nearest other row 0.69 (real: 0.70) in the median, of the tenth
  0.50 (0.51).
- Its text is made of the sentences of both parents, shuffled, as many as the first parent has: words and their
  frequencies are those of real text, and rows that are near each other share words. The row's number stands at the
  end: a text belongs to one row, as a text has one vector.

The same number of a row gives the same row, whatever the number of rows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from re import compile as pattern
from typing import TYPE_CHECKING

from benchmarks.search.real import Real

if TYPE_CHECKING:
    import numpy as np

BLOCK = 10_000
NEIGHBOURS = 10
NOISE = 0.35
SENTENCE_END = pattern(r"(?<=[.!?:;])\s+|\n+")


@dataclass(frozen=True)
class Block:
    """Consecutive rows: the number of the first, and of each its text, collection and vector."""

    start: int
    texts: list[str]
    collections: list[str]
    vectors: "np.ndarray"


@dataclass(frozen=True)
class Maker:
    """Makes rows of `real` passages."""

    real: Real

    def blocks(self, rows: int, first: int = 0) -> Iterator[Block]:
        """The rows numbered from `first`, a multiple of 10,000, up to `rows`."""
        for start in range(first, rows, BLOCK):
            yield self.block(start, min(BLOCK, rows - start))

    def block(self, start: int, rows: int = BLOCK) -> Block:
        """The `rows` rows from number `start`, a multiple of 10,000."""
        import numpy as np

        assert start % BLOCK == 0 and rows <= BLOCK
        found, real = len(self.real.texts), self.real
        random = np.random.default_rng([0, start // BLOCK])
        parents = random.integers(found, size=BLOCK)
        others = self.neighbours[parents, random.integers(NEIGHBOURS, size=BLOCK)]
        share = random.uniform(0.3, 0.7, size=(BLOCK, 1)).astype(np.float32)
        apart = random.integers(found, size=(2, BLOCK))
        vectors = share * real.vectors[parents] + (1 - share) * real.vectors[others]
        vectors += NOISE * (real.vectors[apart[0]] - real.vectors[apart[1]])
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        pairs = zip(parents.tolist(), others.tolist(), strict=True)
        texts = [f"{self._text(a, b, random)} {start + i}" for i, (a, b) in enumerate(pairs)]
        collections = [real.collections[parent] for parent in parents]
        kept = min(BLOCK, max(0, found - start))
        vectors[:kept] = real.vectors[start : start + kept]
        texts[:kept] = real.texts[start : start + kept]
        collections[:kept] = real.collections[start : start + kept]
        return Block(start, texts[:rows], collections[:rows], vectors[:rows])

    @cached_property
    def neighbours(self) -> "np.ndarray":
        """The positions of the nearest other passages of each real one, best first."""
        import numpy as np

        vectors = self.real.vectors
        found = np.empty((len(vectors), NEIGHBOURS), dtype=np.int64)
        for start in range(0, len(vectors), 1000):
            scores = vectors[start : start + 1000] @ vectors.T
            scores[np.arange(len(scores)), np.arange(start, start + len(scores))] = -np.inf
            best = np.argpartition(-scores, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
            order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1)
            found[start : start + len(scores)] = np.take_along_axis(best, order, axis=1)
        return found

    @cached_property
    def _sentences(self) -> list[list[str]]:
        return [sentences(text) for text in self.real.texts]

    def _text(self, first: int, second: int, random: "np.random.Generator") -> str:
        own, other = self._sentences[first], self._sentences[second]
        together = [*own, *other]
        order = random.permutation(len(together))[: max(1, len(own))]
        return " ".join(together[i] for i in order)


def sentences(text: str) -> list[str]:
    """The sentences and lines of `text`."""
    return [part for part in (piece.strip() for piece in SENTENCE_END.split(text)) if part]


def nearest(queries: "np.ndarray", blocks: Iterator[Block], depth: int) -> tuple["np.ndarray", "np.ndarray"]:
    """The numbers and scores (queries, depth) of the rows that are nearest by an exact search, best first."""
    import numpy as np

    scores = np.full((len(queries), depth), -np.inf, dtype=np.float32)
    numbers = np.full((len(queries), depth), -1, dtype=np.int64)
    for block in blocks:
        here = np.arange(block.start, block.start + len(block.texts))
        scores = np.concatenate([scores, queries @ block.vectors.T], axis=1)
        numbers = np.concatenate([numbers, np.broadcast_to(here, (len(queries), len(here)))], axis=1)
        best = np.argsort(-scores, axis=1, kind="stable")[:, :depth]
        scores, numbers = np.take_along_axis(scores, best, axis=1), np.take_along_axis(numbers, best, axis=1)
    return numbers, scores


def recall(hits: Sequence[Sequence[int]], numbers: "np.ndarray", scores: "np.ndarray", depth: int = 10) -> float:
    """The share of the first `depth` hits whose exact score reaches that of the exact hit at that depth.

    Rows of equal text are interchangeable: `numbers` and `scores` are deeper than `depth`.
    """
    reached = 0
    for found, names, values in zip(hits, numbers, scores, strict=True):
        good = set(names[values >= values[depth - 1] - 1e-4].tolist())
        reached += len(good.intersection(found[:depth]))
    return reached / (len(hits) * depth)
