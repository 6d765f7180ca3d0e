"""What a set of questions could have seen: the smallest effect with a power of 80 %, and how many clusters would see more.

Power is that of the whole procedure. Whether another set like this one has `MIN_DIFFERING` clusters that differ is
binomial. Where it has, the power is that of noncentral t (Cohen, Statistical Power Analysis for the Behavioral Sciences,
2nd edition, 1988, chapter 2; clusters by linearisation as in `intervals`), averaged over what the true error may be; where
it has not, that of the exact bet, by drawing such sets.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from llmops_pipelines.evaluation.few_differences import (
    MIN_DIFFERING,
    WANTED,
    likeliest,
    log_growth,
    log_stake,
    weights_of,
)
from llmops_pipelines.evaluation.intervals import CONFIDENCE, clustered_error
from llmops_pipelines.evaluation.sign_flip import DECIMALS

if TYPE_CHECKING:
    import numpy as np

POWER = 0.8
SURE = 1e-3  # a path that is less likely than this is not taken
MOST = 1_000_000  # clusters: more are not looked for
DRAWN = 200  # sets in which few differ
SEED = 20_240_201


@dataclass(frozen=True)
class Design:
    """What a set of differences in [-1, 1] tells of another that is drawn like it.

    `sizes` are the absolute means of the clusters that differ, which are a `share` of all `clusters`; `weights` are what all
    clusters bring to the mean, those that differ first and in the order of `sizes`. `deviation` is the error of the mean
    times the root of the number of clusters.
    """

    sizes: "np.ndarray"
    weights: "np.ndarray"
    clusters: int
    deviation: float
    share: float

    @classmethod
    def of(cls, values: "Sequence[float] | np.ndarray", clusters: "Sequence[str] | np.ndarray") -> "Design":
        """`values` are one a question. Raises ValueError where there are none."""
        import numpy as np

        error, count = clustered_error(values, clusters)
        data = np.asarray(values, dtype=float)
        _, label = np.unique(np.asarray(clusters), return_inverse=True)
        questions = np.bincount(label)
        means, weights = np.bincount(label, weights=data) / questions, weights_of(questions)
        differing = np.bincount(label, weights=data != 0) > 0
        return cls(
            sizes=np.abs(means[differing]),
            weights=np.concatenate([weights[differing], weights[~differing]]),
            clusters=count,
            deviation=round(error * count**0.5, DECIMALS),  # equal differences have an error of 1e-17 or so
            share=float(differing.mean()),
        )

    def detectable(self) -> float | None:
        """The mean difference that a two-sided test at 5 % would find in 80 of 100 such sets.

        None where nothing is known of the error, with fewer than two clusters or where all differences are equal, and
        where no effect is found so often.
        """
        low, high = 0.0, 1.0
        if not self.deviation or self._power(self.clusters, 0.0, high) < POWER:
            return None
        while high - low > 1e-3 * high:
            middle = (low + high) / 2
            low, high = (low, middle) if self._power(self.clusters, 0.0, middle) >= POWER else (middle, high)
        return high

    def needed(self, margin: float) -> int | None:
        """With how many such clusters an equal candidate is shown to lose less than `margin`, with a power of 80 %.

        None where nothing is known of the error though something differs, and where no number does.
        """
        if self.share and not self.deviation:
            return None
        low, high = 1, 2
        while self._power(high, -margin, 0.0) < POWER:
            low, high = high, 2 * high
            if high > MOST:
                return None
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self._power(middle, -margin, 0.0) >= POWER else (middle, high)
        return high

    def _power(self, clusters: int, value: float, effect: float) -> float:
        """How likely so many clusters show that their mean, `effect`, is more than `value`.

        An effect turns losses into gains. Where that does not suffice the clusters that differ gain more, and then more of
        them differ.
        """
        import numpy as np
        from scipy import special

        size = self.share * float(self.sizes.mean()) if self.share else 0.0
        turned = min(1.0, effect / size) if size else 0.0
        sizes = np.minimum(1.0, self.sizes * max(1.0, effect / size)) if size else self.sizes
        share = min(1.0, max(self.share, effect / float(sizes.mean()))) if size else self.share
        few = float(special.bdtr(MIN_DIFFERING - 1, clusters, share)) if clusters >= MIN_DIFFERING else 1.0
        found = 0.0
        if few > SURE:
            found += few * self._shown_by_bet(clusters, value, sizes, share, turned)
        if few < 1 - SURE:
            variance = max(self.deviation**2, share * float(np.square(sizes).mean()) - effect**2)
            noncentrality = (effect - value) * (clusters / variance) ** 0.5
            found += (1 - few) * _power(clusters - 1, noncentrality, self.clusters - 1)
        return found

    def _shown_by_bet(self, clusters: int, value: float, sizes: "np.ndarray", share: float, turned: float) -> float:
        """How likely the bet shows it in sets in which few differ: a `share`, of these `sizes`, `turned` from losses."""
        import numpy as np
        from scipy import special

        which, sign, number = _uniform()
        below = special.bdtr(np.minimum(np.arange(MIN_DIFFERING), clusters), clusters, share)
        numbers = np.searchsorted(below / below[-1], number)
        factor = likeliest(self.weights, value)
        equal = log_growth(np.zeros(len(self.weights)), self.weights, value, factor).mean(axis=1)
        growth = np.multiply.outer(equal, clusters - numbers)
        if share:
            drawn = (which * len(sizes)).astype(int)
            means = sizes[drawn] * np.where(sign < (1 + turned) / 2, 1.0, -1.0)
            taken = np.arange(MIN_DIFFERING - 1) < numbers[:, None]
            differing = log_growth(means, self.weights[drawn], value, factor)
            growth = growth + np.where(taken, differing, 0.0).sum(axis=2)
        return float((log_stake(growth) >= WANTED).mean())


@lru_cache(maxsize=1)
def _uniform() -> tuple["np.ndarray", "np.ndarray", "np.ndarray"]:
    """What the draws are made of, the same for all: for `MIN_DIFFERING` - 1 clusters of each set, and for their number."""
    import numpy as np

    generator = np.random.default_rng(SEED)
    shape = (DRAWN, MIN_DIFFERING - 1)
    return generator.random(shape), generator.random(shape), (np.arange(DRAWN) + 0.5) / DRAWN


def _power(freedom: int, noncentrality: float, seen: int) -> float:
    """Of t with `freedom` degrees of freedom, where the error that `noncentrality` goes by is an estimate with `seen`."""
    from scipy import special

    critical = special.stdtrit(freedom, (1 + CONFIDENCE) / 2)
    # Gauss and Hermite's three points; the standard deviation of a relative error is 1 / sqrt(2 seen). The function
    # returns NaN from 38 on, and 37 is found for certain.
    shifts = [min(37.0, noncentrality * (1 + step / (2 * seen) ** 0.5)) for step in (-(3**0.5), 0.0, 3**0.5)]
    lower, middle, upper = 1.0 - special.nctdtr(freedom, shifts, critical)
    return float(lower + 4 * middle + upper) / 6
