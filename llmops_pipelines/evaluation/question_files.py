"""Reads questions from JSON lines, from CSV and from folders in BEIR layout. docs/evaluation.md describes the formats."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llmops_pipelines.evaluation.question_formats import (
    HIGHEST_GRADE,
    beir_entries,
    csv_entries,
    json_entries,
)
from llmops_pipelines.evaluation.questions import PARTS, Question, QuestionError

VERSION = re.compile("[0-9a-f]{64}")


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
            tags=_names(entry.get("tags", [])),
            versions=entry.get("versions", {}),
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
    _check_versions(where, question)
    return question


def _check_versions(where: str, question: Question) -> None:
    found = question.versions
    if not isinstance(found, dict) or not all(isinstance(v, str) and VERSION.fullmatch(v) for v in found.values()):
        raise QuestionError(
            f"{where}: versions is {found!r}: give the sha256 (64 hex digits) of each document that answers"
        )
    if found and found.keys() != question.answers.keys():
        names = ", ".join(sorted(found.keys() ^ question.answers.keys()))
        raise QuestionError(
            f"{where}: {names}: versions has those of all the answers and of nothing else, or is left out"
        )


def _name(found: object) -> str:
    if isinstance(found, bool) or not isinstance(found, str | int):
        raise TypeError(f"{found!r} is no id")
    return str(found)


def _names(found: object) -> tuple[str, ...]:
    if not isinstance(found, list) or not all(isinstance(name, str) and name for name in found):
        raise TypeError(f"{found!r} is not a list of names")
    return tuple(found)
