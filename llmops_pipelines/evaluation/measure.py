"""Measures one index on the questions of a corpus: collects them, embeds them once, evaluates."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from llmops_pipelines.corpus.cleaning.exact_duplicates import ExactDuplicates
from llmops_pipelines.embedding.embedder import Embedder
from llmops_pipelines.embedding.missing import kept_vectors
from llmops_pipelines.evaluation.contamination import Learned
from llmops_pipelines.evaluation.evaluate import evaluate
from llmops_pipelines.evaluation.known_items import known_items
from llmops_pipelines.evaluation.questions import Question, QuestionError, resolve_answers
from llmops_pipelines.evaluation.source_documents import SourceDocuments
from llmops_pipelines.evaluation.suites import Suite
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
    suites: Sequence[Suite], part: str, source: Snapshot, documents: Snapshot, chunks: Snapshot
) -> list[Question]:
    """Those of `corpus_questions` that are in `part`."""
    return [question for question in corpus_questions(suites, source, documents, chunks) if question.part == part]


def corpus_questions(
    suites: Sequence[Suite],
    source: Snapshot,
    documents: Snapshot,
    chunks: Snapshot,
    every_known_item: bool = False,
) -> list[Question]:
    """The questions of `suites`, in their order, those of a corpus as `source` (the table `documents`) has it.

    Answers are doc_ids of the source, whether or not cleaning (`documents`) and chunking left anything of them: what the
    corpus lost on its way is an answer that is not found. Of documents with the same text the one that was kept answers.
    Known items are at most as many a part as their suite says, or `every_known_item`. Raises QuestionError where a file
    cannot be used, or two suites hold a question of the same id.
    """
    cleaned = sorted(documents.rows(["doc_id", "title", "parent", "text", "dropped"]), key=lambda row: row["doc_id"])
    kept = [row for row in cleaned if row["dropped"] is None]
    holder = {row["text"]: row["doc_id"] for row in kept}
    same = {row["doc_id"]: holder[row["text"]] for row in cleaned if row["dropped"] == ExactDuplicates.name}
    names = {name: same.get(doc_id, doc_id) for name, doc_id in SourceDocuments.of(source).names.items()}
    questions: list[Question] = []
    for suite in suites:
        if suite.synthetic:
            limit = None if every_known_item else suite.known_items
            questions += known_items(kept, chunks.rows(["chunk_id", "doc_id", "text"]), limit)
        else:
            questions += resolve_answers(suite.questions, names)
    first: dict[str, str] = {}
    for question in questions:
        if (other := first.setdefault(question.id, question.question_set)) != question.question_set:
            raise QuestionError(
                f"the question id {question.id!r} occurs in the suites {other} and {question.question_set}: give every "
                "question of a corpus an id of its own"
            )
    return questions


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
