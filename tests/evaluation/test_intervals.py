"""Intervals of a mean over clusters: plain formulas, and the coverage that they promise."""

import math
from statistics import NormalDist, fmean, stdev

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmops_pipelines.evaluation.intervals import Estimate, between, clustered_mean, joined_clusters

# The 97.5 % quantile of t, from printed tables.
T = {1: 12.7062, 2: 4.3027, 4: 2.7764, 9: 2.2622, 29: 2.0452}


def ends(mean: float, margin: float) -> tuple[float, float]:
    """Less and plus `margin` on the scale of the logit, by hand."""
    step = margin / (mean * (1 - mean))
    return tuple(1 / (1 + (1 - mean) / mean * math.exp(-sign * step)) for sign in (-1, 1))  # type: ignore[return-value]


def test_singletons_give_the_interval_of_a_plain_mean() -> None:
    values = [0.42, 0.55, 0.48, 0.61, 0.5, 0.39, 0.58, 0.47, 0.52, 0.44]
    found = clustered_mean(values, [str(i) for i in range(10)])
    margin = T[9] * stdev(values) / math.sqrt(10)
    assert found.mean == pytest.approx(fmean(values))
    assert (found.low, found.high) == pytest.approx(ends(fmean(values), margin), abs=1e-5)
    assert (found.low, found.high) == pytest.approx((fmean(values) - margin, fmean(values) + margin), abs=1e-3)
    assert (found.n, found.clusters) == (10, 10)


def test_clusters_by_hand() -> None:
    """Mean .5; totals of the residuals .2, -.1 and -.1, so that the error is sqrt(3/2 * .06) / 6 = .05."""
    found = clustered_mean([0.6, 0.6, 0.45, 0.45, 0.5, 0.4], ["a", "a", "b", "b", "c", "c"])
    assert found.mean == pytest.approx(0.5)
    assert (found.low, found.high) == pytest.approx(ends(0.5, T[2] * 0.05), abs=1e-5)
    assert found.clusters == 3


def test_one_cluster_says_nothing_of_the_variance() -> None:
    assert clustered_mean([0.2, 0.4], ["a", "a"]) == Estimate(pytest.approx(0.3), 0.0, 1.0, 2, 1)  # type: ignore[arg-type]
    assert clustered_mean([0.7], ["a"]) == Estimate(0.7, 0.0, 1.0, 1, 1)


def test_an_interval_stays_between_zero_and_one() -> None:
    found = clustered_mean([0.0, 1.0], ["a", "b"])
    assert (found.mean, found.low, found.high) == (0.5, pytest.approx(0.0, abs=1e-9), pytest.approx(1.0))
    assert clustered_mean([1.0] * 5, list("abcde")) == Estimate(1.0, 1.0, 1.0, 5, 5)


def test_no_values_have_no_mean() -> None:
    with pytest.raises(ValueError, match="no values"):
        clustered_mean([], [])


def test_repeating_every_question_within_its_cluster_adds_no_certainty() -> None:
    values, names = [0.3, 0.5, 0.6, 0.45, 0.7], list("abcde")
    once, thrice = clustered_mean(values, names), clustered_mean(values * 3, names * 3)
    assert (thrice.low, thrice.high) == (pytest.approx(once.low), pytest.approx(once.high))
    apart = clustered_mean(values * 3, [str(i) for i in range(15)])
    assert apart.high - apart.low < 0.6 * (once.high - once.low)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.tuples(st.floats(0, 1), st.sampled_from("abcd")), min_size=1, max_size=30), st.randoms())
def test_order_and_names_of_clusters_do_not_matter(drawn: list[tuple[float, str]], chance: object) -> None:
    values, names = zip(*drawn, strict=True)
    found = clustered_mean(values, names)
    assert 0 <= found.low <= found.mean + 1e-12
    assert found.mean - 1e-12 <= found.high <= 1
    shuffled = list(drawn)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    values, names = zip(*shuffled, strict=True)
    again = clustered_mean(values, [f"cluster {name}" for name in names])
    assert (again.mean, again.low, again.high) == pytest.approx((found.mean, found.low, found.high))


def test_an_estimate_reads_with_its_interval() -> None:
    assert str(Estimate(0.61234, 0.5, 0.7, 10, 5)) == "0.612 [0.500, 0.700]"
    assert Estimate(-0.0001, -0.25, 0.1, 10, 5).signed == "+0.000 [-0.250, +0.100]"


def test_near_an_end_the_interval_reaches_further_to_the_middle() -> None:
    low, high = between((0.0, 1.0), 0.1, 0.05)
    assert 0 < 0.1 - low < high - 0.1
    assert between((0.0, 1.0), 0.9, 0.05) == pytest.approx((1 - high, 1 - low))
    assert between((-1.0, 1.0), -0.8, 0.1) == pytest.approx((2 * low - 1, 2 * high - 1))


def test_bounds_are_those_of_a_score_unless_others_are_given() -> None:
    names = list("abc")
    wide = clustered_mean([-0.4, 0.6, -0.3], names, (-1.0, 1.0))
    margin = T[2] * stdev([-0.4, 0.6, -0.3]) / math.sqrt(3)
    assert margin > 1, "so that both ends would be cut"
    assert -1 < wide.low < wide.mean < wide.high < 1
    narrow = clustered_mean([-0.04, 0.06, -0.03], names, (-1.0, 1.0))
    assert narrow.low == pytest.approx(narrow.mean - margin / 10, abs=1e-3)
    assert clustered_mean([0.2], ["a"], (-1.0, 1.0)) == Estimate(0.2, -1.0, 1.0, 1, 1)


def test_joined_clusters_hold_what_either_grouping_holds_together() -> None:
    assert len(set(joined_clusters(["a", "b", "c"], ["x", "y", "z"]))) == 3
    first, second, third, fourth = joined_clusters(["a", "a", "b", "c"], ["x", "y", "y", "z"])
    assert first == second == third != fourth
    assert joined_clusters([], []) == []


def test_ninety_five_per_cent_of_the_intervals_hold_the_truth() -> None:
    """Thirty clusters of ten, intra-class correlation .7, values far from 0 and 1; standard error .7 % points."""
    random = np.random.default_rng(2)
    names = np.repeat(np.arange(30), 10).astype(str)
    replicates = 1_000
    covered = naive = 0
    for _ in range(replicates):
        shared, own = random.normal(size=30), random.normal(size=300)
        values = 0.5 + 0.05 * (math.sqrt(0.7) * np.repeat(shared, 10) + math.sqrt(0.3) * own)
        found = clustered_mean(values, names)
        covered += found.low <= 0.5 <= found.high
        naive += abs(values.mean() - 0.5) <= 1.96 * values.std(ddof=1) / math.sqrt(300)
    assert 0.92 <= covered / replicates <= 0.975
    assert naive / replicates < 0.7, "without clusters the interval would be far too narrow"


@pytest.mark.parametrize("changed", [0.3, 0.05])
def test_between_equal_models_an_interval_seldom_leaves_zero_out(changed: float) -> None:
    """Differences of -.5, 0 and .5, thirty clusters of ten; of 1,000 comparisons about 50 may, standard error 7."""
    random = np.random.default_rng(4)
    names = np.repeat(np.arange(30), 10).astype(str)
    threshold = NormalDist().inv_cdf(1 - changed / 2)
    left_out = 0
    for _ in range(1_000):
        strength = math.sqrt(0.7) * np.repeat(random.normal(size=30), 10) + math.sqrt(0.3) * random.normal(size=300)
        found = clustered_mean(0.5 * np.sign(strength) * (np.abs(strength) > threshold), names, (-1.0, 1.0))
        left_out += found.low > 0 or found.high < 0
    assert left_out <= 71
