"""The exact test where hardly anything differs: flipped signs say nothing of a mean that is 0 nearly everywhere.

One bets against the hypothesis that the mean difference of the questions is `value` or less. Differences lie in [-1, 1],
and whatever they are, under the hypothesis the stake does not grow on average. So it multiplies by 40 with a probability
of at most 1 in 40 (Markov's inequality), for any number of independent clusters of any sizes and any distributions:
Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting", Journal of the Royal Statistical
Society B 86, 2024. Clusters bring what their number of questions makes of the mean; two kinds of bet allow for it.

A part of the stake is on losses alone. A cluster with the weight w, its questions over the mean number, is
taken to lose 1 - 1 / (c w), or nothing if that is negative, where c is such that all of it makes up the hypothesis: of all
ways to lose so much that is the one in which no loss is most likely to be seen. A cluster multiplies the stake by
max(1, c w) (1 - its loss). For a mean loss l_k of each cluster the product is max(1, c w_k) (1 - l_k) on average, which is 1
at most: the logarithm is concave in l, and has its greatest sum, 0, at those losses (Karush, Kuhn and Tucker). The other
parts are on w (1 + difference), of which no average over clusters exceeds 1 + `value`, nor, then, their product 1.
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
# How the stake is divided before any data: on losses alone, and over fractions of the greatest bet on the mean that cannot
# lose more than the stake. The two greatest are one and the same where clusters have one size and nothing is gained.
ON_LOSSES = 0.2
ON_MEAN = {1.0: 0.6, 0.8: 0.05, 0.6: 0.05, 0.4: 0.05, 0.2: 0.05}
WANTED = -math.log((1 - CONFIDENCE) / 2)  # the logarithm of what a stake of 1 must become
STEPS = 30  # of the search for an end of the interval: a billionth of its range


@dataclass(frozen=True)
class Bet:
    """The mean differences of the clusters, in [-1, 1], and their `weights`, of `n` questions with the `mean`."""

    means: "np.ndarray"
    weights: "np.ndarray"
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
        sizes = np.bincount(label)
        return cls(np.bincount(label, weights=data) / sizes, weights_of(sizes), float(data.mean()), len(data))

    def p_above(self, value: float = 0.0) -> float:
        """One-sided p of the hypothesis that the true mean is at most `value`, -1 < `value` < 1."""
        return min(1.0, math.exp(-_became(self.means, self.weights, value)))

    def p_below(self, value: float = 0.0) -> float:
        """One-sided p of the hypothesis that the true mean is at least `value`."""
        return min(1.0, math.exp(-_became(-self.means, self.weights, -value)))

    def p(self, value: float = 0.0) -> float:
        """Two-sided p of the hypothesis that the true mean is `value`."""
        return min(1.0, 2 * min(self.p_above(value), self.p_below(value)))

    def interval(self) -> Estimate:
        """The mean with the values that neither one-sided test at 2.5 % rejects."""
        low, high = _least(self.means, self.weights), -_least(-self.means, self.weights)
        return Estimate(self.mean, low, high, self.n, len(self.means))


def smallest_margin(sizes: "Sequence[int] | np.ndarray") -> float:
    """The smallest margin, of a scale of 1, that clusters with so many questions pass in which nothing differs.

    No exact test has a smaller one, of K clusters of one size, than 1 - (1 / 40) ** (1 / K): with a share of the margin that
    lose everything, a set without any of them is as likely as 1 in 40 (the "rule of three" at 97.5 %). This is at most 5 %
    more. Clusters of several sizes need more: the largest may be those that lose.
    """
    import numpy as np

    return -_least(np.zeros(len(sizes)), weights_of(np.asarray(sizes)))


def weights_of(sizes: "np.ndarray") -> "np.ndarray":
    """The numbers of questions of the clusters over their mean."""
    return sizes / sizes.mean()


def likeliest(weights: "np.ndarray", value: float) -> float:
    """The factor c at which losses of 1 - 1 / (c w), or none, make a mean of `value`; 0 where that is no loss.

    Of the j heaviest clusters with the sum S their losses are (S - j / c) / K, and those without one would only lower it.
    """
    import numpy as np

    if value >= 0:
        return 0.0
    heaviest = np.cumsum(np.sort(weights)[::-1])
    return float(1 / ((heaviest + value * len(weights)) / np.arange(1, len(weights) + 1)).max())


def log_growth(means: "np.ndarray", weights: "np.ndarray", value: float, factor: float) -> "np.ndarray":
    """The logarithm of what clusters with these `means` and `weights` multiply each part of a stake on more than `value` by.

    Of the shape of `means`, with the parts in front; `factor` is the `likeliest` of all clusters.
    """
    import numpy as np

    on_losses = np.maximum(1.0, factor * weights) * (1 + np.minimum(means, 0.0))
    bets = np.array(list(ON_MEAN))
    on_mean = 1 + np.multiply.outer(bets, weights * (1 + means) / (1 + value) - 1)
    with np.errstate(divide="ignore"):  # a part may be lost whole
        return np.log(np.maximum(0.0, np.concatenate([on_losses[None], on_mean])))


def log_stake(growth: "np.ndarray") -> "np.ndarray":
    """The logarithm of what a stake of 1 becomes whose parts grow by `growth`, a row a part."""
    import numpy as np

    parts = np.log([ON_LOSSES, *ON_MEAN.values()]).reshape(-1, *[1] * (growth.ndim - 1))
    return np.logaddexp.reduce(parts + growth, axis=0)


def _least(means: "np.ndarray", weights: "np.ndarray") -> float:
    """The least value that a bet on `means` does not reject, to a billionth below it."""
    low, high = -1.0, float((weights * means).mean())
    if high == low:
        return low
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if _became(means, weights, middle) >= WANTED else (low, middle)
    return low


def _became(means: "np.ndarray", weights: "np.ndarray", value: float) -> float:
    growth = log_growth(means, weights, value, likeliest(weights, value))
    return max(-700.0, float(log_stake(growth.sum(axis=1))))
