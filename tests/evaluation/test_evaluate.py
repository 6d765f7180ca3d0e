"""Evaluating a small real index: rankings of documents, exclusions, scores, and what is counted as unmeasured."""

import pytest

from llmops_pipelines.embedding.torch_embedder import TorchEmbedder
from llmops_pipelines.evaluation.evaluate import SYSTEMS, evaluate
from llmops_pipelines.evaluation.metrics import METRICS
from llmops_pipelines.index.build import IndexSettings
from llmops_pipelines.index.search import SearchIndex
from llmops_pipelines.storage import Lake, Sync, schemas
from tests.evaluation.measured import PASSAGES, QUESTIONS, Measured
from tests.evaluation.test_metrics import by_definition

MEASURED = [question for question in QUESTIONS if question.answers]


def test_every_question_has_a_row_for_every_system(evaluated: Measured) -> None:
    expected = [f"candidate/{q.question_set}/{q.id}/{system}" for system in SYSTEMS for q in QUESTIONS]
    assert [row["result_id"] for row in evaluated.rows] == expected


def test_a_question_without_an_answer_is_counted_and_not_scored(evaluated: Measured) -> None:
    for system in SYSTEMS:
        row = evaluated.of("q6", system)
        assert row["unmeasured"] == "the corpus has none of its answers"
        assert (row["retrieved"], row["passages"], row["answers"]) == ([], [], [])
        assert {row[name] for name in (*METRICS, "overlap", "unjudged_at_10", "seconds")} == {None}
    assert sum(row["unmeasured"] is not None for row in evaluated.rows) == 3


def test_a_question_that_the_model_has_learned_is_counted_and_not_scored(evaluated: Measured) -> None:
    vector = next(evaluated.index.snapshot.rows(["vector"]))["vector"]
    reasons = {"q4": "learned", "q6": "learned"}
    told: list[tuple[int, int]] = []
    rows = evaluate(
        evaluated.index, QUESTIONS[3:6], {"q5": vector}, lambda done, total: told.append((done, total)), reasons
    )
    assert told == [(1, 1)]
    unmeasured = {row["question_id"]: row["unmeasured"] for row in rows}
    assert unmeasured == {"q4": "learned", "q5": None, "q6": "the corpus has none of its answers"}
    assert len(rows) == 9
    for row in rows:
        if row["question_id"] == "q4":
            assert (row["retrieved"], row["answers"]) == ([], ["tides.md"])
            assert {row[name] for name in (*METRICS, "overlap", "unjudged_at_10", "seconds")} == {None}


def test_documents_are_ranked_by_their_best_passage(evaluated: Measured, embedder: TorchEmbedder) -> None:
    for question in MEASURED:
        vector = embedder.embed([question.text], "query").vectors[0]
        hits = {
            "bm25": evaluated.index.full_text(question.text, 300),
            "dense": evaluated.index.dense(vector, 300),
            "hybrid": evaluated.index.hybrid(question.text, vector, 300),
        }
        for system in SYSTEMS:
            best: dict[str, str] = {}
            for hit in hits[system]:
                if hit.chunk_id not in question.excluded and hit.doc_id not in best:
                    best[hit.doc_id] = hit.chunk_id
            row = evaluated.of(question.id, system)
            assert dict(zip(row["retrieved"], row["passages"], strict=True)) == best
            assert row["retrieved"] == list(best)


def test_hybrid_search_is_evaluated_with_the_weight_of_the_index(evaluated: Measured, embedder: TorchEmbedder) -> None:
    vectors = {question.id: embedder.embed([question.text], "query").vectors[0] for question in MEASURED}

    def retrieved(weight: float) -> dict[tuple[str, str], list[str]]:
        index = SearchIndex(evaluated.index.snapshot, IndexSettings(hybrid_weight=weight))
        return {(row["question_id"], row["system"]): row["retrieved"] for row in evaluate(index, MEASURED, vectors)}

    words, dense = retrieved(0.0), retrieved(1.0)
    # Dense search ranks every passage of this index; full text few of them, the others count alike after those.
    assert all(dense[question.id, "hybrid"] == dense[question.id, "dense"] for question in MEASURED)
    asked = [question.id for question in MEASURED if words[question.id, "bm25"] and not question.excluded]
    assert asked
    assert all(words[name, "hybrid"][0] == words[name, "bm25"][0] for name in asked)
    assert any(words[name, "hybrid"] != dense[name, "hybrid"] for name in asked)


def test_excluded_passages_are_never_retrieved(evaluated: Measured) -> None:
    unhindered = evaluated.index.full_text_ranking("Honey bees live in colonies", 300)
    assert "bees.md#1" in [passage.chunk_id for passage in unhindered]
    for system in SYSTEMS:
        assert not {"bees.md#0", "bees.md#1"} & set(evaluated.of("k1", system)["passages"])
    # The answer is found by the passages that are left of it.
    row = evaluated.of("k1", "dense")
    assert row["passages"][row["retrieved"].index("bees.md")] in ("bees.md#2", "bees.md#3")


def test_scores_follow_from_what_was_retrieved(evaluated: Measured) -> None:
    for question in MEASURED:
        for system in SYSTEMS:
            row = evaluated.of(question.id, system)
            expected = by_definition(row["retrieved"], question.answers)
            assert {metric: row[metric] for metric in METRICS} == pytest.approx(expected)
            assert row["seconds"] > 0
    assert evaluated.of("q4", "dense")["nDCG@10"] == 1.0
    nothing = evaluated.of("k2", "bm25")
    assert nothing["retrieved"] == []
    assert {nothing[metric] for metric in METRICS} == {0.0}
    assert (nothing["unmeasured"], nothing["unjudged_at_10"]) == (None, 0.0)


def test_unjudged_is_the_share_of_the_first_ten_that_nobody_judged(evaluated: Measured) -> None:
    # Dense search ranks all six documents; of q1 one is judged right and one judged wrong.
    assert len(evaluated.of("q1", "dense")["retrieved"]) == 6
    assert evaluated.of("q1", "dense")["unjudged_at_10"] == pytest.approx(4 / 6)
    assert evaluated.of("q4", "dense")["unjudged_at_10"] == pytest.approx(5 / 6)


def test_overlap_is_the_share_of_words_that_an_answer_holds(evaluated: Measured) -> None:
    overlap = {question.id: evaluated.of(question.id, "bm25")["overlap"] for question in MEASURED}
    # Stemmed, without stop words: make, sourdough, rise; "make" is in no passage of bread.md.
    assert overlap["q2"] == pytest.approx(2 / 3)
    # danc, bake: the better of the two answers holds one ("dance").
    assert overlap["q3"] == 0.5
    assert overlap["q4"] == 0.0
    # Of honey, bee, live, coloni none is in the passages of bees.md that are not excluded.
    assert overlap["k1"] == 0.0
    assert {evaluated.of("q2", system)["overlap"] for system in SYSTEMS} == {overlap["q2"]}


def test_questions_that_share_an_answer_share_a_cluster(evaluated: Measured) -> None:
    found = {question.id: evaluated.of(question.id, "hybrid")["cluster"] for question in QUESTIONS}
    joined = dict.fromkeys(("q1", "q2", "q3", "k1"), "q1")
    assert found == {**joined, "q4": "q4", "q5": "q5", "q6": "q6", "k2": "k2"}


def test_rows_fit_the_table_and_progress_counts_measured_questions(evaluated: Measured, lake: Lake) -> None:
    sync = Sync(lake.writer("c.evaluation", schemas.EVALUATION), None)
    for row in evaluated.rows:
        sync.put(row)
    assert sync.finish().added == 3 * len(QUESTIONS)
    vector = next(evaluated.index.snapshot.rows(["vector"]))["vector"]
    told: list[tuple[int, int]] = []
    rows = evaluate(evaluated.index, QUESTIONS[4:6], {"q5": vector}, lambda done, total: told.append((done, total)))
    assert told == [(1, 1)]
    assert len(rows) == 6
    assert len(rows[1]["retrieved"]) == 0
    assert len(rows[2]["retrieved"]) == len(PASSAGES)
