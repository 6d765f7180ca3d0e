"""The exact test where hardly anything differs: flipped signs say nothing of a mean that is 0 nearly everywhere.

One bets against the hypothesis that the mean difference of a cluster is `value` or less. Differences lie in [-1, 1], and
whatever they are, under the hypothesis the stake does not grow on average. So it multiplies by 40 with a probability of
at most 1 in 40 (Markov's inequality), for any number of independent clusters and any distributions: Waudby-Smith and
Ramdas, "Estimating means of bounded random variables by betting", Journal of the Royal Statistical Society B 86, 2024.
Every cluster counts once, however many questions it has.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from llmops_pipelines.evaluation.intervals import CONFIDENCE, Estimate

if TYPE_CHECKING:
    import numpy as np

# With fewer clusters that differ, the permutation test has hardly any signs to change.
MIN_DIFFERING = 20
# How the stake is divided, before any data, over fractions of the greatest bet that cannot lose more than the stake. Most
# lies on the whole of it, the best bet where nothing differs; the others are for where something does.
STAKES = {1.0: 0.8, 0.8: 0.05, 0.6: 0.05, 0.4: 0.05, 0.2: 0.05}
WANTED = -math.log((1 - CONFIDENCE) / 2)  # the logarithm of what a stake of 1 must become
STEPS = 30  # of the search for an end of the interval: a billionth of its range


@dataclass(frozen=True)
class Bet:
    """The mean differences of the clusters, in [-1, 1], of `n` questions."""

    means: "np.ndarray"
    mean: float
    n: int

    @classmethod
    def on(cls, values: "Sequence[float] | np.ndarray", clusters: "Sequence[str] | np.ndarray") -> "Bet":
        """`values` are one a question. Raises ValueError where one is no difference of two scores in [0, 1]."""
        import numpy as np

        data = np.asarray(values, dtype=float)
        if np.abs(data).max(initial=0.0) > 1:
            raise ValueError("a difference of scores lies between -1 and 1")
        _, label = np.unique(np.asarray(clusters), return_inverse=True)
        return cls(np.bincount(label, weights=data) / np.bincount(label), float(data.mean()), len(data))

    def p_above(self, value: float = 0.0) -> float:
        """One-sided p of the hypothesis that the true mean is at most `value`, -1 < `value` < 1."""
        return min(1.0, math.exp(-_became(self.means, value)))

    def p_below(self, value: float = 0.0) -> float:
        """One-sided p of the hypothesis that the true mean is at least `value`."""
        return min(1.0, math.exp(-_became(-self.means, -value)))

    def p(self, value: float = 0.0) -> float:
        """Two-sided p of the hypothesis that the true mean is `value`."""
        return min(1.0, 2 * min(self.p_above(value), self.p_below(value)))

    def interval(self) -> Estimate:
        """The mean with the values that neither one-sided test at 2.5 % rejects."""
        low, high = _least(self.means), -_least(-self.means)
        return Estimate(self.mean, min(low, self.mean), max(high, self.mean), self.n, len(self.means))


def smallest_margin(clusters: int) -> float:
    """The smallest margin, of a scale of 1, that so many clusters pass in which nothing differs.

    No exact test has a smaller one than 1 - (1 / 40) ** (1 / `clusters`): with a share of the margin that lose everything,
    a set without any of them is as likely as 1 in 40 (the "rule of three" at 97.5 %). This is at most 5 % more.
    """
    import numpy as np

    return -_least(np.zeros(clusters))


def log_growth(means: "np.ndarray", value: float) -> "np.ndarray":
    """The logarithm of what clusters with these `means` multiply each part of a stake on more than `value` by.

    Of the shape of `means`, with the parts in front.
    """
    import numpy as np

    bets = np.array(list(STAKES)) / (1 + value)
    with np.errstate(divide="ignore"):  # a part may be lost whole
        return np.log(np.maximum(0.0, 1 + np.multiply.outer(bets, means - value)))


def log_stake(growth: "np.ndarray") -> "np.ndarray":
    """The logarithm of what a stake of 1 becomes whose parts grow by `growth`, a row a part."""
    import numpy as np

    parts = np.log(list(STAKES.values())).reshape(-1, *[1] * (growth.ndim - 1))
    return np.logaddexp.reduce(parts + growth, axis=0)


def _least(means: "np.ndarray") -> float:
    """The least value that a bet on `means` does not reject, to a billionth below it."""
    low, high = -1.0, float(means.mean())
    if high == low:
        return low
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if _became(means, middle) >= WANTED else (low, middle)
    return low


def _became(means: "np.ndarray", value: float) -> float:
    return max(-700.0, float(log_stake(log_growth(means, value).sum(axis=1))))
