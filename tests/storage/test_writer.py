"""Writing a table: the declared key, upserts that may be repeated, deletions, and what a changed schema does."""

import pyarrow as pa
import pytest

from llmops_pipelines.storage import Lake, LakeError
from llmops_pipelines.storage import schemas as lake_schemas
from llmops_pipelines.storage.schemas import PRIMARY_KEY, ROW_HASH, key_column
from tests.storage.notes import NOTES, published, texts

SCHEMAS = [
    (lake_schemas.DOCUMENTS, "doc_id"),
    (lake_schemas.CLEAN_DOCUMENTS, "doc_id"),
    (lake_schemas.CHUNKS, "chunk_id"),
    (lake_schemas.embeddings(8), "content_hash"),
    (lake_schemas.vector_index(8), "chunk_id"),
    (lake_schemas.EVALUATION, "result_id"),
    (lake_schemas.RELEASES, "release_id"),
    (lake_schemas.VERDICTS, "verdict_id"),
]
WITH_AUTHOR = pa.schema([*NOTES, pa.field("author", pa.string())])


def row(note: str, text: str) -> dict[str, str]:
    return {"note": note, "text": text, "row_hash": "hash of " + text}


@pytest.mark.parametrize(("schema", "key"), SCHEMAS)
def test_every_table_declares_its_key(lake: Lake, schema: pa.Schema, key: str):
    assert key_column(schema) == key
    stored = lake.writer("table", schema).schema.field(key)
    assert stored.metadata[PRIMARY_KEY] == b"true"
    assert not stored.nullable


def test_a_schema_without_a_key_is_refused():
    with pytest.raises(ValueError, match=r"no primary key is declared among the columns \['text', 'row_hash'\]"):
        key_column(pa.schema([pa.field("text", pa.string()), ROW_HASH]))


def test_the_same_upsert_twice_leaves_one_row_a_key(lake: Lake):
    writer = lake.writer("notes", NOTES)
    for _ in range(3):
        writer.upsert_rows([row("a", "one"), row("b", "two")])
    assert list(writer.staged().rows()) == [row("a", "one"), row("b", "two")]


def test_an_upsert_replaces_rows_of_known_keys_and_adds_the_others(lake: Lake):
    writer = lake.writer("notes", NOTES)
    writer.upsert_rows([row("a", "one"), row("b", "two")])
    writer.upsert_rows([row("b", "three"), row("c", "four")])
    assert writer.column("text") == {"a": "one", "b": "three", "c": "four"}
    assert writer.column("note") == {"a": "a", "b": "b", "c": "c"}


def test_upserting_nothing_makes_no_version(lake: Lake):
    writer = lake.writer("notes", NOTES)
    version = writer.table.version
    writer.upsert_rows([])
    writer.delete([])
    assert writer.staged().version == version


ODD_KEYS = [
    "it's",
    "''",
    'a "quoted" word',
    "page#1",
    "100%",
    "_",
    "back\\slash",
    "ünï 漢字 👩‍🚀",
    "nul \x00",
    "",
    "a\nb",
]


@pytest.mark.parametrize("key", ODD_KEYS)
def test_exactly_the_named_key_is_deleted(lake: Lake, key: str):
    writer = lake.writer("notes", NOTES)
    writer.upsert_rows([row(odd, "text") for odd in ODD_KEYS])
    writer.delete([key])
    assert sorted(writer.column("note")) == sorted(set(ODD_KEYS) - {key})


def test_more_keys_than_one_commit_holds_are_deleted(lake: Lake):
    writer = lake.writer("notes", NOTES)
    writer.upsert_rows([row(f"{number:04}", "text") for number in range(1203)])
    writer.delete(f"{number:04}" for number in range(1201))
    assert sorted(writer.column("note")) == ["1201", "1202"]


def test_a_null_in_a_column_that_allows_none_is_refused(lake: Lake):
    writer = lake.writer("notes", NOTES)
    with pytest.raises(LakeError, match="'text' with null values to non-nullable"):
        writer.upsert_rows([{"note": "a", "text": None, "row_hash": "h"}])
    assert writer.staged().count() == 0


def test_opening_a_table_again_keeps_its_rows(lake: Lake):
    lake.writer("notes", NOTES).upsert_rows([row("a", "one")])
    assert lake.writer("notes", NOTES).column("text") == {"a": "one"}


def test_a_changed_schema_makes_the_table_anew_and_what_is_published_stays_readable(lake: Lake):
    before = published(lake, {"a": "one", "b": "two"})
    writer = lake.writer("notes", WITH_AUTHOR)
    assert writer.column("note") == {}
    writer.upsert_rows([{**row("a", "new"), "author": "Ada"}])

    still = lake.published("notes")
    assert still is not None
    assert (still.version, still.data_version, texts(still)) == (before.version, before.data_version, texts(before))
    assert still.schema.names == ["note", "text", "row_hash"]

    writer.publish("data", "inputs", {})
    after = lake.published("notes")
    assert after is not None
    assert list(after.rows()) == [{**row("a", "new"), "author": "Ada"}]
    assert texts(lake.at("notes", before.version)) == {"a": "one", "b": "two"}
