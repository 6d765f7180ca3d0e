"""The draws of the simulation have the mean that they say, and the gate errs no more often than it may, in a small one."""

import numpy as np
import pytest

from benchmarks.statistics.draws import METRICS, Draw
from benchmarks.statistics.rates import MARGIN, rates

REPLICATES = 300
THREE_ERRORS = 3 * (0.05 * 0.95 / REPLICATES) ** 0.5


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("mean", [0.0, -MARGIN])
def test_the_true_mean_is_what_was_asked_for(metric: str, mean: float) -> None:
    draw, generator = Draw(metric, 2_000, 10, 0.3), np.random.default_rng(1)
    found = [draw.differences(generator, mean).mean() for _ in range(20)]
    assert np.mean(found) == pytest.approx(mean, abs=4 * np.std(found) / 20**0.5)
    assert len(draw.names()) == 20_000


@pytest.mark.parametrize("metric", ["normal", "binary", "binary_rare"])
def test_the_gate_finds_no_more_than_it_may(metric: str) -> None:
    found = rates(Draw(metric, 30, 10, 0.3), "gate", REPLICATES, seed=1)
    assert found.false_rate <= 0.05 + THREE_ERRORS
    assert found.coverage is not None
    assert found.coverage >= 0.95 - THREE_ERRORS
    assert found.noninferiority_error <= 0.025 + THREE_ERRORS


def test_tests_that_ignore_clusters_find_too_much() -> None:
    for method in ("bootstrap", "wilcoxon"):
        assert rates(Draw("normal", 30, 10, 0.7), method, REPLICATES, seed=1).false_rate > 0.2
