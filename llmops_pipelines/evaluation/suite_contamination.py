"""Suites against training sets: which questions a training set tells of.

The other direction, what may go into a training set, is held when one is built and by its own gates.
"""

from collections.abc import Sequence
from typing import Any

from llmops_pipelines.evaluation.contamination import HeldOut
from llmops_pipelines.evaluation.questions import Question
from llmops_pipelines.quality.gates import GateResult, offenders_gate
from llmops_pipelines.storage.snapshot import Snapshot

TRAINING_GATE = "apart_from_training"
DESCRIPTION = "The training set tells of no dev or test question: not by id, text or passage, nor by what answers it."
READ = ("pair_id", "question_id", "question", "doc_id", "positive", "negative_doc_ids", "negatives")


def training_gate(questions: Sequence[Question], training_set: Snapshot | None) -> GateResult:
    """Whether `training_set` (None where there is none yet) tells of none of `questions`, the dev and test ones of suites.

    Offenders are named as `question (rule: pair)`. It does not block: what a model has learned is left out of its figures
    anyway, and a training set that is older than a question is made anew by the next life.
    """
    rows = list(training_set.rows(READ)) if training_set else []
    found = _told_of(questions, rows)
    gate = offenders_gate(
        TRAINING_GATE,
        [f"{question_id} ({why})" for question_id, why in found.items()],
        DESCRIPTION,
        questions=len(questions),
        pairs=len(rows),
    )
    return GateResult(gate.name, gate.passed, gate.metadata, gate.description, blocking=False)


def _told_of(questions: Sequence[Question], rows: Sequence[dict[str, Any]]) -> dict[str, str]:
    """The rule and the pair by which the rows of a training set tell of each question, by its id."""
    document_in = {doc_id: row["pair_id"] for row in rows for doc_id in (row["doc_id"], *row["negative_doc_ids"])}
    found: dict[str, str] = {}
    for question in questions:
        learned = sorted(document_in.keys() & question.answers.keys())
        if learned:
            found[question.id] = f"document that answers it: {document_in[learned[0]]}"
    texts = [(row["pair_id"], text) for row in rows for text in (row["positive"], *row["negatives"])]
    while True:  # a text is found by one of the questions that it tells of: the others are found without that one
        held_out = HeldOut([question for question in questions if question.id not in found])
        asked = held_out.in_questions([row["question_id"] for row in rows], [row["question"] for row in rows])
        held = held_out.in_passages([text for _, text in texts])
        if not asked and not held:
            return found
        for leak in asked:
            found.setdefault(leak.question_id, f"{leak.rule}: {rows[leak.position]['pair_id']}")
        for leak in held:
            found.setdefault(leak.question_id, f"{leak.rule}: {texts[leak.position][0]}")
