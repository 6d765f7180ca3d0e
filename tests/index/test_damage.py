"""Damage on disk is named by kind, and the next build makes the table right again, whatever its rows say of themselves."""

from collections.abc import Callable

import numpy as np
import pytest

from llmops_pipelines.index.damage import Damage, embedding_damage, index_damage
from llmops_pipelines.storage import Lake
from llmops_pipelines.storage.identity import text_hash
from tests.index.damaged import append, copy_row, publish_as_it_is, replace_column, replace_vector
from tests.index.hand_made import FINGERPRINT, HandMade, unit_vector

PASSAGES = {
    "bees": ["Bees live in colonies.", "Bees dance on the comb."],
    "tides": ["The moon pulls the sea.", "Spring tides are highest."],
}
BEES1 = "chunk_id = 'bees#1'"


def named(lake: Lake, name: str = "c.index") -> Damage:
    table, chunks = lake.published(name), lake.published("c.chunks")
    assert table is not None and chunks is not None
    if name == "c.index":
        return index_damage(table, chunks, FINGERPRINT, "published")
    return embedding_damage(name, table, chunks, FINGERPRINT)


DAMAGES: dict[str, tuple[Callable[[Lake], object], dict[str, list[str]]]] = {
    "rows deleted": (lambda lake: lake.database.open_table("c.index").delete(BEES1), {"missing": ["bees#1"]}),
    "a row of no chunk": (
        lambda lake: copy_row(lake, "c.index", BEES1, chunk_id="ghost#0"),
        {"orphaned": ["ghost#0"]},
    ),
    "another content hash": (
        lambda lake: replace_column(lake, "c.index", BEES1, "content_hash", text_hash("The moon pulls the sea.")),
        {"stale": ["bees#1"]},
    ),
    "another text": (lambda lake: replace_column(lake, "c.index", BEES1, "text", "Buy now!"), {"stale": ["bees#1"]}),
    "another model": (
        lambda lake: replace_column(lake, "c.index", BEES1, "fingerprint", "e" * 64),
        {"stale": ["bees#1"]},
    ),
    "a row twice": (lambda lake: copy_row(lake, "c.index", BEES1), {"repeated": ["bees#1"]}),
    "NaN": (lambda lake: replace_vector(lake, "c.index", BEES1, lambda v: v * np.nan), {"not_finite": ["bees#1"]}),
    "a zero vector": (lambda lake: replace_vector(lake, "c.index", BEES1, lambda v: v * 0), {"not_finite": ["bees#1"]}),
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_each_kind_of_damage_is_named_and_the_next_build_mends_it(lake: Lake, kind: str) -> None:
    made = HandMade(lake)
    sound, _ = made.build(PASSAGES)
    assert named(lake).found == {}
    damage, expected = DAMAGES[kind]
    damage(lake)
    publish_as_it_is(lake, "c.index")
    assert named(lake).found == expected

    report, index = made.build(PASSAGES)
    assert named(lake).found == {}
    assert report.data_version == sound.data_version
    assert (index.snapshot.count(), report.rows) == (4, 4)
    assert index.dense(unit_vector("Bees dance on the comb."), 1)[0].chunk_id == "bees#1"
    assert [hit.chunk_id for hit in index.full_text("dance", 5)] == ["bees#1"]
    assert index.full_text("buy", 5) == []


def test_a_vector_of_another_text_is_made_right_by_the_next_build(lake: Lake) -> None:
    """It is finite and of length 1: only the embeddings say that it is wrong."""
    made = HandMade(lake)
    made.build(PASSAGES)
    replace_vector(lake, "c.index", BEES1, lambda vector: unit_vector("something else")[None])
    report, index = made.build(PASSAGES)
    assert report.distrusted == 1
    assert index.dense(unit_vector("Bees dance on the comb."), 1)[0].score == pytest.approx(1.0)


def test_a_sound_table_is_trusted(lake: Lake) -> None:
    made = HandMade(lake)
    made.build(PASSAGES)
    report, _ = made.build({**PASSAGES, "bees": ["Bees live in colonies.", "Bees waggle."]})
    assert (report.distrusted, report.counts.changed, report.counts.unchanged) == (0, 1, 3)


def test_what_is_wrong_with_embeddings_is_named(lake: Lake) -> None:
    made = HandMade(lake)
    made.build(PASSAGES)
    one, two, three, four = (text_hash(text) for texts in PASSAGES.values() for text in texts)
    table = lake.database.open_table("c.embeddings")
    table.delete(f"content_hash = '{one}'")
    copy_row(lake, "c.embeddings", f"content_hash = '{two}'")
    replace_column(lake, "c.embeddings", f"content_hash = '{three}'", "fingerprint", "e" * 64)
    replace_vector(lake, "c.embeddings", f"content_hash = '{four}'", lambda vector: vector * np.nan)
    publish_as_it_is(lake, "c.embeddings")
    expected = {"missing": [one], "repeated": [two], "stale": [three], "not_finite": [four]}
    assert named(lake, "c.embeddings").found == expected


def test_many_wrong_rows_are_counted_and_the_first_are_named(lake: Lake) -> None:
    made = HandMade(lake)
    made.build({f"d{i:02}": [f"text {i}"] for i in range(30)})
    table = lake.database.open_table("c.index")
    rows = table.to_lance().to_table()
    table.delete("true")
    append(table, rows.slice(0, 2))
    publish_as_it_is(lake, "c.index")
    found = named(lake).as_dict()["found"]["missing"]
    assert found["count"] == 28
    assert len(found["first"]) == 20
