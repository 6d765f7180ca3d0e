"""Error rates of a method over many sets of differences whose true mean is known."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import repeat
from statistics import fmean
from typing import Any

import numpy as np

from benchmarks.statistics.draws import Draw
from benchmarks.statistics.methods import METHODS, Finding

MARGIN = 0.03
LEVEL = 0.05


@dataclass(frozen=True)
class Rates:
    """Shares of the sets, `mde` in units of the metric.

    `coverage` is None where the method gives no interval, `exact` and the last three where it names no smallest effect.
    Power is that of new sets, each with the effect that another one named: `power_at_mde` that 0 is shown not to be the
    mean, `better_at_mde` that the verdict is better. `exact` is the share of sets whose test was the one for few
    differences.
    """

    false_rate: float
    coverage: float | None
    noninferiority_error: float
    exact: float | None
    mde: float | None
    power_at_mde: float | None
    better_at_mde: float | None

    def as_dict(self) -> dict[str, Any]:
        return {name: value if value is None else round(value, 4) for name, value in asdict(self).items()}


def rates(draw: Draw, method: str, replicates: int, seed: int) -> Rates:
    """Over `replicates` sets each: with no true difference, with a loss of the margin, with the smallest detectable gain."""
    null = list(_findings(draw, method, repeat(0.0, replicates), (seed, 0)))
    worse = list(_findings(draw, method, repeat(-MARGIN, replicates), (seed, 1)))
    intervals = [(found.low, found.high) for found in null if found.low is not None and found.high is not None]
    judged = [found.judgement for found in null if found.judgement is not None]
    printed = [effect for effect in (found.detectable for found in judged) if effect is not None]
    gains = list(_findings(draw, method, iter(printed), (seed, 2)))
    return Rates(
        false_rate=fmean(found.p <= LEVEL for found in null),
        coverage=fmean(low <= 0.0 <= high for low, high in intervals) if intervals else None,
        noninferiority_error=fmean(found.not_worse for found in worse),
        exact=fmean(found.exact for found in judged) if judged else None,
        mde=fmean(printed) if printed else None,
        power_at_mde=fmean(found.p <= LEVEL for found in gains) if gains else None,
        better_at_mde=fmean(found.better for found in gains) if gains else None,
    )


def _findings(draw: Draw, method: str, means: Iterator[float], seed: tuple[int, int]) -> Iterator[Finding]:
    clusters = draw.names()
    generator = np.random.default_rng([*seed, draw.clusters, draw.per_cluster, round(100 * draw.icc)])
    for mean in means:
        yield METHODS[method](draw.differences(generator, mean), clusters, MARGIN)
