"""The approximate index: made from the bound on, measured against exact search, dropped below the bound."""

import numpy as np
import pytest

from llmops_pipelines.index.build import IndexSettings
from llmops_pipelines.index.reconcile import recall_gate
from llmops_pipelines.storage import Lake
from tests.index.hand_made import HandMade

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
    assert gate.metadata == {"recall@10": 1.0, "floor": 1.0, "queries": 50, "ann": False}


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
    assert gate.metadata["recall@10"] < 0.8


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
