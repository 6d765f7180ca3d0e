"""Measures one index on the questions of a corpus: collects them, embeds them once, evaluates."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmops_pipelines.corpus.cleaning.cleaner import KEPT
from llmops_pipelines.embedding.embedder import Embedder
from llmops_pipelines.embedding.missing import embed_missing, vector_array
from llmops_pipelines.evaluation.evaluate import evaluate
from llmops_pipelines.evaluation.known_items import known_items
from llmops_pipelines.evaluation.questions import Question, QuestionError, load_questions, resolve_answers
from llmops_pipelines.index.search import SearchIndex
from llmops_pipelines.storage.identity import text_hash
from llmops_pipelines.storage.snapshot import Snapshot
from llmops_pipelines.storage.writer import Writer


@dataclass(frozen=True)
class Measurement:
    """The rows of the evaluation table, and how many questions had to be embedded for it."""

    rows: list[dict[str, Any]]
    questions_embedded: int


def collect_questions(
    files: Mapping[str, Path], known_item_limit: int, part: str, documents: Snapshot, chunks: Snapshot
) -> list[Question]:
    """The questions of `part`: those of `files` (by question set), and known items of the corpus as it is.

    Raises QuestionError where a file cannot be used, or two files hold a question of the same id.
    """
    kept = list(documents.rows(["doc_id", "title", "parent", "aliases", "text"], KEPT))
    names = {alias: row["doc_id"] for row in reversed(kept) for alias in row["aliases"]}
    names |= {row["doc_id"]: row["doc_id"] for row in kept}
    questions = [
        question
        for question_set, path in files.items()
        for question in resolve_answers(load_questions(path, question_set), names)
    ]
    first: dict[str, str] = {}
    for question in questions:
        if first.setdefault(question.id, question.question_set) != question.question_set:
            raise QuestionError(
                f"{files[question.question_set]}: the question id {question.id!r} occurs in "
                f"{files[first[question.id]]} too: give every question of a corpus an id of its own"
            )
    if known_item_limit:
        questions += known_items(kept, chunks.rows(["chunk_id", "doc_id", "text"]), known_item_limit)
    return [question for question in questions if question.part == part]


def measure(
    index: SearchIndex,
    embedder: Embedder,
    questions: Sequence[Question],
    writer: Writer,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Measurement:
    """Evaluate `index` on `questions`. Their vectors are kept in the table of `writer`, so that none is made twice."""
    texts = {text_hash(question.text): question.text for question in questions}
    report = embed_missing(embedder, texts, writer, use="query")
    writer.publish(report.data_version, embedder.fingerprint, report.as_dict())
    found = writer.staged().arrow(["content_hash", "vector"])
    vectors = vector_array(found["vector"])
    position = {content_hash: i for i, content_hash in enumerate(found["content_hash"].to_pylist())}
    by_question = {question.id: vectors[position[text_hash(question.text)]] for question in questions}
    return Measurement(evaluate(index, questions, by_question, progress), report.embedded)
