"""The paired test against the definition of a sign-flip test and against scipy's, and the interval that inverts it."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from llmops_pipelines.evaluation.intervals import Estimate
from llmops_pipelines.evaluation.sign_flip import ENUMERATED, sign_flip

BOUNDS = (-1.0, 1.0)
STEP = 1e-9
DIFFERENCES = st.lists(
    st.tuples(st.sampled_from([-1.0, -0.5, -0.37, -0.1, 0.0, 0.1, 0.37, 0.5, 1.0]), st.sampled_from("abcdefgh")),
    min_size=1,
    max_size=30,
)


def by_definition(values: list[float], clusters: list[str], value: float) -> float:
    """Of all changes of sign of whole clusters, the share that leaves a sum at least as far from 0."""
    names = sorted(set(clusters))
    totals = [sum(v - value for v, c in zip(values, clusters, strict=True) if c == name) for name in names]
    sums = [
        abs(sum(sign * total for sign, total in zip(s, totals, strict=True)))
        for s in product((1, -1), repeat=len(names))
    ]
    return sum(found >= abs(sum(totals)) - 1e-9 for found in sums) / len(sums)


@settings(deadline=None, max_examples=150)
@given(DIFFERENCES, st.sampled_from([0.0, -0.03, 0.2]))
def test_with_few_clusters_p_is_that_of_all_changes_of_sign(pairs: list[tuple[float, str]], value: float) -> None:
    values, clusters = [v for v, _ in pairs], [c for _, c in pairs]
    assert sign_flip(values, clusters).p(value) == pytest.approx(min(1.0, by_definition(values, clusters, value)))


@settings(deadline=None, max_examples=100)
@given(st.lists(st.floats(-1, 1, width=16), min_size=6, max_size=40), st.integers(1, 40))
def test_the_interval_holds_the_values_that_are_not_rejected(values: list[float], names: int) -> None:
    clusters = [str(i % max(6, names)) for i in range(len(values))]
    found = sign_flip(values, clusters)
    interval = found.interval((-2.0, 2.0))
    assert interval.low <= interval.high
    for end, outwards in ((interval.low, -STEP), (interval.high, STEP)):
        assert found.p(end) > 0.05
        assert found.p(end + outwards) <= 0.05 or abs(end) == 2.0


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(-1, 1, width=16), min_size=1, max_size=40))
def test_what_is_turned_round_is_found_the_other_way_round(values: list[float]) -> None:
    clusters = [str(i // 2) for i in range(len(values))]
    one, other = sign_flip(values, clusters), sign_flip([-value for value in values], clusters)
    assert one.p() == other.p()
    assert (one.p_above(0.1), one.p_below(0.1)) == (other.p_below(-0.1), other.p_above(-0.1))
    found, turned = one.interval(BOUNDS), other.interval(BOUNDS)
    assert (found.low, found.high) == pytest.approx((-turned.high, -turned.low))


@pytest.mark.parametrize("number", [10, 40])
def test_single_questions_agree_with_scipy(number: int) -> None:
    before, after = np.random.default_rng(number).beta(2, 3, (2, number))
    theirs = stats.permutation_test(
        (after, before), lambda x, y: np.mean(x - y), permutation_type="samples", n_resamples=40_000, rng=1
    )
    ours = sign_flip(list(after - before), [str(i) for i in range(number)])
    assert ours.p() == pytest.approx(theirs.pvalue, abs=0.01)


@pytest.mark.parametrize(("gains", "losses", "equal"), [(8, 1, 0), (5, 2, 6), (30, 12, 100), (60, 40, 0)])
def test_gains_and_losses_of_one_size_agree_with_the_exact_test_of_signs(gains: int, losses: int, equal: int) -> None:
    """McNemar's exact test."""
    values = [1.0] * gains + [-1.0] * losses + [0.0] * equal
    found = sign_flip(values, [str(i) for i in range(len(values))])
    theirs = stats.binomtest(gains, gains + losses)
    assert found.p() == pytest.approx(min(1.0, theirs.pvalue), abs=0.02 if len(values) > ENUMERATED else 1e-9)


@pytest.mark.parametrize("number", [12, 40])
def test_one_sided_p_agree_with_scipy(number: int) -> None:
    before, after = np.random.default_rng(number).beta(2, 3, (2, number))
    theirs = stats.permutation_test(
        (after, before),
        lambda x, y: np.mean(x - y),
        permutation_type="samples",
        n_resamples=40_000,
        alternative="greater",
        rng=1,
    )
    found = sign_flip(list(after - before), [str(i) for i in range(number)])
    assert found.p_above() == pytest.approx(theirs.pvalue, abs=0.015)


def test_a_difference_that_is_the_same_everywhere_is_certain() -> None:
    found = sign_flip([0.2] * 30, [str(i) for i in range(30)])
    assert found.interval(BOUNDS) == Estimate(pytest.approx(0.2), pytest.approx(0.2), pytest.approx(0.2), 30, 30)  # type: ignore[arg-type]
    assert found.p() < 0.001
    assert found.p(0.2) == 1.0


def test_no_difference_anywhere_rejects_nothing_but_what_it_must() -> None:
    found = sign_flip([0.0] * 30, [str(i) for i in range(30)])
    assert (found.p(), found.p_above(), found.p_below()) == (1.0, 1.0, 1.0)


def test_five_clusters_cannot_reject_anything() -> None:
    found = sign_flip([0.5] * 5, list("abcde"))
    assert found.p() == pytest.approx(2 / 32)
    assert found.interval(BOUNDS) == Estimate(0.5, *BOUNDS, 5, 5)


def test_questions_repeated_within_their_cluster_add_no_certainty() -> None:
    values = list(np.random.default_rng(3).normal(0.05, 0.2, 40).clip(-1, 1))
    names = [str(i) for i in range(40)]
    once, thrice = (sign_flip(values * times, names * times) for times in (1, 3))
    assert thrice.p() == once.p()
    low, high = (found.interval(BOUNDS).low for found in (once, thrice))
    assert low == pytest.approx(high)


def test_no_values_are_an_error() -> None:
    with pytest.raises(ValueError, match="no differences"):
        sign_flip([], [])
