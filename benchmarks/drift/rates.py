"""How often something happens over ticks that share references: a rate with an interval clustered by reference."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.drift.ticks import Tick

CONFIDENCE = 0.95
RESAMPLES = 10_000
SEED = 20_260_101


@dataclass(frozen=True)
class Rate:
    """A share of ticks; `any_reference` is the share of the references with one at least, `by` names the interval.

    Ticks of one reference depend on each other. Where none happened the upper end is that of Clopper and Pearson (1934)
    for the share of references with any, as if all ticks of one were one: the rate of ticks is no higher. Elsewhere the
    ends are percentiles of a bootstrap of whole references. `upper_if_independent` takes every tick for independent.
    """

    rate: float
    low: float
    high: float
    any_reference: float
    references: int
    ticks: int
    upper_if_independent: float

    @property
    def by(self) -> str:
        exact = self.rate == 0.0
        return "exact over references, all ticks of one as one" if exact else "bootstrap of references"

    def as_dict(self) -> dict[str, Any]:
        return {
            "rate": round(self.rate, 5),
            "interval": [round(self.low, 5), round(self.high, 5)],
            "interval_by": self.by,
            "references": self.references,
            "ticks": self.ticks,
            "share_of_references_with_any": round(self.any_reference, 4),
            "upper_if_ticks_were_independent": round(self.upper_if_independent, 5),
        }


def clustered(ticks: Sequence[Tick], happened: Sequence[bool]) -> Rate:
    """The rate at which something `happened` at `ticks`."""
    from scipy.stats import beta

    places = np.unique([tick.reference for tick in ticks], return_inverse=True)[1]
    times, sizes = np.bincount(places, weights=np.asarray(happened, dtype=float)), np.bincount(places)
    rate, tail, count, total = float(times.sum() / sizes.sum()), (1 - CONFIDENCE) / 2, len(sizes), int(sizes.sum())
    if times.any():
        drawn = np.random.default_rng(SEED).integers(count, size=(RESAMPLES, count))
        low, high = np.quantile(times[drawn].sum(axis=1) / sizes[drawn].sum(axis=1), [tail, 1 - tail])
    else:
        low, high = 0.0, 1 - tail ** (1 / count)
    found = int(times.sum())
    upper = float(beta.ppf(1 - tail, found + 1, total - found)) if found < total else 1.0
    return Rate(rate, float(low), float(high), float((times > 0).mean()), count, total, upper)
