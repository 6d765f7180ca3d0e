"""Questions with their answers: reading question files, and which questions are not independent of each other."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

PARTS = ("train", "dev", "test")


class QuestionError(ValueError):
    """A question file that cannot be used. The message names the file and the line."""


@dataclass(frozen=True)
class Question:
    """A question and the documents that answer it.

    `answers` and `rejected` are doc_ids (or aliases) judged to answer it, and judged not to; everything else is
    unjudged. Passages in `excluded` (chunk_ids) are taken out of every ranking: they hold the question itself.
    """

    id: str
    text: str
    answers: tuple[str, ...]
    question_set: str
    part: str
    rejected: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()


def load_questions(path: Path, question_set: str) -> list[Question]:
    """Read a JSON lines file: `id`, `question`, `answers`, `part` (train, dev or test) and, where judged, `rejected`."""
    questions: list[Question] = []
    seen: set[str] = set()
    try:
        # Only a line feed ends a line: a question may hold what else Unicode takes for a line's end.
        lines = path.read_text("utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise QuestionError(f"cannot read the questions in {path}: {error}") from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
            question = Question(
                id=str(entry["id"]),
                text=entry["question"].strip(),
                answers=_names(entry["answers"]),
                question_set=question_set,
                part=entry["part"],
                rejected=_names(entry.get("rejected", [])),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise QuestionError(
                f"{path}:{number}: {type(error).__name__} {error}. A line is a JSON object with id, question, answers "
                "(a list of documents) and part (train, dev or test)"
            ) from error
        if question.part not in PARTS or not question.answers or not question.text or question.id in seen:
            raise QuestionError(
                f"{path}:{number}: {question.id!r} needs a text, an answer, a part that is one of {', '.join(PARTS)}, "
                "and an id of its own"
            )
        seen.add(question.id)
        questions.append(question)
    if not questions:
        raise QuestionError(f"{path} holds no questions")
    return questions


def file_hash(path: Path) -> str:
    """The sha256 of a question file. Raises QuestionError where it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise QuestionError(f"cannot read the questions in {path}: {error}") from error


def resolve_answers(questions: Sequence[Question], names: Mapping[str, str]) -> list[Question]:
    """The questions with names replaced by doc_ids; `names` gives the doc_id of every doc_id and alias.

    Answers that the corpus does not have are left out: a question without any is counted as unmeasured later.
    """

    def resolved(found: Sequence[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(names[name] for name in found if name in names))

    return [replace(q, answers=resolved(q.answers), rejected=resolved(q.rejected)) for q in questions]


def _names(found: object) -> tuple[str, ...]:
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise TypeError(f"{found!r} is not a list of documents")
    return tuple(found)


def clusters(questions: Sequence[Question]) -> list[str]:
    """The cluster of each question: questions that share an answer, directly or by others, are in one.

    The cluster is named by the first question in it.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    answers = {answer: i for i, answer in enumerate(dict.fromkeys(a for q in questions for a in q.answers))}
    pairs = [(i, len(questions) + answers[answer]) for i, q in enumerate(questions) for answer in q.answers]
    size = len(questions) + len(answers)
    rows, columns = zip(*pairs, strict=True) if pairs else ((), ())
    _, labels = connected_components(coo_array(([1] * len(pairs), (rows, columns)), shape=(size, size)), directed=False)
    first: dict[int, str] = {}
    return [first.setdefault(int(labels[i]), question.id) for i, question in enumerate(questions)]
