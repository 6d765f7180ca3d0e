"""The power of graded items under the whole rule: more of them, and greater drops, are seen more often."""

import pytest

from llmops_pipelines.drift.power import power_of_drop

LEVEL = 0.01 / 4


def test_two_hundred_items_see_a_drop_of_a_tenth() -> None:
    assert power_of_drop(200, 0.10, LEVEL, floor=0.05) > 0.9
    assert power_of_drop(200, 0.30, LEVEL, floor=0.05) == 1.0


def test_few_items_do_not() -> None:
    """GPT-4 on primes fell by .33 between March and June 2023; a dozen items would hardly have seen a tenth of it."""
    few, more = (power_of_drop(items, 0.10, LEVEL, floor=0.05, draws=100) for items in (12, 60))
    assert few < 0.3
    assert few < more < power_of_drop(200, 0.10, LEVEL, floor=0.05, draws=100) + 0.1


def test_nothing_is_found_where_nothing_changed() -> None:
    assert power_of_drop(200, 0.0, LEVEL, floor=0.0, wavering=0.3) <= 0.02


def test_a_drop_below_the_floor_is_none() -> None:
    assert power_of_drop(200, 0.05, LEVEL, floor=0.10) < 0.05


def test_more_than_there_is_cannot_be_lost() -> None:
    with pytest.raises(ValueError, match="more than the items"):
        power_of_drop(10, 0.9, LEVEL)
