"""The test by betting: its error is bounded whatever the distribution, and it sees that hardly anything differs."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from llmops_pipelines.evaluation.few_differences import (
    MIN_DIFFERING,
    ON_LOSSES,
    ON_MEAN,
    Bet,
    likeliest,
    log_growth,
    smallest_margin,
    weights_of,
)
from llmops_pipelines.evaluation.verdict import Verdict, judge

DIFFERENCES = st.lists(st.floats(-1, 1, width=16), min_size=1, max_size=60)


def names(number: int) -> list[str]:
    return [str(i) for i in range(number)]


@pytest.mark.parametrize("clusters", [20, 100, 177, 500])
@pytest.mark.parametrize("margin", [0.02, 0.03, 0.1])
@pytest.mark.parametrize("loss", [1.0, 0.5, 0.1])
def test_a_loss_of_the_margin_is_overlooked_at_most_once_in_forty(clusters: int, margin: float, loss: float) -> None:
    """Every cluster loses `loss` or nothing: the probability is summed over all numbers of losses, none is drawn."""
    share = margin / loss
    overlooked = 0.0
    for losing in range(clusters + 1):
        found = Bet.on([-loss] * losing + [0.0] * (clusters - losing), names(clusters))
        if found.p_above(-margin) <= 0.025:
            overlooked += float(stats.binom.pmf(losing, clusters, min(1.0, share)))
    assert overlooked <= 0.025


def test_no_difference_among_enough_clusters_is_not_worse() -> None:
    """(1 + .03 / .97) to the power of 127 is 47.9: four fifths of that are 38, and the other parts bring the rest."""
    assert Bet.on([0.0] * 127, names(127)).p_above(-0.03) <= 0.025
    assert Bet.on([0.0] * 126, names(126)).p_above(-0.03) > 0.025


@pytest.mark.parametrize("clusters", [1, 5, 20, 60, 127, 1_000])
def test_the_smallest_margin_is_hardly_more_than_that_of_any_exact_test(clusters: int) -> None:
    """Clopper and Pearson's upper bound of the share of losses where none of so many was one."""
    bound = stats.binomtest(0, clusters).proportion_ci(0.95).high
    assert bound <= smallest_margin([1] * clusters) <= 1.05 * bound


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 2_000))
def test_the_smallest_margin_passes_and_a_smaller_one_does_not(clusters: int) -> None:
    margin = smallest_margin([1] * clusters)
    assert judge([0.0] * clusters, names(clusters), margin).verdict == Verdict.NOT_WORSE
    assert judge([0.0] * clusters, names(clusters), margin * (1 - 1e-5)).verdict == Verdict.INCONCLUSIVE


def test_a_whole_loss_counts_for_what_it_is() -> None:
    lost = Bet.on([-1.0] + [0.0] * 400, names(401))
    assert lost.p_above(-0.03) < 0.025
    assert lost.p_above(-0.03) > Bet.on([-0.1] + [0.0] * 400, names(401)).p_above(-0.03)


@settings(deadline=None, max_examples=100)
@given(DIFFERENCES)
def test_the_interval_holds_the_values_that_are_not_rejected(values: list[float]) -> None:
    found = Bet.on(values, names(len(values)))
    interval = found.interval()
    assert interval.low <= interval.mean <= interval.high
    for end, p in ((interval.low, found.p_above), (interval.high, found.p_below)):
        if abs(end) < 1 - 1e-6 and abs(end - interval.mean) > 1e-6:
            assert p(end) == pytest.approx(0.025, rel=1e-3)


SIZES = st.lists(st.integers(1, 40), min_size=1, max_size=60)


@settings(deadline=None, max_examples=200)
@given(SIZES, st.floats(0.01, 0.9))
def test_the_likeliest_losses_make_up_the_hypothesis_and_a_stake_on_them_does_not_grow(
    sizes: list[int], margin: float
) -> None:
    weights = weights_of(np.array(sizes))
    factor = likeliest(weights, -margin)
    losses = np.maximum(0.0, 1 - 1 / (factor * weights))
    assert (weights * losses).mean() == pytest.approx(margin)
    assert np.log(np.maximum(1.0, factor * weights) * (1 - losses)).sum() == pytest.approx(0, abs=1e-9)


@settings(deadline=None, max_examples=200)
@given(SIZES, st.randoms(use_true_random=False))
def test_no_losses_of_the_margin_make_the_mean_stake_grow(sizes: list[int], draw: random.Random) -> None:
    """Each cluster loses everything with a probability of its own; the expectation is a product, and nothing is drawn."""
    weights = weights_of(np.array(sizes))
    likely = np.array([draw.random() ** draw.choice([1, 3, 9]) for _ in sizes])
    margin = float((weights * likely).mean())
    if not 0 < margin < 1:
        return
    factor = likeliest(weights, -margin)
    none, all_lost = (np.exp(log_growth(np.full(len(sizes), m), weights, -margin, factor)) for m in (0.0, -1.0))
    expected = ((1 - likely) * none + likely * all_lost).prod(axis=1)
    assert (expected <= 1 + 1e-9).all()


@pytest.mark.parametrize(
    ("clusters", "share", "size", "margin"),
    [(177, 0.05, 5, 0.05), (177, 0.08, 3, 0.05), (200, 0.05, 10, 0.03), (60, 0.1, 10, 0.1), (200, 0.05, 1, 0.03)],
)
def test_a_loss_that_large_clusters_bear_is_overlooked_at_most_once_in_forty(
    clusters: int, share: float, size: int, margin: float
) -> None:
    """Some clusters are large, and they alone lose: by so much that the questions lose the margin on average."""
    generator = np.random.default_rng(0)
    loss = margin * (1 - share + share * size) / (share * size)
    overlooked = 0
    for _ in range(400):
        large = generator.random(clusters) < share
        sizes = np.where(large, size, 1)
        values = np.repeat(np.where(large, -loss, 0.0), sizes)
        if 0 < large.sum() < MIN_DIFFERING and values.mean() <= -margin:
            overlooked += Bet.on(values, np.repeat(np.arange(clusters).astype(str), sizes)).p_above(-margin) <= 0.025
    assert overlooked == 0


def test_one_cluster_of_many_questions_that_lose_is_no_small_thing() -> None:
    values = [-0.7] * 60 + [0.0] * 240
    clusters = ["a"] * 60 + names(240)
    found = judge(values, clusters, 0.03)
    assert found.estimate.mean == pytest.approx(-0.14)
    assert found.low < -0.14 < found.high
    assert found.verdict == Verdict.INCONCLUSIVE


def test_clusters_of_one_size_are_as_many_questions_of_their_own() -> None:
    once = Bet.on([0.1, 0.0, -0.2], list("abc"))
    often = Bet.on([0.1] * 4 + [0.0] * 4 + [-0.2] * 4, [*("a" * 4), *("b" * 4), *("c" * 4)])
    assert often.p_above(-0.03) == pytest.approx(once.p_above(-0.03))


def test_the_stake_is_divided_and_no_more() -> None:
    assert ON_LOSSES + sum(ON_MEAN.values()) == pytest.approx(1)
    assert all(0 < fraction <= 1 for fraction in ON_MEAN)


def test_one_sees_a_gain_too() -> None:
    values = list(np.random.default_rng(1).uniform(0, 0.4, 100))
    found = Bet.on(values, names(100))
    assert found.p_above(0.0) < 0.001
    assert found.p_below(0.0) == 1.0


def test_what_is_no_difference_of_scores_is_an_error() -> None:
    with pytest.raises(ValueError, match="between -1 and 1"):
        Bet.on([1.5], ["a"])
