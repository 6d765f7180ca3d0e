"""Means over repeats: by hand, and the coverage that an interval over questions alone has not."""

import numpy as np
import pytest

from llmops_pipelines.evaluation.intervals import Estimate, clustered_mean
from llmops_pipelines.evaluation.repeats import crossed_mean

BOUNDS = (-100.0, 100.0)


def names(number: int) -> list[str]:
    return [str(i) for i in range(number)]


def test_a_table_by_hand() -> None:
    """Repeats of mean 1 and 3, questions of mean 1, 2 and 3, nothing left over: the variances are 1/3 and 1.

    The quantiles 4.3027 and 12.7062 weighted by them give 10.6053, and the error is sqrt(4/3).
    """
    found = crossed_mean([[0.0, 1.0, 2.0], [2.0, 3.0, 4.0]], names(3), (-1e6, 1e6))
    assert found.mean == 2
    assert found.high - found.mean == pytest.approx(10.6053 * (4 / 3) ** 0.5, rel=1e-4)
    assert (found.n, found.clusters) == (3, 3)


def test_repeats_that_agree_give_the_interval_of_one() -> None:
    values = list(np.random.default_rng(1).normal(0, 0.2, 40))
    clusters = [str(i // 2) for i in range(40)]
    both, one = crossed_mean([values] * 3, clusters, BOUNDS), clustered_mean(values, clusters, BOUNDS)
    assert (both.low, both.high) == (pytest.approx(one.low), pytest.approx(one.high))
    assert (both.n, both.clusters) == (40, 20)


def test_repeats_that_differ_make_it_wide() -> None:
    values = np.random.default_rng(1).normal(0, 0.02, 40)
    shifted = [list(values + shift) for shift in (-0.05, 0.0, 0.05)]
    both, one = crossed_mean(shifted, names(40), BOUNDS), clustered_mean(list(values), names(40), BOUNDS)
    assert both.high - both.low > 5 * (one.high - one.low)


@pytest.mark.parametrize("deviation", [0.0, 0.02, 0.1])
def test_it_holds_the_mean_of_all_seeds(deviation: float) -> None:
    """1,000 sets of three seeds: 95 % of them, Monte-Carlo error .7 percentage points."""
    generator = np.random.default_rng(3)
    held = held_by_one = 0
    for _ in range(1_000):
        seeds = generator.normal(0, deviation, (3, 1))
        values = (seeds + generator.normal(0, 0.1, 100) + generator.normal(0, 0.1, (3, 100))).tolist()
        both = crossed_mean(values, names(100), BOUNDS)
        one = clustered_mean(np.mean(values, axis=0).tolist(), names(100), BOUNDS)
        held += both.low <= 0 <= both.high
        held_by_one += one.low <= 0 <= one.high
    assert held >= 930
    assert deviation < 0.1 or held_by_one < 500


def test_one_cluster_and_equal_values() -> None:
    assert crossed_mean([[0.2, 0.4], [0.3, 0.5]], ["a", "a"]) == Estimate(pytest.approx(0.35), 0.0, 1.0, 2, 1)  # type: ignore[arg-type]
    assert crossed_mean([[0.5, 0.5]] * 2, ["a", "b"]) == Estimate(0.5, 0.5, 0.5, 2, 2)


@pytest.mark.parametrize("values", [[[0.1, 0.2]], [[], []], []])
def test_fewer_than_two_repeats_are_an_error(values: list[list[float]]) -> None:
    with pytest.raises(ValueError, match="at least two"):
        crossed_mean(values, ["a", "b"])
