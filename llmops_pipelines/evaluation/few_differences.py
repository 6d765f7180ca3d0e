"""The exact test where hardly anything differs: flipped signs say nothing of a mean that is 0 nearly everywhere.

One bets against the hypothesis that the mean difference of a cluster is `value` or less. Differences lie in [-1, 1], and
whatever they are, under the hypothesis the stake does not grow on average. So it multiplies by 40 with a probability of
at most 1 in 40 (Markov's inequality), for any number of clusters and any distribution: Waudby-Smith and Ramdas,
"Estimating means of bounded random variables by betting", Journal of the Royal Statistical Society B 86, 2024. Every
cluster counts once, however many questions it has.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from llmops_pipelines.evaluation.intervals import CONFIDENCE, Estimate

if TYPE_CHECKING:
    import numpy as np

# Of the greatest bet that cannot lose more than the stake, which is spread over them evenly: chosen before any data.
FRACTIONS = tuple(i / 10 for i in range(1, 11))
STEPS = 30  # of the search for an end of the interval: a billionth of its range


@dataclass(frozen=True)
class Bet:
    """The mean differences of the clusters, in [-1, 1], of `n` questions."""

    means: "np.ndarray"
    mean: float
    n: int

    @classmethod
    def on(cls, values: Sequence[float], clusters: Sequence[str]) -> "Bet":
        """`values` are one a question. Raises ValueError where one is no difference of two scores in [0, 1]."""
        import numpy as np

        data = np.asarray(values, dtype=float)
        if np.abs(data).max(initial=0.0) > 1:
            raise ValueError("a difference of scores lies between -1 and 1")
        _, label = np.unique(np.asarray(clusters), return_inverse=True)
        return cls(np.bincount(label, weights=data) / np.bincount(label), float(data.mean()), len(data))

    def p_above(self, value: float) -> float:
        """One-sided p of the hypothesis that the true mean is at most `value`, -1 < `value` < 1."""
        return min(1.0, math.exp(-self._log_stake(self.means, value)))

    def p_below(self, value: float) -> float:
        """One-sided p of the hypothesis that the true mean is at least `value`."""
        return min(1.0, math.exp(-self._log_stake(-self.means, -value)))

    def interval(self, confidence: float = CONFIDENCE) -> Estimate:
        """The mean with the values that neither one-sided test rejects."""
        stake = -math.log((1 - confidence) / 2)
        low, high = self._least(self.means, stake), -self._least(-self.means, stake)
        return Estimate(self.mean, min(low, self.mean), max(high, self.mean), self.n, len(self.means))

    def clusters_needed(self, value: float, confidence: float = CONFIDENCE) -> int | None:
        """With how many clusters like these `p_above(value)` would be small enough; None where more do not help."""
        stake = self._log_stake(self.means, value)
        wanted = -math.log((1 - confidence) / 2)
        return math.ceil(len(self.means) * wanted / stake) if stake > 0 else None

    def _least(self, means: "np.ndarray", stake: float) -> float:
        """The least value that a bet on `means` does not reject."""
        low, high = -1.0, float(means.mean())
        for _ in range(STEPS):
            middle = (low + high) / 2
            low, high = (middle, high) if self._log_stake(means, middle) >= stake else (low, middle)
        return low

    @staticmethod
    def _log_stake(means: "np.ndarray", value: float) -> float:
        """The logarithm of what becomes of a stake of 1 that bets on more than `value`."""
        import numpy as np

        bets = np.array(FRACTIONS) / (1 + value) if value > -1 else np.zeros(1)
        with np.errstate(divide="ignore"):  # a stake may be lost whole
            growth = np.log(np.maximum(0.0, 1 + bets[:, None] * (means - value))).sum(axis=1)
        return max(-700.0, float(np.logaddexp.reduce(growth)) - math.log(len(bets)))
