"""Error rates of a method over many sets of differences whose true mean is known."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

import numpy as np

from benchmarks.statistics.draws import Draw
from benchmarks.statistics.methods import METHODS, Finding

MARGIN = 0.03
LEVEL = 0.05


@dataclass(frozen=True)
class Rates:
    """Shares of the sets: `coverage` and `power_at_mde` are None where the method gives no interval, or no such effect."""

    false_rate: float
    coverage: float | None
    noninferiority_error: float
    mde: float | None
    power_at_mde: float | None

    def as_dict(self) -> dict[str, Any]:
        return {name: value if value is None else round(value, 4) for name, value in asdict(self).items()}


def rates(draw: Draw, method: str, replicates: int, seed: int) -> Rates:
    """Over `replicates` sets each: with no true difference, with a loss of the margin, with the smallest detectable gain."""
    null = list(_findings(draw, method, 0.0, replicates, (seed, 0)))
    worse = list(_findings(draw, method, -MARGIN, replicates, (seed, 1)))
    intervals = [(found.low, found.high) for found in null if found.low is not None and found.high is not None]
    printed = [found.detectable for found in null if found.detectable is not None]
    mde = fmean(printed) if printed else None
    power = None
    if mde is not None:
        found = _findings(draw, method, mde, replicates, (seed, 2))
        power = fmean(one.p <= LEVEL for one in found)
    return Rates(
        false_rate=fmean(found.p <= LEVEL for found in null),
        coverage=fmean(low <= 0.0 <= high for low, high in intervals) if intervals else None,
        noninferiority_error=fmean(found.not_worse for found in worse),
        mde=mde,
        power_at_mde=power,
    )


def _findings(draw: Draw, method: str, mean: float, replicates: int, seed: tuple[int, int]) -> Iterator[Finding]:
    clusters = draw.names()
    generator = np.random.default_rng([*seed, draw.clusters, draw.per_cluster, round(100 * draw.icc)])
    for _ in range(replicates):
        yield METHODS[method](draw.differences(generator, mean), clusters, MARGIN, generator)
