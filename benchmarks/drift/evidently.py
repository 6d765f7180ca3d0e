"""Two rules of evidently for drift of embeddings, written anew from what is published: it does not run on pandas 3.

docs/book/customization/embeddings-drift-parameters.md of github.com/evidentlyai/evidently describes them; the defaults are
those of src/evidently/legacy/metrics/data_drift/embedding_drift_methods.py, as released in 0.7.
"""

from functools import lru_cache

import numpy as np

SEED = 42  # of split and classifier
DRAWS = 100
HIGHEST = 0.95  # of the AUC of a random classifier
LOWEST = 0.05  # of the bootstrap of the discrepancy: the 5th percentile, where the documentation says 95th


def classifier_drift(reference: np.ndarray, look: np.ndarray) -> tuple[float, bool]:
    """The default, `model`, below 1,000 rows: its score, and whether it finds drift.

    A logistic regression by stochastic gradient descent learns on half of the rows which sample a row is of. Drift is an
    area under the curve, on the other half, above the 95th percentile of that of random scores.
    """
    from sklearn.linear_model import SGDClassifier
    from sklearn.metrics import roc_auc_score

    rows, sample = np.concatenate([reference, look]), np.repeat([1, 0], [len(reference), len(look)])
    learned, asked = _halves(len(reference), len(look))
    classifier = SGDClassifier(loss="log_loss", random_state=SEED).fit(rows[learned], sample[learned])
    score = float(roc_auc_score(sample[asked], classifier.predict_proba(rows[asked])[:, 1]))
    return score, score > random_auc(len(reference), len(look))


@lru_cache(maxsize=8)
def random_auc(reference: int, look: int) -> float:
    """The 95th percentile of the area under the curve of random scores, of samples of so many rows."""
    from sklearn.metrics import roc_auc_score

    sample = np.repeat([1, 0], [reference, look])[_halves(reference, look)[1]]
    areas = [roc_auc_score(sample, np.random.RandomState(draw).rand(len(sample))) for draw in range(DRAWS)]
    return float(np.percentile(areas, 100 * HIGHEST))


def mmd_drift(reference: np.ndarray, look: np.ndarray) -> tuple[float, bool]:
    """`mmd` with its bootstrap: the squared discrepancy, and whether it is above the percentile of resamples.

    Gaussian kernels whose width is the median distance; both resamples are drawn from the reference, with replacement.
    """
    from scipy.spatial.distance import cdist

    n, m = len(reference), len(look)
    width = np.median(cdist(reference, look)) ** 2
    rows = np.concatenate([reference, look])
    kernel = np.exp(-(cdist(rows, rows, "sqeuclidean")) / width)
    score = _discrepancy(kernel, np.arange(n), np.arange(n, n + m))
    distances = cdist(reference, reference)
    resampled = np.exp(-(distances**2) / np.median(distances) ** 2)
    sizes = max(n * n // (n + m), 1), max(n * m // (n + m), 1)
    values = []
    for draw in range(DRAWS):
        generator = np.random.RandomState(draw)
        values.append(_discrepancy(resampled, *(generator.choice(n, size) for size in sizes)))
    return max(score, 0.0), bool(score > np.percentile(values, 100 * LOWEST))


def _discrepancy(kernel: np.ndarray, first: np.ndarray, second: np.ndarray) -> float:
    """The unbiased estimate of the squared discrepancy of the rows `first` and `second` of a kernel."""
    within = [kernel[np.ix_(rows, rows)] for rows in (first, second)]
    means = [(one.sum() - np.trace(one)) / (len(one) * (len(one) - 1)) for one in within]
    return float(means[0] + means[1] - 2 * kernel[np.ix_(first, second)].mean())


@lru_cache(maxsize=8)
def _halves(reference: int, look: int) -> tuple[np.ndarray, np.ndarray]:
    """The rows that are learned from and those that are asked."""
    from sklearn.model_selection import train_test_split

    learned, asked = train_test_split(np.arange(reference + look), test_size=0.5, random_state=SEED, shuffle=True)
    return np.asarray(learned), np.asarray(asked)
