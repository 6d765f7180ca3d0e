"""The approximate index: made from the bound on, measured against exact search, dropped below the bound."""

import datetime

import numpy as np
import pytest

from llmops_pipelines.index.build import CODES, IndexSettings
from llmops_pipelines.index.reconcile import recall_gate
from llmops_pipelines.index.search import SearchIndex
from llmops_pipelines.storage import Lake, Snapshot, schemas
from llmops_pipelines.storage.maintenance import maintain
from tests.index.hand_made import HandMade, embedding_row

ROWS, DIMENSION, CLUSTERS = 2_000, 64, 40
APPROXIMATE = IndexSettings(ann_min_rows=256)


def clustered() -> dict[str, np.ndarray]:
    """Vectors around 40 centres, by passage."""
    random = np.random.default_rng(0)
    centres = random.normal(size=(CLUSTERS, DIMENSION))
    vectors = centres[np.arange(ROWS) % CLUSTERS] + 0.3 * random.normal(size=(ROWS, DIMENSION))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return {f"passage {i}": vector for i, vector in enumerate(vectors)}


VECTORS = clustered()
PASSAGES = {f"d{i:04}": [f"passage {i}"] for i in range(ROWS)}


@pytest.fixture
def made(lake: Lake) -> HandMade:
    return HandMade(lake, DIMENSION, vector_of=VECTORS.__getitem__)


def test_an_exact_index_has_recall_one(made: HandMade) -> None:
    report, index = made.build(PASSAGES)
    gate = recall_gate(index, floor=1.0)
    assert (report.ann, report.indexes) == (False, ["FTS on text"])
    assert gate.passed
    kinds = {"kind": "passages", "questions": 0, "passages": 50}
    assert gate.metadata == {"recall@10": 1.0, "floor": 1.0, "queries": 50, **kinds, "ann": False}


def test_an_approximate_index_reaches_the_floor(made: HandMade) -> None:
    report, index = made.build(PASSAGES, APPROXIMATE)
    gate = recall_gate(index, floor=0.98)
    assert (report.ann, report.indexes) == (True, ["FTS on text", "IvfRq on vector"])
    assert gate.passed
    assert gate.metadata["ann"] is True
    assert gate.metadata["recall@10"] >= 0.98


def test_an_index_that_looks_too_little_fails_with_its_true_recall(made: HandMade) -> None:
    coarse = IndexSettings(ann_min_rows=256, probes=1, refine=1)
    _, index = made.build(PASSAGES, coarse)
    gate = recall_gate(index, floor=0.98, sample=30)
    assert not gate.passed
    everything = np.stack(list(VECTORS.values()))
    # Independent of the gate: hits among the exact ten, over all passages.
    hits = 0
    for query in everything[::20]:
        best = {f"d{i:04}#0" for i in np.argsort(-(everything @ query))[:10]}
        hits += len(best & {hit.chunk_id for hit in index.dense(query, 10)})
    assert gate.metadata["recall@10"] == pytest.approx(hits / 10 / 100, abs=0.1)
    assert gate.metadata["recall@10"] < 0.9


def test_equal_vectors_are_interchangeable(lake: Lake) -> None:
    vector = VECTORS["passage 0"]
    same = HandMade(lake, DIMENSION, vector_of=lambda text: vector)
    _, index = same.build({f"d{i:03}": [f"passage {i}"] for i in range(300)})
    assert recall_gate(index, floor=1.0).metadata["recall@10"] == 1.0


def test_the_approximate_index_holds_rows_that_came_later(made: HandMade) -> None:
    half = {doc_id: PASSAGES[doc_id] for doc_id in list(PASSAGES)[: ROWS // 2]}
    made.build(half, APPROXIMATE)
    _, index = made.build(PASSAGES, APPROXIMATE)
    (statistics,) = [i for i in index.snapshot.table.list_indices() if "vector" in i.columns]
    assert statistics.num_unindexed_rows == 0
    assert recall_gate(index, floor=0.98).passed
    assert index.dense(VECTORS["passage 1999"], 1)[0].chunk_id == "d1999#0"


def test_below_the_bound_the_approximate_index_is_dropped(made: HandMade) -> None:
    made.build(PASSAGES, APPROXIMATE)
    report, index = made.build(PASSAGES, IndexSettings(ann_min_rows=ROWS + 1))
    assert (report.ann, report.indexes, index.uses_ann) == (False, ["FTS on text"], False)
    assert IndexSettings(ann_min_rows=ROWS).uses_ann(ROWS)


def asked(lake: Lake, number: int, **changed: str) -> Snapshot:
    """Question vectors: passages moved a little, as the questions of a model are near its passages and no passage is."""
    random = np.random.default_rng(1)
    writer = lake.writer("c.question_embeddings", schemas.embeddings(DIMENSION))
    rows = []
    for i, vector in enumerate(list(VECTORS.values())[:number]):
        moved = vector + 0.1 * random.normal(size=DIMENSION)
        rows.append(embedding_row(f"q{i}", (moved / np.linalg.norm(moved)).astype(np.float32), **changed))
    writer.upsert_rows(rows)
    return writer.publish("", "", {})


def test_recall_is_measured_on_the_questions_that_are_stored(made: HandMade, lake: Lake) -> None:
    _, index = made.build(PASSAGES, APPROXIMATE)
    gate = recall_gate(index, 0.98, asked(lake, 80))
    assert gate.passed
    assert {name: gate.metadata[name] for name in ("queries", "kind", "questions", "passages")} == {
        "queries": 50,
        "kind": "questions",
        "questions": 50,
        "passages": 0,
    }


def test_passages_make_up_for_questions_that_there_are_not(made: HandMade, lake: Lake) -> None:
    _, index = made.build(PASSAGES)
    gate = recall_gate(index, 1.0, asked(lake, 3))
    assert (gate.metadata["kind"], gate.metadata["questions"], gate.metadata["passages"]) == (
        "questions and passages",
        3,
        47,
    )
    assert gate.passed


def test_vectors_of_another_models_questions_are_not_asked(made: HandMade, lake: Lake) -> None:
    _, index = made.build(PASSAGES)
    assert recall_gate(index, 1.0, asked(lake, 60, fingerprint="e" * 64)).metadata["kind"] == "passages"


def test_recall_of_questions_is_what_an_exact_search_over_everything_says(made: HandMade, lake: Lake) -> None:
    _, index = made.build(PASSAGES, IndexSettings(ann_min_rows=256, probes=1, refine=1))
    questions = asked(lake, 50)
    gate = recall_gate(index, 0.98, questions)
    everything = np.stack(list(VECTORS.values()))
    hits = 0
    for row in questions.rows():
        query = np.array(row["vector"], dtype=np.float32)
        best = {f"d{i:04}#0" for i in np.argsort(-(everything @ query))[:10]}
        hits += len(best & {hit.chunk_id for hit in index.dense(query, 10)})
    # Scores within the tolerance of the tenth count for the gate, names alone count here.
    assert gate.metadata["recall@10"] == pytest.approx(hits / 500, abs=0.02)
    assert not gate.passed


def test_search_finds_the_same_after_maintenance(made: HandMade, lake: Lake) -> None:
    for rows in (ROWS // 2, ROWS - 100, ROWS):
        _, index = made.build({doc_id: PASSAGES[doc_id] for doc_id in list(PASSAGES)[:rows]}, APPROXIMATE)
    questions = list(VECTORS.values())[::100]
    before = [[hit.chunk_id for hit in index.dense(vector, 5)] for vector in questions]
    words = [hit.chunk_id for hit in index.full_text("passage 1234", 5)]

    assert maintain(lake, "c.index", datetime.datetime.now(datetime.UTC)).note == ""
    snapshot = lake.published("c.index")
    assert snapshot is not None and snapshot.version > index.snapshot.version
    after = SearchIndex(snapshot, APPROXIMATE)
    assert after.uses_ann
    assert all(details.num_unindexed_rows == 0 for details in snapshot.table.list_indices())
    assert [[hit.chunk_id for hit in after.dense(vector, 5)] for vector in questions] == before
    assert [hit.chunk_id for hit in after.full_text("passage 1234", 5)] == words
    assert recall_gate(after, floor=0.98).passed
    # Who opened the version before it reads on.
    assert [hit.chunk_id for hit in index.full_text("passage 1234", 5)] == words


def test_an_index_with_other_codes_is_made_anew(made: HandMade) -> None:
    from lancedb.index import IvfRq

    _, index = made.build(PASSAGES, APPROXIMATE)
    table = made.lake.database.open_table("c.index")
    table.create_index("vector", config=IvfRq(distance_type="cosine", num_bits=1), replace=True)
    _, index = made.build(PASSAGES, APPROXIMATE)
    (found,) = [i for i in index.snapshot.table.list_indices() if "vector" in i.columns]
    assert found.index_details["compression"]["num_bits"] == CODES["num_bits"]


def test_what_was_written_in_many_commits_lies_in_few_files(made: HandMade) -> None:
    fewer = IndexSettings(ann_min_rows=ROWS // 5)
    for rows in range(ROWS // 5, ROWS + 1, ROWS // 5):
        _, index = made.build({doc_id: PASSAGES[doc_id] for doc_id in list(PASSAGES)[:rows]}, fewer)
    # What an index covers and what it does not are put together apart.
    assert len(index.snapshot.table.to_lance().get_fragments()) <= 2
    assert index.snapshot.count() == ROWS
