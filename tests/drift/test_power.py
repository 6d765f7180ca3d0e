"""The power of graded items: the sum is what drawing such sets gives, and what was measured elsewhere."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmops_pipelines.drift.answers import changed_grades
from llmops_pipelines.drift.power import power, power_of_drop


@pytest.mark.parametrize(("items", "lost", "won"), [(60, 0.476, 0.147), (200, 0.15, 0.05), (40, 0.3, 0.0)])
def test_the_sum_is_what_drawing_gives(items: int, lost: float, won: float) -> None:
    generator = np.random.default_rng(0)
    found = 0
    for _ in range(400):
        changes = generator.choice([-1, 1, 0], items, p=[lost, won, 1 - lost - won])
        before = {str(i): [float(change < 0)] for i, change in enumerate(changes)}
        after = {str(i): [float(change > 0)] for i, change in enumerate(changes)}
        found += changed_grades(before, after).p <= 0.01
    assert found / 400 == pytest.approx(power(items, lost, won, 0.01), abs=3 * 0.025)


def test_few_items_hardly_see_a_drop_by_a_third() -> None:
    """GPT-4 on primes between March and June 2023, at 1 % over four families."""
    assert power(12, 0.476, 0.147, 0.0025) < 0.1
    assert 0.4 < power(60, 0.476, 0.147, 0.0025) < 0.6
    assert power(200, 0.476, 0.147, 0.0025) > 0.99


def test_no_change_is_found_at_most_as_often_as_the_level_says() -> None:
    for items in (10, 60, 200):
        for churn in (0.02, 0.1, 0.5):
            assert power(items, churn, churn, 0.01) <= 0.01
    assert power(60, 0.0, 0.0, 0.01) == 0.0
    assert power(0, 0.3, 0.0, 0.01) == 0.0


@settings(deadline=None, max_examples=50)
@given(st.integers(5, 120), st.floats(0.05, 0.4), st.floats(0, 0.2))
def test_more_items_and_a_greater_drop_are_seen_more_often(items: int, drop: float, churn: float) -> None:
    found = power_of_drop(items, drop, churn, 0.01)
    assert 0 <= found <= 1
    assert power_of_drop(4 * items, drop, churn, 0.01) >= found - 1e-9
    assert power(items, churn, drop + churn, 0.01) == pytest.approx(found)


def test_shares_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="no shares"):
        power(10, 0.8, 0.4, 0.01)
