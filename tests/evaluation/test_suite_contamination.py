"""Suites against training sets: every question that one tells of is named."""

from collections.abc import Sequence
from typing import Any

import pytest

from llmops_pipelines.evaluation.questions import Question
from llmops_pipelines.evaluation.suite_contamination import training_gate
from llmops_pipelines.quality.gates import GateResult
from llmops_pipelines.storage import Lake, schemas
from tests.tuning.corpora import ask
from tests.tuning.pairs import training_rows

TEXT = "Does vitamin D inhibit the growth of bone cells?"
QUESTIONS = [
    ask("t1", TEXT, "bone.md", part="test"),
    ask("t2", "how does vitamin D inhibit the growth of bone cells", "cells.md", part="test"),
    ask("d1", "how far away is the farthest galaxy?", "stars.md", part="dev"),
    ask("d2", "what is yeast", "yeast.md", part="dev"),
]


def gate(lake: Lake, rows: Sequence[dict[str, Any]], questions: Sequence[Question] = QUESTIONS) -> GateResult:
    writer = lake.writer("c.training_set", schemas.TRAINING_SET)
    writer.upsert_rows([{**row, "row_hash": ""} for row in rows])
    return training_gate(questions, writer.staged())


def planted(**changed: Any) -> list[dict[str, Any]]:
    rows = training_rows(negatives=1)
    rows[5] |= changed
    return rows


def test_a_clean_training_set_and_none_at_all_pass(lake: Lake) -> None:
    found = gate(lake, training_rows(negatives=2))
    assert (found.name, found.passed, found.blocking) == ("apart_from_training", True, False)
    assert found.metadata == {"failures": 0, "questions": 4, "pairs": 32}
    assert training_gate(QUESTIONS, None).metadata == {"failures": 0, "questions": 4, "pairs": 0}
    assert gate(lake, training_rows(), []).passed


PLANTED: dict[str, tuple[dict[str, Any], list[str]]] = {
    "id": ({"question_id": "d1"}, ["d1 (same id: {pair})"]),
    "text": ({"question": "WHAT is yeast?!"}, ["d2 (same text: {pair})"]),
    "near text": ({"question": "how far is the farthest galaxy from here"}, ["d1 (near text: {pair})"]),
    "both near": ({"question": TEXT}, ["t1 (same text: {pair})", "t2 (near text: {pair})"]),
    "passage": ({"positive": "So it was asked. What is yeast? Nobody knew."}, ["d2 (text within a passage: {pair})"]),
    "negative": ({"negatives": ["What is yeast? Nobody knew."]}, ["d2 (text within a passage: {pair})"]),
    "passage with two": (
        {"positive": f"{TEXT} How far away is the farthest galaxy?"},
        [
            "d1 (text within a passage: {pair})",
            "t1 (text within a passage: {pair})",
            "t2 (near text within a passage: {pair})",
        ],
    ),
    "document": ({"doc_id": "stars.md"}, ["d1 (document that answers it: {pair})"]),
    "document of a negative": ({"negative_doc_ids": ["yeast.md"]}, ["d2 (document that answers it: {pair})"]),
}


@pytest.mark.parametrize("rule", PLANTED)
def test_every_question_that_a_pair_tells_of_is_named(rule: str, lake: Lake) -> None:
    changed, offenders = PLANTED[rule]
    rows = planted(**changed)
    found = gate(lake, rows)
    assert not found.passed
    assert found.metadata["offending"] == [name.format(pair=rows[5]["pair_id"]) for name in offenders]
    assert found.metadata["failures"] == len(offenders)
    assert not found.blocking
