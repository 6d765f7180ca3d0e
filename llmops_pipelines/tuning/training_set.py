"""Builds the training set of a corpus: what may be learned from, mined in the base model's index, free of held-out text."""

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from llmops_pipelines.embedding.embedder import Embedder
from llmops_pipelines.embedding.missing import kept_vectors
from llmops_pipelines.embedding.vectors import vector_array
from llmops_pipelines.evaluation.contamination import HeldOut
from llmops_pipelines.evaluation.questions import Question
from llmops_pipelines.evaluation.split import split_questions
from llmops_pipelines.index.search import Hit, SearchIndex
from llmops_pipelines.storage.identity import text_hash
from llmops_pipelines.storage.sync import Sync
from llmops_pipelines.storage.writer import Writer
from llmops_pipelines.tuning.mining import MinedPair, mine
from llmops_pipelines.tuning.pairs import Pair, generated_pairs, question_pairs
from llmops_pipelines.tuning.training_set_report import Dropped, TrainingSetReport, training_set_report

if TYPE_CHECKING:
    import numpy as np

    from llmops_pipelines.storage.snapshot import Snapshot


@dataclass(frozen=True)
class TrainingSetSettings:
    """`positives` passages a question, `negatives` hard negatives a pair that score at most `margin` times the positive.

    At most `max_questions` questions are taken, those with the smallest hash; `dev_share` of them choose the checkpoint.
    """

    max_questions: int = 2_000
    positives: int = 1
    negatives: int = 3
    margin: float = 0.95
    dev_share: float = 0.15


def build_training_set(
    questions: Sequence[Question],
    held_out: HeldOut,
    usable: set[str],
    documents: Sequence[Mapping[str, Any]],
    chunks: "Snapshot",
    index: SearchIndex,
    embedder: Embedder,
    settings: TrainingSetSettings,
    question_writer: Writer,
    passage_writer: Writer,
    writer: Writer,
    published: "Snapshot | None",
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> TrainingSetReport:
    """Write the training set; publishes nothing.

    `questions` may be learned from and `usable` are the doc_ids that may; answers of held-out questions never are. Where
    no question gives a pair, pairs are made of headings and first sentences. `index` and `embedder` are the base model's;
    vectors of questions, and of passages that the index does not hold as they are, are kept in the tables of their writers.
    """
    dropped = Dropped()
    usable = usable - held_out.answers
    passages: dict[str, list[dict[str, Any]]] = {}
    for row in chunks.rows(["chunk_id", "doc_id", "text"]):
        if row["doc_id"] in usable:
            passages.setdefault(row["doc_id"], []).append(row)
    pairs = question_pairs(questions, passages, usable)
    for question, reason in _unpaired(questions, pairs, usable, held_out.answers):
        dropped.add(reason, question.text)
    if not pairs:
        pairs = generated_pairs(documents, passages, usable)
    pairs = _bounded(_clean(pairs, held_out, dropped), settings.max_questions, dropped)

    texts = {text_hash(pair.question): pair.question for pair in pairs}
    question_vectors, questions_embedded = kept_vectors(embedder, texts, question_writer, "query")
    passage_vectors, passages_embedded = _passage_vectors(pairs, index, embedder, passage_writer)
    known = [pair for pair in pairs if pair.id in passage_vectors]
    for pair in pairs:
        if pair.id not in passage_vectors:
            dropped.add("not in the base model's index yet", pair.chunk_id)

    asked = {pair.question_id: pair for pair in known}
    answered: dict[str, dict[str, int]] = {}
    for pair in known:
        answered.setdefault(pair.question_id, {})[pair.doc_id] = 1
    parts = split_questions(
        [Question(q, pair.question, answered[q], pair.source, "train") for q, pair in asked.items()],
        {"train": 1 - settings.dev_share, "dev": settings.dev_share},
    )
    part_of = {pair.doc_id: parts[pair.question_id] for pair in known}
    leaky: dict[str, bool] = {}

    def may_be_negative(pair: Pair, hit: Hit) -> bool:
        part = parts[pair.question_id]
        if hit.doc_id not in usable or part_of.get(hit.doc_id, part) != part:
            return False
        if hit.chunk_id not in leaky:
            leaky[hit.chunk_id] = bool(held_out.in_passages([hit.text]))
        return not leaky[hit.chunk_id]

    mined = mine(
        known,
        {pair.question_id: question_vectors[text_hash(pair.question)] for pair in known},
        passage_vectors,
        index,
        may_be_negative,
        settings.positives,
        settings.negatives,
        settings.margin,
        progress,
    )
    sync = Sync(writer, published)
    rows = [_row(found, parts[found.pair.question_id], embedder.fingerprint) for found in mined]
    for row in rows:
        sync.put(row)
    return training_set_report(sync, rows, dropped, questions_embedded, passages_embedded)


def _unpaired(
    questions: Sequence[Question], pairs: Sequence[Pair], usable: set[str], held_out: Set[str]
) -> Iterator[tuple[Question, str]]:
    """The questions that are in no pair, and why."""
    paired = {pair.question_id for pair in pairs}
    for question in questions:
        if question.id not in paired:
            if not held_out.isdisjoint(question.answers):
                reason = "question: its answer answers a held-out question too"
            elif usable.isdisjoint(question.answers):
                reason = "question: its answers are in dev or test modules, or not in the corpus"
            else:
                reason = "question: its answers have no passage to learn"
            yield question, reason


def _clean(pairs: Sequence[Pair], held_out: HeldOut, dropped: Dropped) -> list[Pair]:
    """The pairs whose question is not held out, nor held by a passage that holds a held-out one."""
    asked = {pair.question_id: pair.question for pair in pairs}
    ids = list(asked)
    leaks = {ids[leak.position]: leak for leak in held_out.in_questions(ids, [asked[i] for i in ids])}
    for question_id, leak in leaks.items():
        dropped.add(
            f"question like a held-out one: {leak.rule}", f"{asked[question_id]} (held out: {leak.question_id})"
        )
    texts = list(dict.fromkeys(pair.text for pair in pairs))
    holding = {texts[leak.position]: leak for leak in held_out.in_passages(texts)}
    for text, leak in holding.items():
        dropped.add("passage: holds a held-out question", f"{text[:80]} (held out: {leak.question_id})")
    return [pair for pair in pairs if pair.question_id not in leaks and pair.text not in holding]


def _bounded(pairs: Sequence[Pair], max_questions: int, dropped: Dropped) -> list[Pair]:
    chosen = set(sorted({pair.question_id for pair in pairs}, key=text_hash)[:max_questions])
    for question_id in {pair.question_id for pair in pairs} - chosen:
        dropped.add("question: beyond max_questions", question_id)
    return [pair for pair in pairs if pair.question_id in chosen]


def _passage_vectors(
    pairs: Sequence[Pair], index: SearchIndex, embedder: Embedder, writer: Writer
) -> tuple[dict[str, "np.ndarray"], int]:
    """The base model's vector of each pair's text, by pair id, and how many were made just now.

    Those of texts that are not in the index as they are, are kept in the table of `writer`. Pairs whose passage is not
    in the index are left out.
    """
    wanted: dict[str, list[Pair]] = {}
    for pair in pairs:
        wanted.setdefault(pair.chunk_id, []).append(pair)
    found: dict[str, np.ndarray] = {}
    made: list[Pair] = []
    for batch in index.snapshot.batches(["chunk_id", "text", "vector"]):
        vectors = vector_array(batch["vector"])
        for i, (chunk_id, text) in enumerate(
            zip(batch["chunk_id"].to_pylist(), batch["text"].to_pylist(), strict=True)
        ):
            for pair in wanted.get(chunk_id, ()):
                if pair.text == text:
                    found[pair.id] = vectors[i]
                else:
                    made.append(pair)
    kept, embedded = kept_vectors(embedder, {text_hash(pair.text): pair.text for pair in made}, writer, "document")
    return found | {pair.id: kept[text_hash(pair.text)] for pair in made}, embedded


def _row(found: MinedPair, part: str, base: str) -> dict[str, Any]:
    pair = found.pair
    return {
        "pair_id": pair.id,
        "part": part,
        "question_id": pair.question_id,
        "question": pair.question,
        "source": pair.source,
        "doc_id": pair.doc_id,
        "chunk_id": pair.chunk_id,
        "positive": pair.text,
        "negative_ids": [hit.chunk_id for hit in found.negatives],
        "negative_doc_ids": [hit.doc_id for hit in found.negatives],
        "negatives": [hit.text for hit in found.negatives],
        "score": found.score,
        "negative_scores": [hit.score for hit in found.negatives],
        "base": base,
    }
