"""The pool that dev questions are searched in."""

from llmops_pipelines.storage.identity import text_hash
from llmops_pipelines.tuning.dev_score import DevSet
from tests.tuning.pairs import training_rows


def test_dev_questions_are_searched_in_their_answers_and_the_passages_of_the_train_part() -> None:
    rows = training_rows(train=6, dev=3, negatives=2)
    found = DevSet.of(rows)
    assert found.questions == {row["question_id"]: row["question"] for row in rows[6:]}
    train = {text for row in rows[:6] for text in (row["positive"], *row["negatives"])}
    assert set(found.passages.values()) == train | {row["positive"] for row in rows[6:]}
    assert found.relevant == {row["question_id"]: {text_hash(row["positive"]): 1} for row in rows[6:]}


def test_without_a_dev_part_nothing_is_asked() -> None:
    assert DevSet.of(training_rows(train=2, dev=0)).questions == {}
    assert DevSet.of([]) == DevSet({}, {}, {})
