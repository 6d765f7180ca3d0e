"""Evaluates retrieval of one index: one row a question and system."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from llmops_pipelines.evaluation.metrics import DEPTH, METRICS, score_rankings
from llmops_pipelines.evaluation.questions import Question, clusters
from llmops_pipelines.evaluation.roles import CANDIDATE, Role
from llmops_pipelines.index.search import FUSION_DEPTH, Ranked, SearchIndex, fuse
from llmops_pipelines.storage.snapshot import Snapshot, among

if TYPE_CHECKING:
    import numpy as np

SYSTEMS = ("bm25", "dense", "hybrid")
JUDGED_DEPTH = 10
SHOWN_PASSAGES = 3
SHOWN_CHARACTERS = 400
READ_AT_ONCE = 500
NO_ANSWER = "the corpus has none of its answers"


def evaluate(
    index: SearchIndex,
    questions: Sequence[Question],
    vectors: Mapping[str, "np.ndarray"],
    progress: Callable[[int, int], None] = lambda done, total: None,
    learned: Mapping[str, str] | None = None,
) -> list[dict[str, Any]]:
    """Rows of the evaluation table in the role of candidate, `row_hash` aside; `vectors` are query vectors by question id.

    Documents are ranked by their best passage, 300 passages deep. An answer that the index lacks is one that was not
    found. A question without answers is unmeasured: it has a row and a reason, and no scores. So is one in `learned`,
    which gives the reason by question id.
    """
    unmeasured = {**(learned or {}), **{question.id: NO_ANSWER for question in questions if not question.answers}}
    cluster = dict(zip((q.id for q in questions), clusters(questions), strict=True))
    rankings: dict[str, dict[str, list[Ranked]]] = {system: {} for system in SYSTEMS}
    seconds: dict[str, dict[str, float]] = {system: {} for system in SYSTEMS}
    measured = [question for question in questions if question.id not in unmeasured]
    for done, question in enumerate(measured, start=1):
        started = time.perf_counter()
        words = index.full_text_ranking(question.text, FUSION_DEPTH)
        after_words = time.perf_counter()
        dense = index.dense_ranking(vectors[question.id], FUSION_DEPTH)
        after_dense = time.perf_counter()
        fused = _fused(words, dense, index.settings.hybrid_weight)
        after_fusion = time.perf_counter()
        took = {"bm25": after_words - started, "dense": after_dense - after_words, "hybrid": after_fusion - started}
        for system, passages in zip(SYSTEMS, (words, dense, fused), strict=True):
            rankings[system][question.id] = _documents(passages, question)
            seconds[system][question.id] = took[system]
        progress(done, len(measured))

    overlaps = lexical_overlap(index.snapshot, measured)
    shown = _first_passages(index.snapshot, [ranking for found in rankings.values() for ranking in found.values()])
    rows: list[dict[str, Any]] = []
    for system in SYSTEMS:
        doc_ids = {qid: [ranked.doc_id for ranked in ranking] for qid, ranking in rankings[system].items()}
        scores = score_rankings(doc_ids, {question.id: question.answers for question in measured})
        for question in questions:
            row = _row(question, system, cluster[question.id], unmeasured.get(question.id))
            if question.id not in unmeasured:
                judged = {*question.answers, *question.rejected}
                top = doc_ids[question.id][:JUDGED_DEPTH]
                row |= {
                    "retrieved": doc_ids[question.id],
                    "passages": [ranked.chunk_id for ranked in rankings[system][question.id]],
                    "shown": [shown[ranked.chunk_id] for ranked in rankings[system][question.id][:SHOWN_PASSAGES]],
                    "overlap": overlaps[question.id],
                    "unjudged_at_10": sum(doc_id not in judged for doc_id in top) / len(top) if top else 0.0,
                    "seconds": seconds[system][question.id],
                    **scores[question.id],
                }
            rows.append(row)
    return rows


def lexical_overlap(snapshot: Snapshot, questions: Sequence[Question]) -> dict[str, float]:
    """The share of a question's words that occur in the text of an answer, by question id: the best of its answers.

    Words are what the index's own full-text analyser makes of the text: stop words left out, stemmed. Passages that
    are excluded for a question are no part of its answers.
    """
    wanted = {answer for question in questions for answer in question.answers}
    words_of: dict[str, dict[str, set[str]]] = {}

    def words(text: str) -> set[str]:
        return {token.text for token in snapshot.table.tokenize(text, column="text")}

    for row in snapshot.rows(["chunk_id", "doc_id", "text"]):
        if row["doc_id"] in wanted:
            words_of.setdefault(row["doc_id"], {})[row["chunk_id"]] = words(row["text"])
    overlaps: dict[str, float] = {}
    for question in questions:
        asked = words(question.text)
        shares = [0.0]
        for answer in question.answers:
            passages = words_of.get(answer, {})
            kept = [found for chunk_id, found in passages.items() if chunk_id not in question.excluded]
            shares.append(len(asked & set().union(*kept)) / len(asked) if asked else 0.0)
        overlaps[question.id] = max(shares)
    return overlaps


def _fused(words: Sequence[Ranked], dense: Sequence[Ranked], weight: float) -> list[Ranked]:
    doc_id = {passage.chunk_id: passage.doc_id for ranking in (words, dense) for passage in ranking}
    by_vector, by_words = ({passage.chunk_id: passage.score for passage in ranking} for ranking in (dense, words))
    return [Ranked(chunk_id, doc_id[chunk_id], score) for chunk_id, score in fuse(by_vector, by_words, weight)]


def _documents(passages: Sequence[Ranked], question: Question) -> list[Ranked]:
    """The best passage of each document, the excluded ones passed over, to the depth that is scored."""
    best: dict[str, Ranked] = {}
    excluded = set(question.excluded)
    for passage in passages:
        if passage.chunk_id not in excluded:
            best.setdefault(passage.doc_id, passage)
    return list(best.values())[:DEPTH]


def _first_passages(snapshot: Snapshot, rankings: Sequence[Sequence[Ranked]]) -> dict[str, dict[str, str]]:
    """What people are shown of the first passages, by chunk_id: the index may be gone when they read."""
    wanted = sorted({ranked.chunk_id for ranking in rankings for ranked in ranking[:SHOWN_PASSAGES]})
    return {
        row["chunk_id"]: {"title": row["title"], "text": row["text"][:SHOWN_CHARACTERS]}
        for start in range(0, len(wanted), READ_AT_ONCE)
        for row in snapshot.rows(["chunk_id", "title", "text"], among("chunk_id", wanted[start : start + READ_AT_ONCE]))
    }


def in_role(row: Mapping[str, Any], role: Role) -> dict[str, Any]:
    """`row` as one of another role."""
    return {**row, "role": role, "result_id": _result_id(role, row["question_set"], row["question_id"], row["system"])}


def _result_id(role: Role, question_set: str, question_id: str, system: str) -> str:
    return f"{role}/{question_set}/{question_id}/{system}"


def _row(question: Question, system: str, cluster: str, unmeasured: str | None) -> dict[str, Any]:
    return {
        "result_id": _result_id(CANDIDATE, question.question_set, question.id, system),
        "role": CANDIDATE,
        "question_id": question.id,
        "question_set": question.question_set,
        "part": question.part,
        "system": system,
        "question": question.text,
        "cluster": cluster,
        "answers": list(question.answers),
        "grades": list(question.answers.values()),
        "slices": [],
        "stale": None,
        "unmeasured": unmeasured,
        "retrieved": [],
        "passages": [],
        "shown": [],
        "overlap": None,
        "unjudged_at_10": None,
        "seconds": None,
        **dict.fromkeys(METRICS),
    }
