"""Measures one index on the questions of a corpus: collects them, embeds them once, evaluates."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from llmops_pipelines.corpus.cleaning.cleaner import KEPT
from llmops_pipelines.embedding.embedder import Embedder
from llmops_pipelines.embedding.missing import kept_vectors
from llmops_pipelines.evaluation.contamination import Learned
from llmops_pipelines.evaluation.evaluate import evaluate
from llmops_pipelines.evaluation.known_items import known_items
from llmops_pipelines.evaluation.question_files import load_questions
from llmops_pipelines.evaluation.questions import Question, QuestionError, resolve_answers
from llmops_pipelines.evaluation.split import split_questions
from llmops_pipelines.index.search import SearchIndex
from llmops_pipelines.storage.identity import text_hash
from llmops_pipelines.storage.snapshot import Snapshot
from llmops_pipelines.storage.writer import Writer

TRAIN_SHARES = {"train": 0.8, "dev": 0.2}


@dataclass(frozen=True)
class Measurement:
    """The rows of the evaluation table, and how many questions had to be embedded for it."""

    rows: list[dict[str, Any]]
    questions_embedded: int


def collect_questions(
    files: Mapping[str, Path], known_item_limit: int, part: str, documents: Snapshot, chunks: Snapshot
) -> list[Question]:
    """Those of `corpus_questions` that are in `part`."""
    questions = corpus_questions(files, known_item_limit, documents, chunks)
    return [question for question in questions if question.part == part]


def corpus_questions(
    files: Mapping[str, Path], known_item_limit: int | None, documents: Snapshot, chunks: Snapshot
) -> list[Question]:
    """The questions of `files` (by question set), and known items of the corpus as it is: at most so many a part.

    A limit of 0 leaves known items out, None takes all. A file with train questions and no dev ones gives a fifth of its
    train questions to dev. Raises QuestionError where a file cannot be used, or two files hold a question of the same id.
    """
    kept = list(documents.rows(["doc_id", "title", "parent", "aliases", "text"], KEPT))
    names = {alias: row["doc_id"] for row in reversed(kept) for alias in row["aliases"]}
    names |= {row["doc_id"]: row["doc_id"] for row in kept}
    questions = [
        question
        for question_set, path in files.items()
        for question in resolve_answers(with_dev(load_questions(path, question_set)), names)
    ]
    first: dict[str, str] = {}
    for question in questions:
        if first.setdefault(question.id, question.question_set) != question.question_set:
            raise QuestionError(
                f"{files[question.question_set]}: the question id {question.id!r} occurs in "
                f"{files[first[question.id]]} too: give every question of a corpus an id of its own"
            )
    if known_item_limit != 0:
        questions += known_items(kept, chunks.rows(["chunk_id", "doc_id", "text"]), known_item_limit)
    return questions


def with_dev(questions: Sequence[Question]) -> list[Question]:
    """`questions`, with a fifth of the train questions in dev where there are train questions and no dev ones.

    Questions that share an answer or are nearly equal stay together. Depends on the questions alone, not on the corpus,
    so that a question never changes its part because a document did.
    """
    parts = {question.part for question in questions}
    if "train" not in parts or "dev" in parts:
        return list(questions)
    dealt = split_questions([question for question in questions if question.part == "train"], TRAIN_SHARES)
    return [replace(question, part=dealt.get(question.id, question.part)) for question in questions]


def measure(
    index: SearchIndex,
    embedder: Embedder,
    questions: Sequence[Question],
    writer: Writer,
    progress: Callable[[int, int], None] = lambda done, total: None,
    learned: Learned | None = None,
) -> Measurement:
    """Evaluate `index` on `questions`. Their vectors are kept in the table of `writer`, so that none is made twice.

    Questions that the model has `learned`, or learned the answer of, are neither embedded nor scored.
    """
    reasons = learned.reasons(questions) if learned else {}
    asked = [question for question in questions if question.id not in reasons]
    texts = {text_hash(question.text): question.text for question in asked}
    vectors, embedded = kept_vectors(embedder, texts, writer, "query")
    by_question = {question.id: vectors[text_hash(question.text)] for question in asked}
    return Measurement(evaluate(index, questions, by_question, progress, reasons), embedded)
