"""What is compared: the gate of this project, and two usual tests that take questions for independent."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from llmops_pipelines.evaluation.intervals import CONFIDENCE
from llmops_pipelines.evaluation.verdict import Verdict, judge

RESAMPLES = 1_000
PROMOTE = {Verdict.BETTER, Verdict.NOT_WORSE}


@dataclass(frozen=True)
class Finding:
    """What a method makes of one set of differences. `low` and `high` are None where it gives no interval."""

    p: float
    low: float | None
    high: float | None
    not_worse: bool
    detectable: float | None = None


def gate(values: np.ndarray, clusters: Sequence[str], margin: float, generator: np.random.Generator) -> Finding:
    """`judge`, as the gate calls it."""
    found = judge(values.tolist(), clusters, margin)
    interval = found.estimate
    return Finding(found.p, interval.low, interval.high, found.verdict in PROMOTE, found.detectable)


def bootstrap(values: np.ndarray, clusters: Sequence[str], margin: float, generator: np.random.Generator) -> Finding:
    """The percentile bootstrap of single questions."""
    drawn = generator.integers(0, len(values), (RESAMPLES, len(values)), dtype=np.int32)
    means = np.sort(values[drawn].mean(axis=1))
    rank = int((1 - CONFIDENCE) / 2 * RESAMPLES)
    low, high = float(means[rank]), float(means[-rank - 1])
    p = 2 * min((means <= 0).mean(), (means >= 0).mean())
    return Finding(min(1.0, float(p)), low, high, low > -margin)


def wilcoxon(values: np.ndarray, clusters: Sequence[str], margin: float, generator: np.random.Generator) -> Finding:
    """Wilcoxon's signed-rank test of single questions."""
    from scipy import stats

    if not values.any():
        return Finding(1.0, None, None, True)
    both: Any = stats.wilcoxon(values, method="approx")
    above: Any = stats.wilcoxon(values + margin, alternative="greater", method="approx")
    return Finding(float(both.pvalue), None, None, above.pvalue <= (1 - CONFIDENCE) / 2)


METHODS = {"gate": gate, "bootstrap": bootstrap, "wilcoxon": wilcoxon}
