"""The gates on the embeddings table name what is wrong with the rows of a real table."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from llmops_pipelines.embedding.gates import embedding_gates
from llmops_pipelines.quality.gates import GateResult
from llmops_pipelines.storage import Lake, LakeError, Snapshot, schemas

MODEL = "f" * 64
KEYS = ["aa", "bb", "cc"]
NAMES = ["complete", "finite", "unit_length", "one_vector_a_key", "one_fingerprint", "within_window"]


def row(key: str, vector: list[float] | None = None, **changed: Any) -> dict[str, Any]:
    good = {"content_hash": key, "vector": vector or [0.6, 0.8, 0.0, 0.0], "tokens": 5, "truncated": False}
    return {**good, "fingerprint": MODEL, "numerics": "by hand", **changed}


def table(lake: Lake, *rows: dict[str, Any]) -> Snapshot:
    writer = lake.writer("c.embeddings", schemas.embeddings(4))
    # Added below the writer, whose merge lets no key in twice and no NaN.
    writer.table.to_lance().insert(pa.Table.from_pylist(list(rows), schema=writer.schema))
    return writer.staged()


def failed(gates: list[GateResult]) -> dict[str, list[str]]:
    assert [gate.name for gate in gates] == NAMES
    return {gate.name: gate.metadata["offending"] for gate in gates if not gate.passed}


def test_good_rows_pass_every_gate(lake: Lake) -> None:
    stored = table(lake, *map(row, KEYS), row("dd"))
    gates = embedding_gates(stored, KEYS, MODEL, allows_truncation=False)
    assert failed(gates) == {}
    assert gates[0].metadata == {"failures": 0, "wanted": 3}


@pytest.mark.parametrize(
    ("bad", "expected"),
    [
        (row("bb", [np.nan, 0.8, 0.0, 0.0]), {"finite": ["bb"]}),
        (row("bb", [np.inf, 0.8, 0.0, 0.0]), {"finite": ["bb"]}),
        (row("bb", [0.6, 0.8, 0.1, 0.0]), {"unit_length": ["bb"]}),
        (row("bb", [0.0, 0.0, 0.0, 0.0]), {"unit_length": ["bb"]}),
        (row("bb", [1.0011, 0.0, 0.0, 0.0]), {"unit_length": ["bb"]}),
        (row("bb", [1.0009, 0.0, 0.0, 0.0]), {}),
        (row("bb", fingerprint="e" * 64), {"one_fingerprint": ["bb"]}),
        (row("bb", truncated=True), {"within_window": ["bb"]}),
        (row("cc"), {"complete": ["bb"], "one_vector_a_key": ["cc"]}),
        (row("xx"), {"complete": ["bb"]}),
    ],
)
def test_a_bad_row_is_named(lake: Lake, bad: dict[str, Any], expected: dict[str, list[str]]) -> None:
    stored = table(lake, row("aa"), bad, row("cc"))
    assert failed(embedding_gates(stored, KEYS, MODEL, allows_truncation=False)) == expected


def test_truncation_that_the_chunker_allows_is_counted(lake: Lake) -> None:
    stored = table(lake, row("aa", truncated=True), row("bb"), row("cc", truncated=True))
    gates = embedding_gates(stored, KEYS, MODEL, allows_truncation=True)
    assert failed(gates) == {}
    assert gates[-1].metadata == {"failures": 0, "truncated": 2, "truncation_allowed": True}


def test_a_truncated_text_that_is_no_longer_wanted_does_not_matter(lake: Lake) -> None:
    stored = table(lake, *map(row, KEYS), row("old", truncated=True))
    assert failed(embedding_gates(stored, KEYS, MODEL, allows_truncation=False)) == {}


def test_several_faults_are_found_together(lake: Lake) -> None:
    stored = table(lake, row("aa", [np.nan] * 4), row("cc", [2.0, 0.0, 0.0, 0.0], fingerprint="0" * 64))
    expected = {"complete": ["bb"], "finite": ["aa"], "unit_length": ["cc"], "one_fingerprint": ["cc"]}
    assert failed(embedding_gates(stored, KEYS, MODEL, allows_truncation=False)) == expected


def test_the_writer_takes_no_nan(lake: Lake) -> None:
    writer = lake.writer("c.embeddings", schemas.embeddings(4))
    with pytest.raises(LakeError, match="Vector column 'vector' has NaNs"):
        writer.upsert_rows([row("aa"), row("bb", [np.nan] * 4)])
    assert writer.staged().count() == 0
