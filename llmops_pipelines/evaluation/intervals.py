"""Intervals of a mean over questions that are not independent: questions that share an answer form a cluster."""

from collections.abc import Sequence
from dataclasses import dataclass

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Estimate:
    """A mean over `n` questions in `clusters` clusters, with its interval at 95 %."""

    mean: float
    low: float
    high: float
    n: int
    clusters: int

    def __str__(self) -> str:
        return f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}]"


def clustered_mean(values: Sequence[float], clusters: Sequence[str]) -> Estimate:
    """The mean of `values` (each from 0 to 1) and its interval, the questions of a cluster taken together.

    The variance is that of a ratio of cluster totals by linearisation, with K / (K - 1) for K clusters and quantiles of
    t with K - 1 degrees of freedom (Cochran, Sampling Techniques, 3rd edition, section 9A). With fewer than two
    clusters nothing is known of the variance: the interval is [0, 1]. Raises ValueError where there are no values.
    """
    import numpy as np
    from scipy import stats

    if len(values) == 0:
        raise ValueError("there are no values to take a mean of")
    data = np.asarray(values, dtype=float)
    mean = float(data.mean())
    _, label = np.unique(np.asarray(clusters), return_inverse=True)
    count = int(label.max()) + 1
    if count < 2:
        return Estimate(mean, 0.0, 1.0, len(data), count)
    residuals = np.bincount(label, weights=data - mean)
    error = float(np.sqrt(count / (count - 1) * np.square(residuals).sum())) / len(data)
    margin = float(stats.t.ppf((1 + CONFIDENCE) / 2, count - 1)) * error
    return Estimate(mean, max(0.0, mean - margin), min(1.0, mean + margin), len(data), count)
