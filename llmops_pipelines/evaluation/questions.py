"""Questions with their answers, and which of them are not independent of each other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from llmops_pipelines.evaluation.components import components

PARTS = ("train", "dev", "test")


class QuestionError(ValueError):
    """Questions that cannot be used. The message names the file and the line."""


@dataclass(frozen=True)
class Question:
    """A question and the documents that answer it.

    `answers` are the doc_ids (or aliases) judged to answer it, each with its grade: 1 where judgements are yes or no,
    more the better it answers where they are graded. `rejected` are those judged not to; everything else is unjudged.
    Passages in `excluded` (chunk_ids) are taken out of every ranking: they hold the question itself. `tags` name the
    slices that it is in. `versions` are those of the documents that it was written from, by the names in `answers`.
    """

    id: str
    text: str
    answers: Mapping[str, int]
    question_set: str
    part: str
    rejected: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)


def resolve_answers(questions: Sequence[Question], names: Mapping[str, str]) -> list[Question]:
    """The questions with names replaced by doc_ids; `names` gives the doc_id of every doc_id and alias.

    Answers that the source does not have are left out: a question without any is counted as unmeasured later. Of
    several names of one document the highest grade counts.
    """

    def answers(question: Question) -> dict[str, int]:
        found: dict[str, int] = {}
        for name, grade in question.answers.items():
            if name in names:
                found[names[name]] = max(grade, found.get(names[name], grade))
        return found

    def rejected(question: Question) -> tuple[str, ...]:
        return tuple(dict.fromkeys(names[name] for name in question.rejected if name in names))

    return [replace(question, answers=answers(question), rejected=rejected(question)) for question in questions]


def clusters(questions: Sequence[Question]) -> list[str]:
    """The cluster of each question: questions that share an answer, directly or by others, are in one.

    The cluster is named by the first question in it.
    """
    answers = {answer: i for i, answer in enumerate(dict.fromkeys(a for q in questions for a in q.answers))}
    pairs = [(i, len(questions) + answers[answer]) for i, q in enumerate(questions) for answer in q.answers]
    labels = components(len(questions) + len(answers), pairs)
    first: dict[int, str] = {}
    return [first.setdefault(labels[i], question.id) for i, question in enumerate(questions)]
