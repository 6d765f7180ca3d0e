"""Power by printed tables, and by simulation."""

import numpy as np
import pytest
from scipy import stats

from llmops_pipelines.evaluation.power import clusters_needed, minimum_detectable_effect


def spread(number: int, deviation: float = 1.0) -> list[float]:
    """Values of mean 0 with exactly this standard deviation."""
    values = np.linspace(-1, 1, number)
    return list(values / values.std(ddof=1) * deviation)


def names(number: int) -> list[str]:
    return [str(i) for i in range(number)]


@pytest.mark.parametrize(("number", "effect"), [(34, 0.5), (199, 0.2), (15, 0.8)])
def test_the_known_sample_sizes_of_a_paired_t_test(number: int, effect: float) -> None:
    """Two-sided at 5 % with a power of 80 %: 34 pairs for half a standard deviation, 199 for a fifth, 15 for .8."""
    assert clusters_needed(spread(60), names(60), effect) == number
    assert minimum_detectable_effect(spread(number), names(number)) == pytest.approx(effect, rel=0.03)


def test_four_of_five_tests_find_the_detectable_effect() -> None:
    generator = np.random.default_rng(7)
    draws = generator.normal(0, 0.2, (4_000, 30))
    found = [minimum_detectable_effect(list(draw), names(30)) or 0.0 for draw in draws[:200]]
    p = stats.ttest_1samp(draws + np.mean(found), 0.0, axis=1).pvalue
    assert 0.77 < (p < 0.05).mean() < 0.83


def test_clusters_and_not_questions_are_counted() -> None:
    once = minimum_detectable_effect(spread(30), names(30))
    assert minimum_detectable_effect(spread(30) * 3, names(30) * 3) == pytest.approx(once)


def test_where_nothing_differs_nothing_is_known() -> None:
    assert minimum_detectable_effect([0.0] * 10, names(10)) is None
    assert clusters_needed([0.1], ["a"], 0.03) is None
