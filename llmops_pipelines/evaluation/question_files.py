"""Reads questions from JSON lines, from CSV and from folders in BEIR layout. docs/evaluation.md describes the formats."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llmops_pipelines.evaluation.question_formats import (
    HIGHEST_GRADE,
    beir_entries,
    content,
    csv_entries,
    json_entries,
    qrels_files,
    queries_file,
)
from llmops_pipelines.evaluation.questions import PARTS, Question, QuestionError


def load_questions(path: Path, question_set: str) -> list[Question]:
    """The questions in `path` (`.jsonl`, `.csv`, or a folder in BEIR layout), in their order, as those of `question_set`.

    Raises QuestionError, with file and line, for what cannot be read or has no one meaning.
    """
    if path.is_dir():
        entries = beir_entries(path)
    elif path.suffix.lower() == ".csv":
        entries = csv_entries(path)
    elif path.suffix.lower() == ".jsonl":
        entries = json_entries(path)
    elif not path.exists():
        raise QuestionError(f"cannot read the questions in {path}: there is no such file or folder")
    else:
        raise QuestionError(f"{path}: questions are read from .jsonl, from .csv, and from folders in BEIR layout")
    questions: dict[str, Question] = {}
    for where, entry in entries:
        question = _question(where, entry, question_set)
        if question.id in questions:
            raise QuestionError(f"{where}: the id {question.id!r} is taken: give every question an id of its own")
        questions[question.id] = question
    if not questions:
        raise QuestionError(f"{path} holds no questions")
    return list(questions.values())


def questions_hash(path: Path) -> str:
    """A sha256 (64 hex digits) that differs where `load_questions` would read anything else.

    Raises QuestionError where a file cannot be read.
    """
    if not path.is_dir():
        return hashlib.sha256(content(path)).hexdigest()
    files = [queries_file(path), *qrels_files(path)]
    hashes = [f"{file.relative_to(path).as_posix()} {hashlib.sha256(content(file)).hexdigest()}\n" for file in files]
    return hashlib.sha256("".join(hashes).encode()).hexdigest()


def _question(where: str, entry: Mapping[str, Any], question_set: str) -> Question:
    try:
        answers = entry["answers"]
        question = Question(
            id=_name(entry["id"]),
            text=entry["question"].strip(),
            answers=answers if isinstance(answers, dict) else dict.fromkeys(_names(answers), 1),
            question_set=question_set,
            part=entry["part"],
            rejected=_names(entry.get("rejected", [])),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise QuestionError(
            f"{where}: {type(error).__name__} {error}. A question has an id, question, answers (a list of documents, or "
            "an object with the grade of each) and part (train, dev or test)"
        ) from error
    judged = bool(question.answers or question.rejected)
    if question.part not in PARTS or not judged or not question.text or not question.id:
        raise QuestionError(
            f"{where}: {question.id!r} needs a text, an answer, a part that is one of {', '.join(PARTS)}, and an id"
        )
    for answer, grade in question.answers.items():
        if type(grade) is not int or not 1 <= grade <= HIGHEST_GRADE:
            raise QuestionError(
                f"{where}: the grade of {answer!r} is {grade!r}: give a whole number, 1 to {HIGHEST_GRADE}"
            )
        if answer in question.rejected:
            raise QuestionError(f"{where}: {answer!r} is among the answers and among the rejected: it can only be one")
    return question


def _name(found: object) -> str:
    if isinstance(found, bool) or not isinstance(found, str | int):
        raise TypeError(f"{found!r} is no id")
    return str(found)


def _names(found: object) -> tuple[str, ...]:
    if not isinstance(found, list) or not all(isinstance(name, str) and name for name in found):
        raise TypeError(f"{found!r} is not a list of documents")
    return tuple(found)
