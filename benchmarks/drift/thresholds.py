"""The threshold that would have been best for a rival, chosen on some drifts and reported on the others."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.drift.ticks import Tick


@dataclass(frozen=True)
class Threshold:
    """A rival's score above which a look counts as drift."""

    method: str
    value: float

    def alarms(self, ticks: Sequence[Tick]) -> list[bool]:
        return [tick.findings[self.method].score > self.value for tick in ticks]


def best_threshold(method: str, unchanged: Sequence[Tick], changed: Sequence[Tick]) -> Threshold:
    """The value whose mean of both shares is greatest: of `changed` above it, and of `unchanged` not above it.

    It lies midway between two scores that were seen; of several as good the highest, which alarms least.
    """
    quiet, loud = (np.sort([tick.findings[method].score for tick in ticks]) for ticks in (unchanged, changed))
    seen = np.unique(np.concatenate([quiet, loud]))
    values = np.concatenate([(seen[1:] + seen[:-1]) / 2, seen[-1:]])
    right = (
        np.searchsorted(quiet, values, "right") / len(quiet) + 1 - np.searchsorted(loud, values, "right") / len(loud)
    )
    best = np.flatnonzero(right >= right.max() - 1e-12)[-1]
    return Threshold(method, float(values[best]))
