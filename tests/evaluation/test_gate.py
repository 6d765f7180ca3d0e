"""The gate: what promotes, what does not, and that the reason says why."""

import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmops_pipelines.evaluation.decision import SuiteDecision, decide_all, first
from llmops_pipelines.evaluation.few_differences import smallest_margin
from llmops_pipelines.evaluation.gate import decide
from llmops_pipelines.evaluation.verdict import Verdict
from tests.evaluation.judged import PRIMARY, judged, suite, with_guard

N = 160
LOW = [random.Random(1).uniform(0.2, 0.6) for _ in range(N)]


def moved(by: float, spread: float = 0.05) -> list[float]:
    """The scores of LOW moved by about so much, every one of them a little otherwise."""
    draw = random.Random(2)
    return [score + by + draw.uniform(-spread, spread) for score in LOW]


def decided(after: Sequence[float | None], before: Sequence[float | None] = LOW, **more: object) -> SuiteDecision:
    return decide(suite(), "test", judged(before, "production"), judged(after), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("by", "verdict", "promotes", "said"),
    [
        (0.1, Verdict.BETTER, True, "shown to be better"),
        (0.0, Verdict.NOT_WORSE, True, "shown to be equivalent"),
        (-0.1, Verdict.WORSE, False, "shown to be worse"),
    ],
)
def test_the_verdict_follows_the_difference(by: float, verdict: Verdict, promotes: bool, said: str) -> None:
    found = decided(moved(by))
    assert (found.verdict, found.promotes) == (verdict, promotes)
    assert said in found.reason
    assert f"on {N} questions of written (test)" in found.reason
    assert found.primary is not None
    assert found.primary.after.mean - found.primary.before.mean == pytest.approx(found.primary.judgement.estimate.mean)


def test_too_much_noise_is_inconclusive_and_says_how_many_more_questions_it_would_take() -> None:
    few = LOW[:40]
    found = decided([score + (0.2 if i % 2 else -0.2) for i, score in enumerate(few)], few)
    assert (found.verdict, found.promotes) == (Verdict.INCONCLUSIVE, False)
    assert found.primary is not None
    assert found.primary.judgement.questions_needed
    assert f"about {found.primary.judgement.questions_needed:,} more questions would tell" in found.reason


def test_a_guard_that_is_shown_worse_stops_a_better_candidate() -> None:
    before = judged(LOW, "production", [0.9] * N)
    draw = random.Random(4)
    found = decide(with_guard(), "test", before, judged(moved(0.1), recall=[0.7 + draw.uniform(0, 0.1) for _ in LOW]))
    assert (found.verdict, found.promotes) == (Verdict.WORSE, False)
    assert "but worse: recall@20" in found.reason


def test_a_slice_that_is_shown_worse_stops_a_candidate_that_is_better_on_the_whole() -> None:
    about = {i: {"slices": ["short" if i < 40 else "long"]} for i in range(N)}
    scores = [score - 0.1 if i < 40 else score + 0.1 for i, score in enumerate(moved(0.0))]
    found = decide(with_guard(), "test", judged(LOW, "production"), judged(scores, about=about))
    assert found.primary is not None
    assert found.primary.verdict == Verdict.BETTER
    assert (found.verdict, found.promotes) == (Verdict.WORSE, False)
    assert "nDCG@10 of short" in found.reason
    assert {test.name: test.verdict for test in found.tests}["nDCG@10 of long"] == Verdict.BETTER


def test_guards_and_slices_are_corrected_together() -> None:
    about = {i: {"slices": ["short" if i % 2 else "long"]} for i in range(N)}
    recall = [score + random.Random(i).uniform(-0.2, 0.16) for i, score in enumerate(LOW)]
    found = decide(with_guard(), "test", judged(LOW, "production"), judged(moved(0.0), recall=recall, about=about))
    others = found.tests[1:]
    assert len(others) == 3
    assert all(test.p >= test.judgement.p for test in others)
    assert min(test.p for test in others) == pytest.approx(min(1.0, 3 * min(test.judgement.p for test in others)))


def test_a_candidate_below_a_floor_is_not_promoted_however_it_compares() -> None:
    recall = [0.3] * N
    sides = judged(LOW, "production", recall), judged(moved(0.1), recall=recall)
    assert decide(with_guard(floor=0.2), "test", *sides).promotes
    found = decide(with_guard(floor=0.5), "test", *sides)
    assert (found.verdict, found.promotes) == (Verdict.BETTER, False)
    assert "recall@20 0.300 is beyond the floor 0.5" in found.reason


def test_unmeasured_questions_are_bounded_by_the_worst_case() -> None:
    after: list[float | None] = [*moved(0.0)]
    assert decided(after).promotes
    after[:16] = [None] * 16
    found = decided(after)
    assert (found.verdict, found.unmeasured, found.questions) == (Verdict.INCONCLUSIVE, 16, N)
    assert found.primary is not None
    assert found.primary.judgement.estimate.n == N - 16


def test_stale_questions_are_left_out_and_named() -> None:
    after = judged(moved(-0.3), about={i: {"stale": f"d{i} changed"} for i in range(1, N)})
    found = decide(suite(), "test", judged(LOW, "production"), after)
    assert found.questions == 1
    assert found.stale == {f"q{i}": f"d{i} changed" for i in range(1, N)}


def test_nothing_to_compare_says_why() -> None:
    after = judged(LOW[:2], about={0: {"stale": "gone"}, 1: {"question": "reworded?"}})
    found = decide(suite(), "test", judged(LOW[:2], "production"), after)
    assert (found.verdict, found.promotes, found.tests) == (Verdict.INCONCLUSIVE, False, [])
    assert found.reason == (
        "no question of written (test) was measured for both: 1 worded differently; 1 stale (`llmops questions` lists "
        "them for review)"
    )


def test_fewer_questions_than_the_suite_asks_for_are_inconclusive() -> None:
    sides = judged(LOW, "production"), judged(moved(0.1))
    found = decide(suite(min_questions=N + 1), "test", *sides)
    assert (found.verdict, found.promotes) == (Verdict.INCONCLUSIVE, False)
    assert f"{N} questions were measured, the suite asks for {N + 1}" in found.reason


def test_spent_looks_promote_nothing() -> None:
    found = decided(moved(0.1), spent="spent: 20 configurations were judged")
    assert (found.verdict, found.promotes, found.reason) == (
        Verdict.INCONCLUSIVE,
        False,
        "spent: 20 configurations were judged",
    )


# A release in which only the data changed


def test_most_nights_nothing_differs_and_the_release_passes_by_the_exact_bound() -> None:
    found = decided(LOW, data_only=True)
    assert (found.verdict, found.promotes) == (Verdict.NOT_WORSE, True)
    assert found.margin == PRIMARY.margin
    assert "exactly bounded: only 0 clusters differ" in found.reason


@pytest.mark.parametrize("questions", [1, 3, 20, 60])
def test_a_small_suite_passes_unchanged_by_the_smallest_margin_that_it_can_and_says_so(questions: int) -> None:
    found = decided(LOW[:questions], LOW[:questions], data_only=True)
    assert found.promotes
    assert found.margin == smallest_margin([1] * questions) > 0.03
    assert f"margin {found.margin:.3g}" in found.reason
    assert not decided(LOW[:questions], LOW[:questions]).promotes  # of a new model it asks for the declared one


def test_a_declared_data_margin_is_kept_however_few_the_questions() -> None:
    few = judged(LOW[:5], "production"), judged(LOW[:5])
    found = decide(suite(data_margin=0.1), "test", *few, data_only=True)
    assert (found.verdict, found.margin) == (Verdict.INCONCLUSIVE, 0.1)
    assert "more questions would tell" in found.reason


def test_a_night_that_lost_answers_does_not_pass() -> None:
    after = [0.0 if i < 40 else score for i, score in enumerate(LOW)]
    assert decided(after, data_only=True).verdict == Verdict.WORSE


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=2, max_size=40), st.randoms())
def test_the_order_of_rows_does_not_matter(scores: list[float], chance: random.Random) -> None:
    after = [chance.random() for _ in scores]
    before, candidate = judged(scores, "production"), judged(after)
    found = decide(suite(), "test", before, candidate)
    assert found == decide(suite(), "test", before[::-1], chance.sample(candidate, len(candidate)))


# Several suites


def test_every_suite_that_gates_has_to_promote() -> None:
    good, bad = decided(moved(0.1)), decided(moved(-0.1))
    suites = [suite(), suite(name="second")]
    second = SuiteDecision(**{**vars(bad), "suite": "second"})
    together = decide_all(suites, [good, second])
    assert (together.verdict, together.promotes, together.reason) == (Verdict.WORSE, False, bad.reason)
    assert decide_all([suites[0], suite(name="second", gates=False)], [good, second]).promotes


def test_without_a_suite_nothing_can_be_said() -> None:
    found = decide_all([], [])
    assert (found.verdict, found.promotes) == (Verdict.INCONCLUSIVE, False)
    assert "add an evaluation suite" in found.reason


def test_the_first_release_is_compared_with_nothing() -> None:
    assert (first().verdict, first().promotes) == ("first", True)


def test_where_nothing_could_be_measured_it_says_so() -> None:
    found = decided([None] * len(LOW), LOW)
    assert found.verdict == Verdict.INCONCLUSIVE
    assert f"was measured for both: {len(LOW)} unmeasured" in found.reason


def test_a_candidate_that_is_compared_with_nothing_says_why() -> None:
    assert "nothing else was ever in force" in first().reason
    assert "can be opened any more" in first(alone=False).reason
