"""What a set of questions could have seen: the smallest effect with a power of 80 %, and how many clusters would see more.

By the noncentral t distribution, with the error of the differences that were observed (Cohen, Statistical Power Analysis
for the Behavioral Sciences, 2nd edition, 1988, chapter 2; clusters by linearisation as in `intervals`).
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from llmops_pipelines.evaluation.intervals import CONFIDENCE, clustered_error

POWER = 0.8


def minimum_detectable_effect(values: Sequence[float], clusters: Sequence[str]) -> float | None:
    """The mean difference that the two-sided test at 5 % would find in 80 of 100 such sets of questions.

    In the units of `values`, one a question. None where nothing is known of the error: with fewer than two clusters, or
    where all differences are equal.
    """
    error, count = clustered_error(values, clusters)
    return error * _noncentrality(count - 1) if error else None


def clusters_needed(values: Sequence[float], clusters: Sequence[str], effect: float) -> int | None:
    """How many clusters like these would find a mean difference of `effect` with a power of 80 %. None as above."""
    error, count = clustered_error(values, clusters)
    if not error:
        return None
    variance = error**2 * count
    needed = count
    for _ in range(100):  # degrees of freedom and number of clusters depend on each other, and settle at once
        found = max(2, math.ceil(variance * (_noncentrality(needed - 1) / effect) ** 2))
        if found == needed:
            break
        needed = found
    return needed


@lru_cache(maxsize=4096)
def _noncentrality(freedom: int) -> float:
    """By how many errors the mean must lie off 0 for a power of 80 %."""
    from scipy import optimize, stats

    critical = float(stats.t.ppf((1 + CONFIDENCE) / 2, freedom))
    found: Any = optimize.brentq(lambda shift: stats.nct.sf(critical, freedom, shift) - POWER, 0.0, 2 * critical + 4)
    return float(found)
