"""Counts of answers and grades of items: exact where they can be, at their level, in agreement with scipy."""

import itertools
from statistics import mean

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, fisher_exact

from llmops_pipelines.drift.answers import changed_counts, changed_grades, mcnemar

ANSWERS = st.dictionaries(st.sampled_from("pqrs"), st.lists(st.sampled_from("yn?"), min_size=1, max_size=6), min_size=1)


def test_one_prompt_is_fishers_exact_test() -> None:
    reference, look = ["y"] * 8 + ["n"] * 2, ["y"] * 2 + ["n"] * 8
    found = changed_counts({"a": reference}, {"a": look})
    assert found.p == pytest.approx(fisher_exact([[8, 2], [2, 8]]).pvalue, abs=0.006)
    assert (found.effect, found.n) == (pytest.approx(0.6), 1)


def test_many_prompts_see_together_what_none_sees_alone() -> None:
    reference = {str(i): ["y"] * 4 + ["n"] for i in range(40)}
    look = {str(i): ["y"] + ["n"] * 4 for i in range(40)}
    assert changed_counts({"0": reference["0"]}, {"0": look["0"]}).p > 0.1
    assert changed_counts(reference, look).p < 0.001


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
    assert (found.p, found.effect) == (1.0, 0.0)


@given(ANSWERS, ANSWERS)
def test_counts_take_prompts_of_both_sides_and_a_p(reference: dict[str, list[str]], look: dict[str, list[str]]) -> None:
    shared = set(reference) & set(look)
    if not shared:
        with pytest.raises(ValueError, match="no prompt"):
            changed_counts(reference, look)
        return
    found = changed_counts(reference, look)
    assert found.n == len(shared)
    assert 0 < found.p <= 1
    assert 0 <= found.effect <= 1


@pytest.mark.parametrize(("lost", "won"), [(476, 147), (155, 416), (23, 2), (16, 0), (10, 0), (0, 6), (0, 0)])
def test_mcnemar_is_the_sign_test_of_what_changed(lost: int, won: int) -> None:
    reference = {str(i): [1.0] for i in range(lost)} | {f"w{i}": [0.0] for i in range(won)} | {"same": [1.0]}
    look = {name: [1.0 - grades[0]] if name != "same" else grades for name, grades in reference.items()}
    found = changed_grades(reference, look)
    expected = binomtest(won, lost + won).pvalue if lost + won else 1.0
    assert mcnemar(lost, won) == found.p == pytest.approx(expected)
    assert found.effect == pytest.approx((won - lost) / (lost + won + 1))
    assert mcnemar(0, 6) == pytest.approx(0.03125)


def test_repeated_grades_are_a_sign_flip_of_items() -> None:
    reference = {str(i): [0.0, 1.0, 1.0] for i in range(8)}
    look = {str(i): [0.0, 0.0, float(i % 2)] for i in range(8)}
    changes = [mean(look[item]) - mean(reference[item]) for item in reference]
    flips = [
        abs(sum(s * c for s, c in zip(signs, changes, strict=True))) for signs in itertools.product((1, -1), repeat=8)
    ]
    exact = sum(flip >= abs(sum(changes)) - 1e-12 for flip in flips) / len(flips)
    assert changed_grades(reference, look).p == pytest.approx(exact, abs=1 / 128)


def test_items_that_one_side_lacks_take_no_part() -> None:
    assert changed_grades({"a": [1.0], "b": [1.0], "c": []}, {"a": [1.0], "c": [0.0]}).n == 1
    with pytest.raises(ValueError, match="no item"):
        changed_grades({"a": [1.0]}, {"b": [1.0]})
