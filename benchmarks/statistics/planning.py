"""Whether the number of questions that an inconclusive verdict asks for suffices, and how long a large suite takes."""

import time
from statistics import fmean, median
from typing import Any

import numpy as np

from benchmarks.statistics.draws import Draw
from benchmarks.statistics.methods import PROMOTE
from benchmarks.statistics.rates import MARGIN
from llmops_pipelines.evaluation.holm import holm
from llmops_pipelines.evaluation.intervals import clustered_mean
from llmops_pipelines.evaluation.verdict import judge

MOST = 20_000  # questions: sets that ask for more are not drawn


def power_when_enough(draw: Draw, replicates: int, seed: int) -> dict[str, Any]:
    """Sets without a true difference: how often one as large as an inconclusive one asked for is shown not to be worse."""
    generator = np.random.default_rng([seed, draw.clusters, draw.per_cluster, round(100 * draw.icc)])
    needed, passed = [], []
    for _ in range(replicates):
        found = judge(draw.differences(generator, 0.0).tolist(), draw.names(), MARGIN)
        if found.verdict in PROMOTE or found.needed is None or found.needed * draw.per_cluster > MOST:
            continue
        needed.append(found.needed)
        enough = Draw(draw.metric, found.needed, draw.per_cluster, draw.icc)
        passed.append(judge(enough.differences(generator, 0.0).tolist(), enough.names(), MARGIN).verdict in PROMOTE)
    return {
        "metric": draw.metric,
        "clusters": draw.clusters,
        "per_cluster": draw.per_cluster,
        "icc": draw.icc,
        "asked": len(needed),
        "clusters_needed": median(needed) if needed else None,
        "power": round(fmean(passed), 4) if passed else None,
    }


def seconds_of_a_large_suite(questions: int = 3_000) -> float:
    """Of so many questions 3 systems x 5 metrics, 2 guards and 10 slices: a test, its power and three intervals of each."""
    generator = np.random.default_rng(1)
    before, after = generator.beta(0.6, 0.6, (2, 15, questions))
    clusters = [str(question // 2) for question in range(questions)]
    parts = generator.integers(0, 10, questions)
    started = time.perf_counter()
    p = {}
    for number in range(15 + 2 + 10):
        old, new = before[number % 15], after[number % 15]
        chosen = np.flatnonzero(parts == number - 17) if number >= 17 else np.arange(questions)
        names = [clusters[question] for question in chosen]
        clustered_mean(old[chosen].tolist(), names)
        clustered_mean(new[chosen].tolist(), names)
        found = judge((new - old)[chosen].tolist(), names, MARGIN)
        p[str(number)] = found.p_worse
        _ = found.detectable, found.questions_needed
    holm(p)
    return round(time.perf_counter() - started, 2)
