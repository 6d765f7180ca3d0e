"""What a set of paired differences allows to say of a candidate: better, not worse, worse, or that it cannot be told.

First non-inferiority against a margin that was declared beforehand, then superiority: the order is fixed, so that
neither needs a correction for the other (CPMP, "Points to consider on switching between superiority and
non-inferiority", British Journal of Clinical Pharmacology 52, 2001). What was not measured takes the worst value for the
claim that is made (Horowitz and Manski, "Nonparametric analysis of randomized experiments with missing covariate and
outcome data", Journal of the American Statistical Association 95, 2000).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

from llmops_pipelines.evaluation.few_differences import MIN_DIFFERING, Bet
from llmops_pipelines.evaluation.intervals import CONFIDENCE, Estimate
from llmops_pipelines.evaluation.power import Design
from llmops_pipelines.evaluation.sign_flip import DECIMALS, SignFlip, sign_flip

if TYPE_CHECKING:
    import numpy as np

ONE_SIDED = (1 - CONFIDENCE) / 2


class Verdict(StrEnum):
    """`better` and `not_worse` promote."""

    BETTER = "better"
    NOT_WORSE = "not_worse"
    WORSE = "worse"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True)
class Judgement:
    """The test of one metric, in its units, `margin` the loss that was declared to be none.

    `estimate` is of the measured questions. The tests go by `low` and `high`, the ends of the interval whatever the
    `unmeasured` questions are: its own where there are none. `worst_loss` is what these can take from the mean of an equal
    candidate. `differing` is the number of clusters with a difference; `exact` says that intervals and p are by betting,
    for few of them. `p` is two-sided, of no difference; the others are one-sided: `p_not_worse` of a loss of the margin,
    `p_not_ahead` of a gain of it.
    """

    estimate: Estimate
    low: float
    high: float
    margin: float
    bound: float
    differing: int
    unmeasured: int
    worst_loss: float
    exact: bool
    p: float
    p_not_worse: float
    p_not_ahead: float
    p_better: float
    p_worse: float
    design: Design = field(repr=False, compare=False)

    @property
    def equivalent(self) -> bool:
        """Whether the two are shown to differ by less than the margin, either way: two one-sided tests (Schuirmann, Journal
        of Pharmacokinetics and Biopharmaceutics 15, 1987), each at the level that shows a candidate not to be worse.
        """
        return max(self.p_not_worse, self.p_not_ahead) <= ONE_SIDED

    @property
    def verdict(self) -> Verdict:
        """What the tests say together, non-inferiority first."""
        if self.p_not_worse <= ONE_SIDED:
            return Verdict.BETTER if self.p_better <= ONE_SIDED and not self.exact else Verdict.NOT_WORSE
        if self.p_worse <= ONE_SIDED and not self.exact:
            return Verdict.WORSE
        return Verdict.INCONCLUSIVE

    @cached_property
    def detectable(self) -> float | None:
        """The smallest effect that would be found with a power of 80 %; None where the differences do not tell."""
        effect = self.design.detectable()
        return None if effect is None else self.bound * effect

    @cached_property
    def needed(self) -> int | None:
        """With how many clusters a candidate that is equal would be shown not to be worse with a power of 80 %.

        With as large a part of the questions unmeasured as now. None where the differences do not tell, or no number does.
        """
        left = self.margin - self.worst_loss
        return self.design.needed(left / self.bound) if left > 0 else None

    @property
    def questions_needed(self) -> int | None:
        """How many more questions, as many a cluster as now, an inconclusive verdict lacks.

        0 where an equal candidate would have passed with those there are.
        """
        if self.needed is None:
            return None
        return max(0, math.ceil((self.needed - self.estimate.clusters) * self.estimate.n / self.estimate.clusters))


def judge(
    low: Sequence[float],
    clusters: Sequence[str],
    margin: float,
    high: Sequence[float] | None = None,
    bound: float = 1.0,
) -> Judgement:
    """Test the mean of `low`, the candidate's score less production's, one a question, of a metric where more is better.

    `high` is given where questions could not be measured: `low` is then the least and `high` the greatest that their
    difference can be, and the two are equal for all others. Differences lie in [-`bound`, `bound`] and 0 < `margin` <
    `bound`. A metric where less is better is turned round (production's less the candidate's). One without an upper end,
    such as milliseconds, is cut at a `bound` that was declared beforehand, or only reported. Raises ValueError where a
    difference or the margin is out of bounds, or no question was measured.
    """
    import numpy as np

    if not 0 < margin < bound:
        raise ValueError(f"a margin lies between 0 and {bound:g}")
    worst = (np.asarray(low, dtype=float) / bound).round(DECIMALS)
    best = worst if high is None else (np.asarray(high, dtype=float) / bound).round(DECIMALS)
    if max(np.abs(worst).max(initial=0.0), np.abs(best).max(initial=0.0)) > 1 or (worst > best).any():
        raise ValueError(f"a difference lies between -{bound:g} and {bound:g}, and `low` is at most `high`")
    measured = worst == best
    if not measured.any():
        raise ValueError("no question was measured for both systems")
    _, label = np.unique(np.asarray(clusters), return_inverse=True)
    shown, of = worst[measured], label[measured]
    differing = len(np.unique(of[shown != 0]))
    exact = differing < MIN_DIFFERING
    at_worst = at_best = _test(shown, of, exact)
    estimate = least = greatest = at_worst.interval()
    if not measured.all():
        at_worst, at_best = _test(worst, label, exact), _test(best, label, exact)
        least, greatest = at_worst.interval(), at_best.interval()
    return Judgement(
        estimate=Estimate(
            bound * estimate.mean, bound * estimate.low, bound * estimate.high, estimate.n, estimate.clusters
        ),
        low=bound * least.low,
        high=bound * greatest.high,
        margin=margin,
        bound=bound,
        differing=differing,
        unmeasured=int((~measured).sum()),
        worst_loss=-bound * float(worst[~measured].sum()) / len(worst),
        exact=exact,
        p=min(1.0, 2 * min(at_worst.p_above(), at_best.p_below())),
        p_not_worse=at_worst.p_above(-margin / bound),
        p_not_ahead=at_best.p_below(margin / bound),
        p_better=at_worst.p_above(),
        p_worse=at_best.p_below(),
        design=Design.of(shown, of),
    )


def _test(values: "np.ndarray", clusters: "np.ndarray", exact: bool) -> Bet | SignFlip:
    return Bet.on(values, clusters) if exact else sign_flip(values, clusters)


def difference(values: Sequence[float], clusters: Sequence[str]) -> Estimate:
    """The mean of paired differences in [-1, 1] with the interval that the gate's test gives: that test inverted."""
    import numpy as np

    data, label = (
        np.asarray(values, dtype=float).round(DECIMALS),
        np.unique(np.asarray(clusters), return_inverse=True)[1],
    )
    return _test(data, label, len(np.unique(label[data != 0])) < MIN_DIFFERING).interval()
