"""Whether free texts come from another distribution: the maximum mean discrepancy of their vectors."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

PERMUTATIONS = 2_000
SEED = 20_120_301
BLOCK = 250


@dataclass(frozen=True)
class Discrepancy:
    """`squared` is the unbiased estimate of the squared discrepancy, which may be below 0; `p` is one-sided.

    `expected` is its mean over the permutations: 0 but for chance, unless samples are of groups, in which texts are alike.
    """

    squared: float
    p: float
    expected: float

    @property
    def excess(self) -> float:
        """By how much the estimate is above what it is where nothing differs."""
        return self.squared - self.expected


def discrepancy(
    reference: "np.ndarray",
    look: "np.ndarray",
    permutations: int = PERMUTATIONS,
    groups: tuple[Sequence[str], Sequence[str]] | None = None,
) -> Discrepancy:
    """The test of two samples of vectors, (n, dimension) and (m, dimension), of two each at least.

    `groups` name the group of each vector of both samples, such as the prompt that a text answers: then the pooled sample
    is dealt anew within each group, because only there the two samples could have changed places.

    Gretton, Borgwardt, Rasch, Schölkopf and Smola, "A kernel two-sample test", Journal of Machine Learning Research 13,
    2012: the unbiased statistic (their lemma 6) with a Gaussian kernel, whose width is the median distance in the pooled
    sample. The p is the share of `permutations` of the pooled sample, the data themselves counted as one, that reach the
    statistic; a bootstrap of one sample would not have its level. Raises ValueError where a sample has fewer than two.
    """
    import numpy as np
    from scipy.spatial.distance import pdist, squareform

    n, m = len(reference), len(look)
    if min(n, m) < 2:
        raise ValueError(f"a discrepancy needs two texts on each side at least, not {n} and {m}")
    squared = pdist(np.concatenate([reference, look]).astype(np.float64), "sqeuclidean")
    width = float(np.median(squared))
    # Half of all pairs may be equal texts: then the median says nothing of the others.
    width = width or float(squared[squared > 0].mean() if (squared > 0).any() else 1.0)
    kernel = np.exp(-squareform(squared) / width)
    np.fill_diagonal(kernel, 0.0)
    generator = np.random.default_rng(SEED)
    sides = np.repeat([[True, False]], [n, m], axis=1)
    observed = float(_statistics(kernel, sides, n, m)[0])
    names = np.unique([*groups[0], *groups[1]], return_inverse=True)[1] if groups else np.zeros(n + m)
    of_group = sides[0][np.argsort(names, kind="stable")]  # by group, those of the reference first
    reached, total = 0, 0.0
    for start in range(0, permutations, BLOCK):
        order = (names + generator.random((min(BLOCK, permutations - start), n + m))).argsort(axis=1)
        draws = np.zeros(order.shape, dtype=bool)
        np.put_along_axis(draws, order, np.broadcast_to(of_group, order.shape), axis=1)
        drawn = _statistics(kernel, draws, n, m)
        reached += int((drawn >= observed - 1e-12).sum())
        total += float(drawn.sum())
    return Discrepancy(observed, (1 + reached) / (1 + permutations), total / permutations)


def _statistics(kernel: "np.ndarray", first: "np.ndarray", n: int, m: int) -> "np.ndarray":
    """The statistic of each row of `first` (permutations, n + m), True where a text is in the first sample."""
    chosen = first.astype(kernel.dtype)
    rows = chosen @ kernel
    within_first = (rows * chosen).sum(axis=1)
    crossing = rows.sum(axis=1) - within_first
    within_second = kernel.sum() - within_first - 2 * crossing
    return within_first / (n * (n - 1)) + within_second / (m * (m - 1)) - 2 * crossing / (n * m)
