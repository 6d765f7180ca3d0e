"""How large a change a set of graded items sees: the power of McNemar's exact test, summed and not simulated."""

from functools import lru_cache
from typing import TYPE_CHECKING

from llmops_pipelines.drift.answers import mcnemar

if TYPE_CHECKING:
    import numpy as np


def power(items: int, lost: float, won: float, level: float) -> float:
    """How likely so many items show a change at `level`, two-sided, of which a share `lost` goes from right to wrong and a
    share `won` from wrong to right.

    The number of items that change is binomial, and so is that of the losses among them: the probabilities of all that
    reject are added. One call a side; several of each item see more. Raises ValueError where the shares are none.
    """
    import numpy as np
    from scipy.stats import binom

    if min(lost, won) < 0 or lost + won > 1:
        raise ValueError(f"{lost:g} lost and {won:g} won are no shares of the items")
    if items < 1 or not lost + won:
        return 0.0
    changed = np.arange(items + 1)
    fewest = _fewest(items, level)
    share = lost / (lost + won)
    # The test rejects with at most `fewest` of the rarer kind, on either side.
    found = binom.cdf(fewest, changed, share) + binom.cdf(fewest, changed, 1 - share)
    rejects = np.where(fewest < 0, 0.0, np.minimum(1.0, found))
    return min(1.0, float(rejects @ binom.pmf(changed, items, lost + won)))


def power_of_drop(items: int, drop: float, churn: float, level: float) -> float:
    """As `power`, of a mean grade that falls by `drop` where besides a share `churn` of the items changes each way."""
    return power(items, drop + churn, churn, level)


@lru_cache(maxsize=16)
def _fewest(items: int, level: float) -> "np.ndarray":
    """With how many of the rarer kind the test still rejects, by the number of items that changed; -1 where with none."""
    import numpy as np

    found = np.full(items + 1, -1)
    fewest = -1
    for changed in range(1, items + 1):
        while fewest + 1 <= changed // 2 and mcnemar(fewest + 1, changed - fewest - 1) <= level:
            fewest += 1
        found[changed] = fewest
    return found
