"""The gates of an index name the rows that are missing, orphaned, stale or double, read from the table itself."""

import numpy as np
import pytest

from llmops_pipelines.index.reconcile import reconcile, source_gate, unit_vectors_gate
from llmops_pipelines.quality.gates import GateResult
from llmops_pipelines.storage import Lake, Snapshot
from tests.index.damaged import append, replace_vector
from tests.index.hand_made import FINGERPRINT, HandMade

PASSAGES = {"bees": ["Bees live in colonies.", "Bees dance."], "tides": ["The moon pulls the sea."]}


@pytest.fixture
def made(lake: Lake) -> HandMade:
    return HandMade(lake)


@pytest.fixture
def index(made: HandMade) -> Snapshot:
    return made.build(PASSAGES)[1].snapshot


def failed(gates: list[GateResult]) -> dict[str, list[str]]:
    assert [gate.name for gate in gates] == ["nothing_missing", "nothing_orphaned", "nothing_stale", "one_row_a_chunk"]
    return {gate.name: gate.metadata["offending"] for gate in gates if not gate.passed}


def test_an_index_of_its_chunks_passes(made: HandMade, index: Snapshot) -> None:
    gates = reconcile(index, made.chunks(PASSAGES), FINGERPRINT)
    assert failed(gates) == {}
    assert [gate.metadata for gate in gates] == [{"failures": 0}] * 4


def test_a_missing_row_is_named(made: HandMade, index: Snapshot) -> None:
    chunks = made.chunks({**PASSAGES, "bread": ["Bread rises.", "Sourdough."]})
    assert failed(reconcile(index, chunks, FINGERPRINT)) == {"nothing_missing": ["bread#0", "bread#1"]}


def test_an_orphaned_row_is_named(made: HandMade, index: Snapshot) -> None:
    chunks = made.chunks({"tides": PASSAGES["tides"]})
    assert failed(reconcile(index, chunks, FINGERPRINT)) == {"nothing_orphaned": ["bees#0", "bees#1"]}


def test_a_row_of_an_older_text_is_named(made: HandMade, index: Snapshot) -> None:
    chunks = made.chunks({**PASSAGES, "bees": ["Bees live in colonies.", "Bees waggle."]})
    assert failed(reconcile(index, chunks, FINGERPRINT)) == {"nothing_stale": ["bees#1"]}


def test_rows_of_another_model_are_named(made: HandMade, index: Snapshot) -> None:
    every = ["bees#0", "bees#1", "tides#0"]
    assert failed(reconcile(index, made.chunks(PASSAGES), "e" * 64)) == {"nothing_stale": every}


def test_rows_lost_and_doubled_in_the_store_are_named(made: HandMade, index: Snapshot) -> None:
    """A table that was damaged behind the writer's back, as by a loader that lost a batch."""
    table = made.lake.database.open_table("c.index")
    table.delete("chunk_id = 'bees#0'")
    append(table, index.arrow(where="chunk_id = 'tides#0'"))
    damaged = made.lake.at("c.index", table.version)
    expected = {"nothing_missing": ["bees#0"], "one_row_a_chunk": ["tides#0"]}
    assert failed(reconcile(damaged, made.chunks(PASSAGES), FINGERPRINT)) == expected


def test_a_collection_that_lost_a_row_is_named_with_both_numbers(lake: Lake) -> None:
    made = HandMade(lake, about={"bees": {"collection": "animals"}, "tides": {"collection": "seas"}})
    index = made.build(PASSAGES)[1].snapshot
    chunks, documents = made.chunks(PASSAGES), made.documents(PASSAGES)
    gate = source_gate(index, chunks, documents)
    assert gate.passed
    assert gate.metadata == {"failures": 0, "sources": 2, "rows": 3, "largest": {"animals": 2, "seas": 1}}
    table = lake.database.open_table("c.index")
    table.delete("chunk_id = 'bees#1'")
    gate = source_gate(lake.at("c.index", table.version), chunks, documents)
    assert gate.metadata["offending"] == ["animals: 1 rows, 2 chunks"]


@pytest.mark.parametrize("wrong", [np.nan, np.inf, 0.0, 2.0])
def test_a_vector_in_the_index_that_is_not_finite_or_no_unit_is_named(
    made: HandMade, index: Snapshot, wrong: float
) -> None:
    assert unit_vectors_gate(index).passed
    replace_vector(made.lake, "c.index", "chunk_id = 'bees#1'", lambda vector: vector * wrong)
    table = made.lake.database.open_table("c.index")
    gate = unit_vectors_gate(made.lake.at("c.index", table.version))
    assert (gate.name, gate.metadata["offending"]) == ("unit_vectors", ["bees#1"])
