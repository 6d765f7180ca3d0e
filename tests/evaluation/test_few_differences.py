"""The test by betting: its error is bounded whatever the distribution, and it sees that hardly anything differs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from llmops_pipelines.evaluation.few_differences import Bet

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
    """(1 + .03 / .97) to the power of 177 is 220 for the greatest bet, and 53 on average over all."""
    assert Bet.on([0.0] * 177, names(177)).p_above(-0.03) == pytest.approx(0.0189, abs=1e-4)
    assert Bet.on([0.0] * 100, names(100)).p_above(-0.03) > 0.025
    assert Bet.on([0.0] * 100, names(100)).clusters_needed(-0.03) in range(150, 185)


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


def test_a_cluster_counts_once_however_many_questions_it_has() -> None:
    once = Bet.on([0.1, 0.0, -0.2], list("abc"))
    often = Bet.on([0.1] * 7 + [0.0] + [-0.2] * 3, [*("a" * 7), "b", *("c" * 3)])
    assert often.p_above(-0.03) == pytest.approx(once.p_above(-0.03))


def test_one_sees_a_gain_too() -> None:
    values = list(np.random.default_rng(1).uniform(0, 0.4, 100))
    found = Bet.on(values, names(100))
    assert found.p_above(0.0) < 0.001
    assert found.p_below(0.0) == 1.0


def test_what_is_no_difference_of_scores_is_an_error() -> None:
    with pytest.raises(ValueError, match="between -1 and 1"):
        Bet.on([1.5], ["a"])
