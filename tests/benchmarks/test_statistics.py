"""The draws of the simulation have the mean that they say, and the gate errs no more often than it may, in a small one."""

import numpy as np
import pytest

from benchmarks.statistics.draws import METRICS, Draw
from benchmarks.statistics.levels import SCORES, Level, Seeds
from benchmarks.statistics.planning import power_when_enough
from benchmarks.statistics.rates import MARGIN, rates

REPLICATES = 300


def error(rate: float) -> float:
    """The Monte-Carlo error of a rate."""
    return (rate * (1 - rate) / REPLICATES) ** 0.5


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("mean", [0.0, -MARGIN])
def test_the_true_mean_is_what_was_asked_for(metric: str, mean: float) -> None:
    draw, generator = Draw(metric, 2_000, 10, 0.3), np.random.default_rng(1)
    found = [draw.differences(generator, mean).mean() for _ in range(20)]
    assert np.mean(found) == pytest.approx(mean, abs=4 * np.std(found) / 20**0.5)
    assert len(draw.names()) == 20_000


@pytest.mark.parametrize("metric", METRICS)
def test_the_gate_finds_no_more_than_it_may(metric: str) -> None:
    found = rates(Draw(metric, 30, 10, 0.3), "gate", REPLICATES, seed=1)
    level, one_sided = (0.075, 0.065) if metric == "skewed" else (0.05, 0.025)
    assert found.false_rate <= level + 3 * error(level)
    assert found.coverage is not None
    assert found.coverage >= 1 - level - 3 * error(level)
    assert found.noninferiority_error <= one_sided + 3 * error(one_sided)


@pytest.mark.parametrize(("metric", "icc"), [("normal", 0.3), ("binary", 0.3), ("binary", 0.7)])
def test_four_of_five_sets_find_the_effect_that_another_one_names(metric: str, icc: float) -> None:
    found = rates(Draw(metric, 30, 10, icc), "gate", REPLICATES, seed=1)
    assert found.power_at_mde is not None
    assert 0.75 - 3 * error(0.75) <= found.power_at_mde <= 0.85 + 3 * error(0.85)


def test_tests_that_ignore_clusters_find_too_much() -> None:
    for method in ("bootstrap", "wilcoxon"):
        assert rates(Draw("normal", 30, 10, 0.7), method, REPLICATES, seed=1).false_rate > 0.2


@pytest.mark.parametrize("score", SCORES)
def test_intervals_of_a_level_hold_it(score: str) -> None:
    found = Level(score, 30, 10, 0.7, 0.2).coverage(1_000, seed=1)["coverage"]
    assert abs(found - 0.95) <= 3 * (0.05 * 0.95 / 1_000) ** 0.5


def test_intervals_over_seeds_hold_the_mean_of_all_seeds() -> None:
    found = Seeds(3, 50, 4, 0.3, 0.05).coverage(REPLICATES, seed=1)
    assert found["coverage"] >= 0.95 - 3 * error(0.05)
    assert found["questions_only"] < 0.8


def test_as_many_questions_as_were_asked_for_suffice() -> None:
    found = power_when_enough(Draw("normal", 30, 10, 0.3), 120, seed=1)
    assert found["asked"] > 50
    assert 0.65 < found["power"] < 0.95
