"""Counts of answers and grades of items: exact where they can be, at their level, in agreement with scipy."""

import itertools
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, fisher_exact, hypergeom

from llmops_pipelines.drift.answers import changed_counts, changed_grades, changed_values

exact: Any = fisher_exact([[8, 2], [2, 8]])
FISHER = exact.pvalue
ANSWERS = st.dictionaries(st.sampled_from("pqrs"), st.lists(st.sampled_from("yn?"), min_size=1, max_size=6), min_size=1)


def test_one_prompt_is_fishers_exact_test() -> None:
    reference, look = ["y"] * 8 + ["n"] * 2, ["y"] * 2 + ["n"] * 8
    found = changed_counts({"a": reference}, {"a": look})
    assert found.p == pytest.approx(FISHER, abs=0.006)
    dealt = hypergeom(20, 10, 10)  # of ten "y" and ten "n", how many "y" the look is dealt
    expected = sum(dealt.pmf(k) * abs(2 * k - 10) / 10 for k in range(11))
    assert (found.effect, found.n) == (pytest.approx(0.6 - expected, abs=0.01), 1)


def test_many_prompts_see_together_what_none_sees_alone() -> None:
    reference = {str(i): ["y"] * 4 + ["n"] for i in range(40)}
    look = {str(i): ["y"] + ["n"] * 4 for i in range(40)}
    assert changed_counts({"0": reference["0"]}, {"0": look["0"]}).p > 0.1
    assert changed_counts(reference, look).p < 0.001


def test_the_effect_of_wavering_answers_is_about_nothing_and_of_others_their_distance() -> None:
    generator = np.random.default_rng(5)
    effects = []
    for _ in range(100):
        sides = [{str(i): list(generator.choice(["a", "b"], calls)) for i in range(12)} for calls in (50, 10)]
        effects.append(changed_counts(*sides).effect)
    assert abs(np.mean(effects)) < 0.02
    assert np.mean(np.array(effects) > 0.1) < 0.02
    assert changed_counts({"0": ["a"] * 5000}, {"0": ["b"] * 10}).effect > 0.98


def test_counts_are_told_apart_as_seldom_as_asked() -> None:
    generator = np.random.default_rng(3)
    shares = generator.beta(0.3, 0.3, size=30)
    p = []
    for _ in range(200):
        dealt = {str(i): list(generator.random(10) < share) for i, share in enumerate(shares)}
        sides = (
            {name: [str(a) for a in calls[half]] for name, calls in dealt.items()} for half in (slice(5), slice(5, 10))
        )
        p.append(changed_counts(*sides).p)
    assert binomtest(sum(value <= 0.05 for value in p), len(p), 0.05, "greater").pvalue > 0.001


@given(ANSWERS)
def test_equal_counts_are_no_change(answers: dict[str, list[str]]) -> None:
    found = changed_counts(answers, {name: calls[::-1] for name, calls in answers.items()})
    assert found.p == 1.0
    assert found.effect <= 0


@given(ANSWERS, ANSWERS)
def test_counts_take_prompts_of_both_sides_and_a_p(reference: dict[str, list[str]], look: dict[str, list[str]]) -> None:
    shared = set(reference) & set(look)
    if not shared:
        with pytest.raises(ValueError, match="no item"):
            changed_counts(reference, look)
        return
    found = changed_counts(reference, look)
    assert found.n == len(shared)
    assert 0 < found.p <= 1
    assert -1 <= found.effect <= 1


@pytest.mark.parametrize(("lost", "won"), [(476, 147), (155, 416), (23, 2), (16, 0), (10, 0), (0, 6), (0, 0)])
def test_one_call_a_side_is_mcnemars_exact_test(lost: int, won: int) -> None:
    reference = {str(i): [True] for i in range(lost)} | {f"w{i}": [False] for i in range(won)} | {"same": [True]}
    look = {name: [not grades[0]] if name != "same" else grades for name, grades in reference.items()}
    found = changed_grades(reference, look)
    expected = binomtest(won, lost + won).pvalue if lost + won else 1.0
    assert found.p == pytest.approx(expected)
    assert found.effect == pytest.approx((won - lost) / (lost + won + 1))


def test_one_item_of_several_calls_is_fishers_exact_test() -> None:
    found = changed_grades({"a": [True] * 8 + [False] * 2}, {"a": [True] * 2 + [False] * 8})
    assert found.p == pytest.approx(FISHER)
    assert found.effect == pytest.approx(-0.6)


def test_the_sum_over_items_is_what_dealing_every_way_gives() -> None:
    reference = {"a": [True, True, False], "b": [True, True, True], "c": [False, True]}
    look = {"a": [False], "b": [False], "c": [False]}
    sums = Counter()
    for deal in itertools.product(*([*reference[item], *look[item]] for item in reference)):
        sums[sum(deal)] += 1
    ways = sums.total()
    expected = sum(count for count in sums.values() if count <= sums[0]) / ways
    assert changed_grades(reference, look).p == pytest.approx(expected)


def test_a_reference_of_several_calls_makes_a_look_of_one_sharper() -> None:
    look = {str(i): [i >= 4] for i in range(40)}
    assert changed_grades({str(i): [True] for i in range(40)}, look).p == pytest.approx(0.125)
    assert changed_grades({str(i): [True] * 5 for i in range(40)}, look).p < 0.001


def test_grades_are_told_apart_as_seldom_as_asked() -> None:
    generator = np.random.default_rng(4)
    shares = generator.beta(3, 0.5, size=60)
    p = []
    for _ in range(400):
        calls = {str(i): list(generator.random(6) < share) for i, share in enumerate(shares)}
        p.append(changed_grades(*({n: c[half] for n, c in calls.items()} for half in (slice(5), slice(5, 6)))).p)
    for level in (0.01, 0.05):
        assert binomtest(sum(value <= level for value in p), len(p), level, "greater").pvalue > 0.001


def test_values_are_dealt_within_their_item() -> None:
    reference = {str(i): [float(i), i + 0.2, i + 0.1] for i in range(30)}
    found = changed_values(reference, {item: [max(values) + 0.1] for item, values in reference.items()})
    assert found.p < 0.001
    assert found.effect == pytest.approx(0.2)
    assert changed_values(reference, {item: values[::-1] for item, values in reference.items()}).p == 1.0
    assert changed_values({"a": [1.0, 1.0]}, {"a": [1.0]}).p == 1.0


def test_items_that_one_side_lacks_take_no_part() -> None:
    assert changed_grades({"a": [True], "b": [True], "c": []}, {"a": [True], "c": [False]}).n == 1
    with pytest.raises(ValueError, match="no item"):
        changed_grades({"a": [True]}, {"b": [True]})
