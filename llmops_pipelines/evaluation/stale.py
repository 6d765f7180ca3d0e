"""Stale questions: what answers them changed, or went, at the source since they were written or last reviewed.

Each question is pinned to the versions of its documents, in its file or, where that has none, in a table when it is first
evaluated. What cleaning, chunking or indexing lost makes no question stale: the source still has it.
"""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from llmops_pipelines.evaluation.questions import Question, QuestionError
from llmops_pipelines.evaluation.source_documents import SourceDocuments
from llmops_pipelines.storage.identity import merkle_root, value_hash
from llmops_pipelines.storage.snapshot import Snapshot
from llmops_pipelines.storage.writer import Writer


@dataclass(frozen=True)
class Pin:
    """The `versions` of the documents that answered a question, by the names in its file, when it was `asked` so."""

    asked: str
    versions: Mapping[str, str]


Pins = Mapping[str, Pin]


def read_pins(table: Snapshot | None) -> dict[str, Pin]:
    """The pins in table `question_pins`, by question set and id as `<set>/<id>`; none where there is no table."""
    rows = table.rows() if table else ()
    return {row["pin_id"]: Pin(row["asked"], dict(zip(row["answers"], row["versions"], strict=True))) for row in rows}


def pin_new_questions(questions: Sequence[Question], documents: SourceDocuments, writer: Writer) -> dict[str, Pin]:
    """All pins, once those of `questions` that lack one are written: they are first seen, or were edited since.

    An answer that the source has by now and had not when the question was pinned is added to its pin. `questions` are as
    their files have them, with the names that stand there. Questions that carry versions of their own get no pin.
    """
    pins = read_pins(writer.stored())
    lacking: dict[str, Pin] = {}
    for question in questions:
        found = pins.get(_key(question))
        now = _pin(question, documents)
        if found and found.asked == now.asked:
            now = Pin(now.asked, {**now.versions, **found.versions})
        if not question.versions and now.versions and now != found:
            lacking[_key(question)] = now
    _write(questions, lacking, writer)
    return {**pins, **lacking}


def pin_questions(questions: Sequence[Question], documents: SourceDocuments, writer: Writer) -> None:
    """Pin `questions`, which a person has reviewed, to their documents as they are now.

    Raises QuestionError for one that carries versions in its file, and for one none of whose answers the source has.
    """
    pins = {_key(question): _pin(question, documents) for question in questions}
    for question in questions:
        now = dict(pins[_key(question)].versions)
        if question.versions:
            raise QuestionError(
                f"question {question.id} of {question.question_set} carries versions in its file: put those of today there, "
                f"{now}, or leave `versions` out"
            )
        if not now:
            raise QuestionError(
                f"question {question.id} of {question.question_set}: the source has none of {', '.join(question.answers)}: "
                "name in its file what answers it now, or delete it there"
            )
    _write(questions, pins, writer)


def stale_questions(questions: Sequence[Question], pins: Pins, documents: SourceDocuments) -> dict[str, str]:
    """Why questions, by their id, are stale: the documents that changed and those that went. Others are not named.

    `documents` are those of the source in the corpus version that is evaluated, `questions` as their files have them.
    """
    found: dict[str, str] = {}
    for question in questions:
        pinned = question.versions
        if not pinned:
            entry = pins.get(_key(question))
            pinned = entry.versions if entry and entry.asked == asked_hash(question) else {}
        gone = sorted(name for name in pinned if documents.version(name) is None)
        changed = sorted(name for name in pinned if documents.version(name) not in (None, pinned[name]))
        parts = [
            f"{what} the source: {', '.join(names)}"
            for what, names in (("changed at", changed), ("gone from", gone))
            if names
        ]
        if parts:
            found[question.id] = "; ".join(parts)
    return found


def asked_hash(question: Question) -> str:
    """Of the text of `question` and of its answers with their grades, as its file has them."""
    return value_hash([question.text, question.answers])


def _key(question: Question) -> str:
    return f"{question.question_set}/{question.id}"


def _pin(question: Question, documents: SourceDocuments) -> Pin:
    versions = {name: version for name in question.answers if (version := documents.version(name))}
    return Pin(asked_hash(question), versions)


def _write(questions: Sequence[Question], pins: Pins, writer: Writer) -> None:
    """Write `pins` and publish the table; what a run that was killed wrote is published as well."""
    at = datetime.datetime.now(datetime.UTC)
    writer.upsert_rows(
        [
            {
                "pin_id": _key(question),
                "question_set": question.question_set,
                "question_id": question.id,
                "asked": pins[_key(question)].asked,
                "answers": list(pins[_key(question)].versions),
                "versions": list(pins[_key(question)].versions.values()),
                "at": at,
            }
            for question in questions
            if _key(question) in pins
        ]
    )
    staged, published = writer.staged(), writer.lake.published(writer.name)
    if published is None or published.version != staged.version:
        rows = {name: value_hash([pinned.asked, pinned.versions]) for name, pinned in read_pins(staged).items()}
        writer.publish(merkle_root(rows), "", {"questions": len(rows)})
