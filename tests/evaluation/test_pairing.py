"""Which questions are paired, and what is known of a difference that was not measured."""

from hypothesis import given
from hypothesis import strategies as st

from llmops_pipelines.evaluation.contamination import LEARNED_DOCUMENT, LEARNED_QUESTION
from llmops_pipelines.evaluation.pairing import LEARNED, ONE_SIDE, REWORDED, paired
from tests.evaluation.judged import judged

SCORES = st.lists(st.one_of(st.none(), st.floats(0, 1)), min_size=1, max_size=8)


def test_every_question_is_paired_or_counted_with_its_reason() -> None:
    before = judged([0.5] * 6, "production", about={1: {"unmeasured": LEARNED_DOCUMENT}})[:5]
    after = judged(
        [0.6] * 6,
        about={
            0: {"stale": "bees.md changed"},
            2: {"question": "in other words?"},
            3: {"unmeasured": LEARNED_QUESTION},
        },
    )
    found = paired(before, after)
    assert [pair.after["question_id"] for pair in found.pairs] == ["q4"]
    assert found.stale == {"q0": "bees.md changed"}
    assert found.left_out == {LEARNED: 2, REWORDED: 1, ONE_SIDE: 1}
    assert found.unmeasured == 0


def test_a_question_without_scores_on_a_side_stays_to_be_bounded() -> None:
    found = paired(judged([0.4, None, None], "production"), judged([None, 0.7, None]))
    assert found.unmeasured == len(found.pairs) == 3
    assert [pair.bounds("nDCG@10") for pair in found.pairs] == [(-0.4, 0.6), (0.7 - 1.0, 0.7), (-1.0, 1.0)]


@given(SCORES, SCORES)
def test_bounds_hold_whatever_the_missing_scores_are(before: list[float | None], after: list[float | None]) -> None:
    for pair in paired(judged(before, "production"), judged(after)).pairs:
        low, high = pair.bounds("nDCG@10")
        for old in (0.0, 1.0) if pair.before["nDCG@10"] is None else (pair.before["nDCG@10"],):
            for new in (0.0, 1.0) if pair.after["nDCG@10"] is None else (pair.after["nDCG@10"],):
                assert low <= new - old <= high
        assert (low == high) == pair.measured


def test_questions_that_either_side_takes_for_one_cluster_are_one() -> None:
    before = judged([0.5] * 3, "production", about={0: {"cluster": "x"}, 1: {"cluster": "x"}})
    for sides in ((before, judged([0.6] * 3)), (judged([0.6] * 3), before)):
        clusters = [pair.cluster for pair in paired(*sides).pairs]
        assert clusters[0] == clusters[1] != clusters[2]


def test_a_slice_holds_the_questions_that_carry_its_name() -> None:
    after = judged([0.6] * 3, about={1: {"slices": ["short", "pandas"]}})
    found = paired(judged([0.5] * 3, "production"), after)
    assert [pair.after["question_id"] for pair in found.within("pandas")] == ["q1"]
    assert found.within("long") == []
