"""What a set of paired differences allows to say of a candidate: better, not worse, worse, or that it cannot be told.

First non-inferiority against a margin that was declared beforehand, then superiority: the order is fixed, so that
neither needs a correction for the other (CPMP, "Points to consider on switching between superiority and
non-inferiority", British Journal of Clinical Pharmacology 52, 2001).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from llmops_pipelines.evaluation.few_differences import Bet
from llmops_pipelines.evaluation.intervals import CONFIDENCE, Estimate
from llmops_pipelines.evaluation.power import clusters_needed, minimum_detectable_effect
from llmops_pipelines.evaluation.sign_flip import sign_flip

BOUNDS = (-1.0, 1.0)
ONE_SIDED = (1 - CONFIDENCE) / 2
# With fewer clusters that differ, the permutation test has hardly any signs to change.
MIN_DIFFERING = 20


class Verdict(StrEnum):
    """`better` and `not_worse` promote."""

    BETTER = "better"
    NOT_WORSE = "not_worse"
    WORSE = "worse"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True)
class Judgement:
    """The test of one metric, `margin` the loss that was declared to be none.

    `differing` is the number of clusters with a difference; `exact` says that interval and p are by betting, for few of
    them. `p` is two-sided, of no difference; the others are one-sided. `detectable` is the smallest effect that would be
    found with a power of 80 %, `needed` the number of clusters with which a candidate that is equal would be shown not to
    be worse with that power; None where the differences do not tell.
    """

    estimate: Estimate
    margin: float
    differing: int
    exact: bool
    p: float
    p_not_worse: float
    p_better: float
    p_worse: float
    detectable: float | None
    needed: int | None

    @property
    def verdict(self) -> Verdict:
        if self.p_not_worse <= ONE_SIDED:
            return Verdict.BETTER if self.p_better <= ONE_SIDED and not self.exact else Verdict.NOT_WORSE
        if self.p_worse <= ONE_SIDED and not self.exact:
            return Verdict.WORSE
        return Verdict.INCONCLUSIVE

    @property
    def questions_needed(self) -> int | None:
        """How many more questions, as many a cluster as now, an inconclusive verdict lacks."""
        if self.needed is None:
            return None
        return max(0, math.ceil((self.needed - self.estimate.clusters) * self.estimate.n / self.estimate.clusters))


def judge(values: Sequence[float], clusters: Sequence[str], margin: float) -> Judgement:
    """Test the mean of `values`, the candidate's score less production's in [-1, 1], one a question; 0 < `margin` < 1.

    Raises ValueError where there are no values.
    """
    flip = sign_flip(values, clusters)
    differing = len({cluster for value, cluster in zip(values, clusters, strict=True) if value})
    detectable = minimum_detectable_effect(values, clusters)
    if differing < MIN_DIFFERING:
        bet = Bet.on(values, clusters)
        return Judgement(
            estimate=bet.interval(),
            margin=margin,
            differing=differing,
            exact=True,
            p=min(1.0, 2 * min(bet.p_above(0.0), bet.p_below(0.0))),
            p_not_worse=bet.p_above(-margin),
            p_better=bet.p_above(0.0),
            p_worse=bet.p_below(0.0),
            detectable=detectable,
            needed=bet.clusters_needed(-margin),
        )
    return Judgement(
        estimate=flip.interval(BOUNDS),
        margin=margin,
        differing=differing,
        exact=False,
        p=flip.p(),
        p_not_worse=flip.p_above(-margin),
        p_better=flip.p_above(0.0),
        p_worse=flip.p_below(0.0),
        detectable=detectable,
        needed=clusters_needed(values, clusters, margin),
    )
