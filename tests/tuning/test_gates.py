"""The gates of a training set: rows planted in the staged table are found and named."""

from collections.abc import Sequence
from typing import Any

import pytest

from llmops_pipelines.evaluation.contamination import HeldOut
from llmops_pipelines.quality.gates import GateResult
from llmops_pipelines.storage import Lake, schemas
from llmops_pipelines.tuning.gates import GATES, training_set_gates
from tests.tuning.corpora import ask
from tests.tuning.pairs import training_rows

TEXT = "Does vitamin D inhibit the growth of bone cells?"
HELD_OUT = HeldOut(
    [
        ask("t1", TEXT, "bone.md", part="test"),
        ask("d1", "how far away is the farthest galaxy?", "stars.md", part="dev"),
        ask("t2", " ".join(f"subject{i}" for i in range(30)), "long.md", part="test"),
    ]
)


def gates(lake: Lake, rows: Sequence[dict[str, Any]], held_out: HeldOut = HELD_OUT) -> dict[str, GateResult]:
    writer = lake.writer("c.training_set", schemas.TRAINING_SET)
    writer.upsert_rows([{**row, "row_hash": ""} for row in rows])
    return {gate.name: gate for gate in training_set_gates(writer.staged(), held_out)}


def planted(position: int = 5, **changed: Any) -> list[dict[str, Any]]:
    rows = training_rows()
    rows[position] |= changed
    return rows


def failed(found: dict[str, GateResult]) -> dict[str, list[str]]:
    return {name: gate.metadata["offending"] for name, gate in found.items() if not gate.passed}


def test_a_clean_set_passes_every_gate(lake: Lake) -> None:
    found = gates(lake, training_rows(negatives=2))
    assert list(found) == list(GATES)
    assert failed(found) == {}
    for gate in found.values():
        assert gate.blocking
        assert gate.metadata == {"failures": 0, "pairs": 32, "held_out": 3}


def test_an_empty_set_passes(lake: Lake) -> None:
    assert failed(gates(lake, [])) == {}
    assert failed(gates(lake, planted(question=TEXT), HeldOut([]))) == {}


@pytest.mark.parametrize(
    ("text", "rule", "question"),
    [
        (TEXT, "same text", "t1"),
        (TEXT.upper().replace("?", " !"), "same text", "t1"),
        ("Doesn’t vitamin D inhibit the growth of bone cells?", "same text", "t1"),
        ("vitamin D does NOT inhibit the growth of bone cells", "same text", "t1"),
        ("the growth of bone cells does vitamin D inhibit", "near text", "t1"),
        ("does `vitamin_D` inhibit_the_growth of **bone**-cells?", "same text", "t1"),
        ("Does vi\u00adtamin D in\u200bhibit the gröwth of bone cells?", "same text", "t1"),
        ("is the farthest galaxy far away, and how?", "near text", "d1"),
        ("x y z " + " ".join(f"subject{i}" for i in range(11, 25)) + " and more besides", "near text", "t2"),
        (
            f"A friend who never reads would like to know this one thing at last: {TEXT}",
            "text within a longer one",
            "t1",
        ),
    ],
)
@pytest.mark.parametrize("position", [5, 30])
def test_a_planted_question_is_named(lake: Lake, text: str, rule: str, question: str, position: int) -> None:
    found = gates(lake, planted(position, question=text))
    assert failed(found) == {"no_held_out_question": [f"p{position:03} ({rule}: {question})"]}


def test_a_planted_id_is_named(lake: Lake) -> None:
    assert failed(gates(lake, planted(question_id="d1"))) == {"no_held_out_question": ["p005 (same id: d1)"]}


@pytest.mark.parametrize("field", ["positive", "negatives"])
@pytest.mark.parametrize(
    ("passage", "question"),
    [
        (f"Before. {TEXT} After.", "t1"),
        ("before vitamin d doesn't inhibit -- the GROWTH of 'bone' cells; after", "t1"),
        (" ".join(f"Subject{i}" for i in range(4, 17)), "t2"),
    ],
)
def test_a_planted_passage_is_named(lake: Lake, field: str, passage: str, question: str) -> None:
    value: Any = passage if field == "positive" else ["another text", passage]
    found = gates(lake, planted(**{field: value}))
    assert failed(found) == {"no_held_out_text": [f"p005 (text within a passage: {question})"]}


@pytest.mark.parametrize("changed", [{"doc_id": "bone.md"}, {"negative_doc_ids": ["d001", "stars.md"]}])
def test_a_document_that_answers_a_held_out_question_is_named(lake: Lake, changed: dict[str, Any]) -> None:
    assert failed(gates(lake, planted(**changed))) == {"no_held_out_document": ["p005"]}


def test_a_document_in_both_parts_is_named(lake: Lake) -> None:
    both = ["p002", "p003", "p030"]  # the two pairs that it answers, and the one that it is a negative of
    assert failed(gates(lake, planted(30, doc_id="d003"))) == {"parts_apart": both}


@pytest.mark.parametrize(("position", "negative"), [(5, "d030"), (30, "d005")])
def test_an_answer_of_one_part_that_is_a_negative_of_the_other_is_named(
    position: int, negative: str, lake: Lake
) -> None:
    found = gates(lake, planted(position, negative_doc_ids=["elsewhere", negative]))
    assert failed(found) == {"parts_apart": [f"p{position:03}"]}


def test_every_offender_is_counted_and_the_first_twenty_are_named(lake: Lake) -> None:
    rows = [{**row, "question": TEXT} for row in training_rows()]
    gate = gates(lake, rows)["no_held_out_question"]
    assert gate.metadata["failures"] == 32
    assert gate.metadata["offending"] == [f"p{i:03} (same text: t1)" for i in range(20)]
