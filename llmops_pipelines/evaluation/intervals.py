"""Intervals of a mean over questions that are not independent: questions that share an answer form a cluster."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

from llmops_pipelines.evaluation.components import components

if TYPE_CHECKING:
    import numpy as np

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

    @property
    def signed(self) -> str:
        """As `str`, of a difference: every number with its sign."""
        return f"{signed(self.mean)} [{signed(self.low)}, {signed(self.high)}]"


def signed(number: float) -> str:
    """A difference to three places with its sign; one that rounds to 0 is +0.000."""
    # Adding 0 turns -0 into 0.
    return f"{round(number, 3) + 0.0:+.3f}"


def clustered_mean(
    values: Sequence[float], clusters: Sequence[str], bounds: tuple[float, float] = (0.0, 1.0)
) -> Estimate:
    """The mean of `values` and its interval, the questions of a cluster taken together.

    The variance is that of a ratio of cluster totals by linearisation, with K / (K - 1) for K clusters and quantiles of
    t with K - 1 degrees of freedom (Cochran, Sampling Techniques, 3rd edition, section 9A). The interval lies between
    `bounds`, the least and the greatest value that there can be: those of a score, unless others are given. With fewer
    than two clusters nothing is known of the variance: the interval is `bounds`. Raises ValueError where there are no
    values.
    """
    from scipy import special

    error, count = clustered_error(values, clusters)
    mean = fmean(values)
    if count < 2:
        return Estimate(mean, *bounds, len(values), count)
    margin = float(special.stdtrit(count - 1, (1 + CONFIDENCE) / 2)) * error
    return Estimate(mean, *between(bounds, mean, margin), len(values), count)


def between(bounds: tuple[float, float], mean: float, margin: float) -> tuple[float, float]:
    """The ends of an interval of `mean`, `margin` to both sides on the scale of the logit between `bounds`.

    Near an end the error of a mean is skewed, and this holds it more often than `mean` less and plus `margin` (for
    proportions in clusters compared by Korn and Graubard, "Confidence intervals for proportions with small expected number
    of positive counts estimated from survey data", Survey Methodology 24, 1998).
    """
    from scipy import special

    least, greatest = bounds
    if not margin or not least < mean < greatest:
        return mean, mean
    place = (mean - least) / (greatest - least)
    steps = margin / (greatest - least) / (place * (1 - place))
    low, high = (least + (greatest - least) * special.expit(special.logit(place) + step) for step in (-steps, steps))
    return float(low), float(high)


def clustered_error(
    values: "Sequence[float] | np.ndarray", clusters: "Sequence[str] | np.ndarray"
) -> tuple[float, int]:
    """The standard error of the mean of `values`, 0 with fewer than two clusters, and the number of clusters."""
    import numpy as np

    if len(values) == 0:
        raise ValueError("there are no values to take a mean of")
    data = np.asarray(values, dtype=float)
    _, label = np.unique(np.asarray(clusters), return_inverse=True)
    count = int(label.max()) + 1
    residuals = np.bincount(label, weights=data - data.mean())
    correction = count / (count - 1) if count > 1 else 0.0
    return float(np.sqrt(correction * np.square(residuals).sum())) / len(data), count


def joined_clusters(first: Sequence[str], second: Sequence[str]) -> list[str]:
    """One grouping out of two of the same questions: those that either puts together are together, directly or by others."""
    nodes: dict[tuple[int, str], int] = {}
    links = [
        (nodes.setdefault((0, one), len(nodes)), nodes.setdefault((1, other), len(nodes)))
        for one, other in zip(first, second, strict=True)
    ]
    labels = components(len(nodes), links)
    return [str(labels[node]) for node, _ in links]
