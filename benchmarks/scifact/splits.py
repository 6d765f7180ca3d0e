"""What may be learned from: BEIR's own train part, and what of it tells nothing of the test part. They are never mixed."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from llmops_pipelines.evaluation.contamination import HeldOut
from llmops_pipelines.evaluation.near_questions import near_questions
from llmops_pipelines.evaluation.questions import Question

SPLITS = ("official", "clean")
CLEAN_JACCARD = 0.5  # claims this near to a test claim are not learned from


@dataclass(frozen=True)
class Split:
    """Claims that may be learned from, and what the gates of the training set keep out of it."""

    questions: list[Question]
    held_out: HeldOut
    overlap: dict[str, float] = field(default_factory=dict)


def splits(train: Sequence[Question], test: Sequence[Question]) -> dict[str, Split]:
    """`official` is `train` without the test claims themselves, by id and by text.

    `clean` is what of it is near no test claim and has no document that answers one. `overlap` of `official` says how many
    test claims stood in `train`, what share of them has a near claim in it, and of their documents what share answers one
    of its claims.
    """
    held_out = HeldOut(test)
    leaks = held_out.in_questions([q.id for q in train], [q.text for q in train])
    same = {leak.position for leak in leaks if leak.rule in ("same id", "same text")}
    official = [question for i, question in enumerate(train) if i not in same]
    texts, asked = [question.text for question in official], [question.text for question in test]
    near = {i for i, _ in near_questions(texts, asked, threshold=CLEAN_JACCARD)}
    clean = [q for i, q in enumerate(official) if i not in near and held_out.answers.isdisjoint(q.answers)]
    learned = {document for question in official for document in question.answers}
    overlap = {
        "test_claims_in_train": len(same),
        "near_test_claims": round(len({j for _, j in near_questions(texts, asked)}) / len(test), 3),
        "relevant_documents": round(len(learned & held_out.answers) / len(held_out.answers), 3),
    }
    return {"official": Split(official, HeldOut([]), overlap), "clean": Split(clean, held_out)}
