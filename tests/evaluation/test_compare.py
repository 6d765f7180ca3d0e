"""The comparison of two sides: what is paired, the differences by hand, and what must hold of any two."""

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmops_pipelines.evaluation.compare import SetComparison, compare
from llmops_pipelines.evaluation.contamination import LEARNED_DOCUMENT, LEARNED_QUESTION
from llmops_pipelines.evaluation.evaluate import SYSTEMS
from llmops_pipelines.evaluation.few_differences import Bet
from llmops_pipelines.evaluation.metrics import METRICS
from llmops_pipelines.evaluation.pairing import LEARNED, ONE_SIDE, REWORDED
from llmops_pipelines.evaluation.sign_flip import sign_flip
from tests.evaluation.test_figures import question_set, row

Rows = list[dict[str, Any]]


@st.composite
def evaluations(draw: st.DrawFn, sets: tuple[str, ...] = ("written", "known_items")) -> Rows:
    """An evaluation table: some questions of a small pool, some unmeasured, some reworded, some with other answers."""
    rows = []
    for name in sets:
        for number in draw(st.lists(st.integers(0, 7), unique=True)):
            measured = draw(st.sampled_from([True, True, True, False]))
            answers = draw(st.sampled_from([{"a": 1}, {"a": 1}, {"a": 2}, {"a": 1, "b": 1}])) if measured else {}
            about = {
                "question_set": name,
                "cluster": f"c{draw(st.integers(0, 3))}",
                "question": f"{number}{draw(st.sampled_from(['', '', '', ' reworded']))}",
                "answers": list(answers),
                "grades": list(answers.values()),
            }
            for system in SYSTEMS:
                scores = {metric: draw(st.floats(0, 1)) if measured else None for metric in METRICS}
                rows.append(row(f"q{number}", system, 1.0 if measured else None) | about | scores)
    return rows


def by_name(comparisons: list[SetComparison]) -> dict[tuple[str, str], SetComparison]:
    return {(c.question_set, c.part): c for c in comparisons}


def headline(before: Rows, after: Rows) -> Any:
    (found,) = compare(before, after)
    return found.headline


# What holds of any two evaluations


@settings(deadline=None)
@given(evaluations())
def test_an_evaluation_does_not_differ_from_itself(rows: Rows) -> None:
    for found in compare(rows, rows):
        for system, metrics in found.differences.items():
            assert found.flips(system) == (0, 0, found.questions)
            for difference in metrics.values():
                assert difference.before == difference.after
                assert difference.change.mean == 0
                assert difference.change.low < 0 < difference.change.high


@settings(deadline=None)
@given(evaluations(), evaluations())
def test_swapping_the_two_swaps_the_sign(one: Rows, other: Rows) -> None:
    there, back = by_name(compare(one, other)), by_name(compare(other, one))
    assert there.keys() == back.keys()
    for name, found in there.items():
        assert found.left_out == back[name].left_out
        for system, metrics in found.differences.items():
            better, worse, equal = found.flips(system)
            assert back[name].flips(system) == (worse, better, equal)
            for metric, difference in metrics.items():
                swapped = back[name].differences[system][metric]
                assert (swapped.before, swapped.after) == (difference.after, difference.before)
                assert swapped.change.mean == -difference.change.mean
                assert swapped.change.low == pytest.approx(-difference.change.high)
                assert swapped.change.high == pytest.approx(-difference.change.low)


@settings(deadline=None)
@given(evaluations(), evaluations())
def test_only_what_both_measured_alike_is_paired_and_every_question_is_counted(one: Rows, other: Rows) -> None:
    found = by_name(compare(one, other))
    asked = {(r["question_set"], r["part"], r["question_id"]) for r in [*one, *other]}
    assert sum(c.questions + sum(c.left_out.values()) for c in found.values()) == len(asked)
    for comparison in found.values():
        for pairs in comparison.pairs.values():
            assert len(pairs) == comparison.questions
            for pair in pairs:
                assert pair.before in one
                assert pair.after in other
                assert pair.before["result_id"] == pair.after["result_id"]
                assert pair.before["question"] == pair.after["question"]
                assert pair.measured


@settings(deadline=None)
@given(evaluations(), evaluations(), st.randoms())
def test_the_order_of_rows_does_not_matter(one: Rows, other: Rows, chance: random.Random) -> None:
    found = compare(one, other)
    shuffled = [chance.sample(rows, len(rows)) for rows in (one, other)]
    assert compare(*shuffled) == found


@settings(deadline=None)
@given(evaluations(("written",)), evaluations(("written",)))
def test_intervals_stay_within_what_differences_can_be_and_hold_the_mean(one: Rows, other: Rows) -> None:
    for found in compare(one, other):
        for metrics in found.differences.values():
            for difference in metrics.values():
                assert -1 <= difference.change.low <= difference.change.mean + 1e-12
                assert difference.change.mean - 1e-12 <= difference.change.high <= 1
                assert difference.change.mean == pytest.approx(difference.after - difference.before)


# By hand


def test_a_difference_by_hand() -> None:
    """Hybrid: changes .2, -.1, .2 in three clusters. Of so few the interval is that of the exact bound."""
    before = question_set({"q1": 0.5, "q2": 0.6, "q3": 0.1})
    after = question_set({"q1": 0.7, "q2": 0.5, "q3": 0.3})
    (found,) = compare(before, after)
    difference = found.headline
    assert (difference.before, difference.after) == (pytest.approx(0.4), pytest.approx(0.5))
    assert difference.change.mean == pytest.approx(0.1)
    exact = Bet.on([0.2, -0.1, 0.2], ["q1", "q2", "q3"]).interval()
    assert (difference.change.low, difference.change.high) == (pytest.approx(exact.low), pytest.approx(exact.high))
    assert (difference.change.n, difference.change.clusters) == (3, 3)
    assert found.flips("hybrid") == (2, 1, 0)
    assert found.differences["dense"]["MRR@10"].change.mean == pytest.approx(0.05)
    assert (found.questions, found.left_out) == (3, {})


def test_where_many_clusters_differ_the_interval_is_the_sign_flip_test_inverted() -> None:
    chance = random.Random(7)
    scores = {f"q{i}": chance.uniform(0.2, 0.8) for i in range(40)}
    moved = {name: score + chance.uniform(-0.15, 0.2) for name, score in scores.items()}
    found = headline(question_set(scores), question_set(moved))
    test = sign_flip([moved[name] - scores[name] for name in sorted(scores)], sorted(scores))
    assert (found.change.low, found.change.high) == pytest.approx(
        (test.interval().low, test.interval().high), abs=0.002
    )
    assert test.p(found.change.low - 0.005) < 0.05 < test.p(found.change.low + 0.005)


def test_questions_that_either_side_takes_for_one_cluster_are_one() -> None:
    scores = {"q1": 0.5, "q2": 0.6, "q3": 0.1}
    before, after = question_set(scores), question_set({name: score + 0.1 for name, score in scores.items()})
    for found in before:
        found["cluster"] = {"q1": "x", "q2": "x", "q3": "q3"}[found["question_id"]]
    assert headline(before, after).change.clusters == 2
    assert headline(after, before).change.clusters == 2
    for found in after:
        found["cluster"] = {"q1": "q1", "q2": "y", "q3": "y"}[found["question_id"]]
    change = headline(before, after).change
    assert change.clusters == 1
    assert change.low < -0.9
    assert change.high > 0.9


def test_what_is_left_out_is_counted_by_reason() -> None:
    before = question_set({"same": 0.5, "gone": 0.5, "reworded": 0.5, "stale": 0.5, "unmeasured": 0.5})
    after = question_set({"same": 0.7, "new": 0.5, "reworded": 0.5, "stale": 0.5, "unmeasured": None})
    for found in after:
        if found["question_id"] == "reworded":
            found["question"] = "in other words?"
        if found["question_id"] == "stale":
            found["stale"] = "changed at the source: a"
    (found,) = compare(before, after)
    assert found.left_out == {ONE_SIDE: 2, REWORDED: 1, "stale": 1, "unmeasured": 1}
    assert found.questions == 1
    assert found.headline.change.mean == pytest.approx(0.2)


def test_what_one_of_the_models_has_learned_is_left_out_by_that_name() -> None:
    before = question_set({"same": 0.5, "document": 0.5, "question": 0.5, "neither": None})
    after = question_set({"same": 0.7, "document": None, "question": None, "neither": None})
    reasons = {"document": LEARNED_DOCUMENT, "question": LEARNED_QUESTION}
    for found in after:
        found["unmeasured"] = reasons.get(found["question_id"], found["unmeasured"])
    for sides in ((before, after), (after, before)):
        (found,) = compare(*sides)
        assert (found.questions, found.left_out) == (1, {LEARNED: 2, "unmeasured": 1})


def test_a_set_without_a_pair_has_no_differences_and_sets_stay_apart() -> None:
    before = [*question_set({"q1": 0.5}), *question_set({"k": 0.5}, question_set="known_items")]
    after = [*question_set({"q2": 0.5}), *question_set({"k": 0.25}, question_set="known_items")]
    written, known = compare(before, after)
    assert (written.question_set, written.synthetic, written.differences) == ("written", False, {})
    assert (known.question_set, known.synthetic, known.headline.change.mean) == ("known_items", True, -0.25)
    assert compare([], []) == []
