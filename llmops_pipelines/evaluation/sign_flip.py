"""The paired comparison of two systems: does a mean of differences over clusters of questions differ from a value?

If it does not, and differences are as likely to lie one way as the other, every cluster could as well have come with the
other sign. So the observed mean is compared with those that the changed signs of whole clusters give: the sign-flip
permutation test (Fisher, The Design of Experiments, 1935, section 21; for clusters Canay, Romano and Shaikh,
"Randomization tests under an approximate symmetry assumption", Econometrica 85, 2017).

Flipping some clusters around a value v leaves the sum less extreme exactly if the mean of the differences in those
clusters lies on the same side of v. So the test, at every v at once, is the distribution of the means of random subsets
of the clusters, and its inversion, the interval, is their quantiles (Hartigan, "Using subsample values as typical
values", Journal of the American Statistical Association 64, 1969).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from llmops_pipelines.evaluation.intervals import CONFIDENCE, Estimate

if TYPE_CHECKING:
    import numpy as np

ENUMERATED = 13  # up to so many clusters every subset is taken
SUBSETS = 5_000  # of more clusters so many are drawn, and with each the clusters that it leaves out
DECIMALS = 12  # means that differ by less are equal: sums of the same numbers in another order are
SEED = 19_690_301
BLOCK = 1_000  # subsets whose means are taken at once


@dataclass(frozen=True)
class SignFlip:
    """The means of subsets of the clusters, sorted, around the `mean` of all; `n` questions in `clusters` clusters."""

    mean: float
    n: int
    clusters: int
    subset_means: "np.ndarray"

    def p_above(self, value: float = 0.0) -> float:
        """One-sided p of the hypothesis that the true mean is at most `value`: small where it is greater."""
        return self._share(int(self.subset_means.searchsorted(value + 10.0**-DECIMALS, "right")))

    def p_below(self, value: float = 0.0) -> float:
        """One-sided p of the hypothesis that the true mean is at least `value`: small where it is less."""
        above = int(self.subset_means.searchsorted(value - 10.0**-DECIMALS, "left"))
        return self._share(len(self.subset_means) - above)

    def p(self, value: float = 0.0) -> float:
        """Two-sided p of the hypothesis that the true mean is `value`."""
        return min(1.0, 2 * min(self.p_above(value), self.p_below(value)))

    def interval(self, bounds: tuple[float, float] = (-1.0, 1.0), confidence: float = CONFIDENCE) -> Estimate:
        """The mean with the values that the two-sided test does not reject; `bounds` where it could reject none."""
        rank = int((1 - confidence) / 2 * (len(self.subset_means) + 1))
        low, high = (self.subset_means[rank - 1], self.subset_means[-rank]) if rank else bounds
        return Estimate(self.mean, max(bounds[0], float(low)), min(bounds[1], float(high)), self.n, self.clusters)

    def _share(self, subsets: int) -> float:
        """The data as they are count as one more: without that the test would reject too often."""
        return (subsets + 1) / (len(self.subset_means) + 1)


def sign_flip(values: "Sequence[float] | np.ndarray", clusters: "Sequence[str] | np.ndarray") -> SignFlip:
    """The test of the mean of `values`, one a question, those of a cluster flipped together. Raises ValueError for none."""
    import numpy as np

    if len(values) == 0:
        raise ValueError("there are no differences to test")
    data = np.asarray(values, dtype=float)
    _, label = np.unique(np.asarray(clusters), return_inverse=True)
    totals, sizes = np.bincount(label, weights=data), np.bincount(label).astype(float)
    chosen = _subsets(len(totals))
    blocks = (chosen[start : start + BLOCK].astype(float) for start in range(0, len(chosen), BLOCK))
    means = np.concatenate([(block @ totals) / (block @ sizes) for block in blocks])
    if len(totals) > ENUMERATED:
        drawn_sizes = chosen @ sizes
        rest = (totals.sum() - means * drawn_sizes) / (sizes.sum() - drawn_sizes)
        means = np.concatenate([means, rest])
    return SignFlip(float(data.mean()), len(data), len(totals), np.sort(means.round(DECIMALS)))


@lru_cache(maxsize=8)
def _subsets(clusters: int) -> "np.ndarray":
    """Subsets of so many clusters, a row of 0 and 1 each: all but the empty one, or a sample without the complements."""
    import numpy as np

    if clusters <= ENUMERATED:
        return (np.arange(1, 2**clusters)[:, None] >> np.arange(clusters)) & 1
    generator = np.random.default_rng([SEED, clusters])
    bits = generator.integers(0, 256, (SUBSETS, -(-clusters // 8)), dtype=np.uint8)
    drawn = np.unpackbits(bits, axis=1, count=clusters)
    # Neither the empty subset nor that of all is drawn: of 14 clusters one in 8,192 would be.
    return drawn[(drawn.sum(1) > 0) & (drawn.sum(1) < clusters)]
