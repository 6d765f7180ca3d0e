"""What is compared: the gate of this project, and two usual tests that take questions for independent."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from llmops_pipelines.evaluation.intervals import CONFIDENCE
from llmops_pipelines.evaluation.verdict import Judgement, Verdict, judge

RESAMPLES = 1_000
PROMOTE = {Verdict.BETTER, Verdict.NOT_WORSE}


@dataclass(frozen=True)
class Finding:
    """What a method makes of one set of differences. `low` and `high` are None where it gives no interval."""

    p: float
    low: float | None
    high: float | None
    not_worse: bool
    better: bool
    judgement: Judgement | None = None


def gate(values: np.ndarray, clusters: Sequence[str], margin: float) -> Finding:
    """`judge`, as the gate calls it."""
    found = judge(values.tolist(), clusters, margin)
    better = found.verdict == Verdict.BETTER
    return Finding(found.p, found.low, found.high, found.verdict in PROMOTE, better, found)


def bootstrap(values: np.ndarray, clusters: Sequence[str], margin: float) -> Finding:
    """The percentile bootstrap of single questions."""
    means = np.sort(_resamples(len(values)) @ values / len(values))
    rank = int((1 - CONFIDENCE) / 2 * RESAMPLES)
    low, high = float(means[rank]), float(means[-rank - 1])
    p = min(1.0, 2 * float(min((means <= 0).mean(), (means >= 0).mean())))
    return Finding(p, low, high, low > -margin, low > 0)


@lru_cache(maxsize=4)
def _resamples(number: int) -> np.ndarray:
    """How often each of so many questions is in each resample; the same ones for every set."""
    generator = np.random.default_rng(number)
    return generator.multinomial(number, np.full(number, 1 / number), RESAMPLES).astype(float)


def wilcoxon(values: np.ndarray, clusters: Sequence[str], margin: float) -> Finding:
    """Wilcoxon's signed-rank test of single questions."""
    from scipy import stats

    if not values.any():
        return Finding(1.0, None, None, True, False)
    both: Any = stats.wilcoxon(values, method="asymptotic")
    above: Any = stats.wilcoxon(values + margin, alternative="greater", method="asymptotic")
    level = (1 - CONFIDENCE) / 2
    better = bool(both.pvalue <= 2 * level and values.sum() > 0)
    return Finding(float(both.pvalue), None, None, bool(above.pvalue <= level), better)


METHODS = {"gate": gate, "bootstrap": bootstrap, "wilcoxon": wilcoxon}
