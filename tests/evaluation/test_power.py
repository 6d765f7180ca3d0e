"""Power by printed tables, and by simulation."""

import numpy as np
import pytest
from scipy import stats

from llmops_pipelines.evaluation.few_differences import MIN_DIFFERING
from llmops_pipelines.evaluation.power import Design
from llmops_pipelines.evaluation.verdict import Verdict, judge

MARGIN = 0.03


def spread(number: int, deviation: float = 0.5) -> list[float]:
    """Values of mean 0 with exactly this standard deviation."""
    values = np.linspace(-1, 1, number)
    return list(values / values.std(ddof=1) * deviation)


def names(number: int) -> list[str]:
    return [str(i) for i in range(number)]


def few(generator: np.random.Generator, number: int, share: float = 0.05) -> list[float]:
    """As often a gain of a half as a loss of it, and mostly neither."""
    return list(generator.choice([-0.5, 0.0, 0.5], number, p=[share / 2, 1 - share, share / 2]))


@pytest.mark.parametrize(("number", "effect"), [(34, 0.25), (199, 0.1)])
def test_the_known_sample_sizes_of_a_paired_t_test(number: int, effect: float) -> None:
    """Two-sided at 5 % with a power of 80 %: 34 pairs for half a standard deviation, 199 for a fifth."""
    assert Design.of(spread(20_000), names(20_000)).needed(effect) == number
    assert Design.of(spread(number), names(number)).detectable() == pytest.approx(effect, rel=0.05)


def test_what_is_known_of_little_needs_more() -> None:
    """An error is an estimate, and the fewer clusters it is one of the more it may be too small by."""
    few, many = (Design.of(spread(number), names(number)).needed(0.1) or 0 for number in (30, 20_000))
    assert many < few < 1.1 * many


def test_four_of_five_tests_find_the_effect_that_another_set_calls_detectable() -> None:
    generator = np.random.default_rng(7)
    named = [Design.of(generator.normal(0, 0.2, 30), names(30)).detectable() for _ in range(1_000)]
    p = stats.ttest_1samp(generator.normal(0, 0.2, (30, 1_000)) + np.array(named, dtype=float), 0.0).pvalue
    assert 0.76 < (p < 0.05).mean() < 0.84


def test_clusters_and_not_questions_are_counted() -> None:
    once = Design.of(spread(30), names(30)).detectable()
    assert Design.of(spread(30) * 3, names(30) * 3).detectable() == pytest.approx(once)


def test_where_few_differ_it_takes_a_greater_effect_than_the_error_says() -> None:
    values = [0.5, -0.5] * 5 + [0.0] * 190
    found = Design.of(values, names(200)).detectable()
    error = np.std(values, ddof=1) / 200**0.5
    assert found is not None
    assert found > 1.2 * 2.82 * error
    gains = round(found / 0.5 * 200)
    assert gains < MIN_DIFFERING
    bet = judge([0.5] * gains + [0.0] * (200 - gains), names(200), MARGIN)
    assert bet.p <= 0.05


def test_where_nothing_differs_only_the_number_of_clusters_is_known() -> None:
    equal = Design.of([0.0] * 10, names(10))
    assert (equal.detectable(), equal.needed(MARGIN)) == (None, 127)
    for values in ([0.1], [0.1] * 30):
        same = Design.of(values, names(len(values)))
        assert (same.detectable(), same.needed(MARGIN)) == (None, None)


@pytest.mark.parametrize("share", [0.05, 0.4])
def test_with_as_many_as_needed_four_of_five_equal_candidates_pass(share: float) -> None:
    generator = np.random.default_rng(5)
    needed = [Design.of(few(generator, 200, share), names(200)).needed(MARGIN) or 0 for _ in range(20)]
    number = round(float(np.mean(needed)))
    passed = [
        judge(few(generator, number, share), names(number), MARGIN).verdict != Verdict.INCONCLUSIVE for _ in range(600)
    ]
    assert 0.7 < np.mean(passed) < 0.9
