"""Calls of a model that were made and kept: the vectors of all probe texts and queries, and by what each was answered."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from llmops_pipelines.drift.vectors import Vectors


@dataclass(frozen=True)
class Calls:
    """A call a row: vectors (calls, texts, dimension), and the configuration that answered it, in words."""

    documents: np.ndarray
    queries: np.ndarray
    answered_by: np.ndarray

    def __len__(self) -> int:
        return len(self.documents)

    def of(self, chosen: Sequence[int] | np.ndarray | slice) -> Vectors:
        """The vectors of these calls."""
        return Vectors(self.documents[chosen], self.queries[chosen])

    def references(self, calls: int) -> list[Vectors]:
        """The calls in their order, `calls` a reference: no two references share one."""
        return [self.of(slice(start, start + calls)) for start in range(0, len(self) - calls + 1, calls)]


def joined(parts: Sequence[Calls]) -> Calls:
    """The calls of all parts, one after the other."""
    return Calls(
        np.concatenate([part.documents for part in parts]),
        np.concatenate([part.queries for part in parts]),
        np.concatenate([part.answered_by for part in parts]),
    )


def kept_calls(path: Path, make: Callable[[], Calls]) -> Calls:
    """What `make` makes, or what it made before: a run that was killed goes on."""
    arrays = kept_arrays(path, lambda: vars(make()))
    return Calls(**arrays)


def kept_arrays(path: Path, make: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """The arrays of `make`, kept in the file `path`, which is whole or not there."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        written = path.with_name(f"unfinished-{path.name}")
        np.savez(written, allow_pickle=False, **make())
        written.rename(path)
    with np.load(path, allow_pickle=False) as arrays:
        return dict(arrays)
