"""A mean over questions that were measured several times: by models tuned with several seeds, or in several runs.

Clusters of questions and repeats are two random levels that cross: every repeat sees every question. What is estimated
is the mean over all the repeats that there could be, so its interval is wide where the repeats differ.
"""

from collections.abc import Sequence

from llmops_pipelines.evaluation.intervals import CONFIDENCE, Estimate, between


def crossed_mean(
    values: Sequence[Sequence[float]], clusters: Sequence[str], bounds: tuple[float, float] = (0.0, 1.0)
) -> Estimate:
    """The mean of `values`, a row a repeat and a column a question, with an interval for other repeats and questions.

    The variance is that of clusters plus that of repeats less that of both together, as an analysis of variance gives
    them, and at least the greater of the first two (Cameron, Gelbach and Miller, "Robust inference with multiway
    clustering", Journal of Business & Economic Statistics 29, 2011); clusters by linearisation as in `intervals`. The
    quantile is the mean of those of t for clusters and for repeats, weighted by their variances (Cochran, "Approximate
    significance levels of the Behrens-Fisher test", Biometrics 20, 1964): with three repeats that of Satterthwaite is too
    small. With fewer than two clusters the interval is `bounds`. Raises ValueError with fewer than two repeats
    (`clustered_mean` takes one) or no questions.

    Repeats that do not cross, such as calls to a model that answers every question anew, need no second level: the mean
    of the calls of each question goes to `clustered_mean`.
    """
    import numpy as np
    from scipy import special

    data = np.asarray(values, dtype=float)
    if data.ndim != 2 or data.shape[0] < 2 or data.shape[1] == 0:
        raise ValueError("repeats are rows of as many questions each, and at least two: one goes to clustered_mean")
    _, label = np.unique(np.asarray(clusters), return_inverse=True)
    repeats, count = len(data), int(label.max()) + 1
    mean = float(data.mean())
    if count < 2:
        return Estimate(mean, *bounds, data.shape[1], count)
    cells = np.stack([np.bincount(label, weights=row, minlength=count) for row in data - mean])
    sizes = np.bincount(label) / data.shape[1]
    of_clusters, of_repeats = cells.sum(axis=0), cells.sum(axis=1)
    both = cells - of_clusters / repeats - of_repeats[:, None] * sizes
    freedom = np.array([count - 1, repeats - 1, (count - 1) * (repeats - 1)])
    squares = np.array([np.square(of_clusters).sum(), np.square(of_repeats).sum(), np.square(both).sum()])
    by_cluster, by_repeat, by_both = squares * np.array([count, repeats, count * repeats]) / freedom / data.size**2
    if not by_cluster + by_repeat:
        return Estimate(mean, mean, mean, data.shape[1], count)
    variance = max(by_cluster + by_repeat - by_both, by_cluster, by_repeat)
    quantiles = special.stdtrit(freedom[:2], (1 + CONFIDENCE) / 2)
    margin = float(np.average(quantiles, weights=[by_cluster, by_repeat]) * variance**0.5)
    return Estimate(mean, *between(bounds, mean, margin), data.shape[1], count)
