"""The gate of a training set: read back from its table, it tells nothing of what a model will be asked."""

from llmops_pipelines.evaluation.contamination import HeldOut, Leak
from llmops_pipelines.quality.gates import GateResult, offenders_gate
from llmops_pipelines.storage.snapshot import Snapshot

GATES = {
    "no_held_out_question": "No question of a dev or test part is in it: not by id, by text or by near text.",
    "no_held_out_text": "No passage in it holds the text of a question of a dev or test part.",
    "no_held_out_document": "No passage in it is of a document that answers a question of a dev or test part.",
    "parts_apart": "No document that answers a question of one part is in the other, as an answer or as a negative.",
}


def training_set_gates(training_set: Snapshot, held_out: HeldOut) -> list[GateResult]:
    """One result for each of GATES; offenders are named as `pair (rule: held-out question)`."""
    rows = list(training_set.rows())
    questions = held_out.in_questions([r["question_id"] for r in rows], [r["question"] for r in rows])
    texts = [(row["pair_id"], text) for row in rows for text in (row["positive"], *row["negatives"])]
    passages = held_out.in_passages([text for _, text in texts])
    answers = held_out.answers
    documents = [row["pair_id"] for row in rows if answers.intersection([row["doc_id"], *row["negative_doc_ids"]])]
    answering: dict[str, set[str]] = {}
    for row in rows:
        answering.setdefault(row["doc_id"], set()).add(row["part"])
    across = [
        row["pair_id"]
        for row in rows
        if any(answering.get(doc_id, set()) - {row["part"]} for doc_id in (row["doc_id"], *row["negative_doc_ids"]))
    ]
    found = {
        "no_held_out_question": [_named(rows[leak.position]["pair_id"], leak) for leak in questions],
        "no_held_out_text": [_named(texts[leak.position][0], leak) for leak in passages],
        "no_held_out_document": documents,
        "parts_apart": across,
    }
    return [
        offenders_gate(name, found[name], description, pairs=len(rows), held_out=len(held_out.questions))
        for name, description in GATES.items()
    ]


def _named(pair_id: str, leak: Leak) -> str:
    return f"{pair_id} ({leak.rule}: {leak.question_id})"
