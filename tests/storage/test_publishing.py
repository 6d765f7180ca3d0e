"""What readers see: the published version, whatever is staged beside it, until the tag moves."""

import pytest

from llmops_pipelines.storage import Lake, LakeError
from llmops_pipelines.storage.writer import PUBLISHED, point_tag
from tests.storage.notes import NOTES, published, staged, texts


def test_nothing_is_published_before_the_first_publish(lake: Lake):
    assert lake.published("notes") is None
    writer, _ = staged(lake, {"a": "one"})
    assert lake.published("notes") is None
    assert lake.names() == ["notes"]
    assert texts(writer.staged()) == {"a": "one"}


def test_a_published_snapshot_says_what_it_is_and_what_it_was_made_from(lake: Lake):
    writer, sync = staged(lake, {"a": "one"})
    summary = {"rows": 1, "by_kind": {"naïve “quotes”": [1, None, 0.5]}}
    returned = writer.publish(sync.data_version, "made from this", summary)
    found = lake.published("notes")
    assert found is not None
    for snapshot in (returned, found):
        assert snapshot.data_version == sync.data_version
        assert snapshot.inputs == "made from this"
        assert snapshot.summary == summary
        assert snapshot.name == "notes"
    assert returned.version == found.version


def test_readers_see_the_published_rows_while_others_are_staged(lake: Lake):
    held = published(lake, {"a": "one", "b": "two"})
    writer, sync = staged(lake, {"b": "changed", "c": "three"})
    fresh = Lake(lake.uri).published("notes")
    assert fresh is not None
    for snapshot in (held, fresh):
        assert texts(snapshot) == {"a": "one", "b": "two"}
        assert snapshot.count() == 2
        assert snapshot.count("text = 'two'") == 1

    after = writer.publish(sync.data_version, "inputs", {})
    assert texts(after) == {"b": "changed", "c": "three"}
    assert texts(held) == {"a": "one", "b": "two"}
    assert held.data_version != after.data_version


def test_an_older_version_stays_readable_with_what_was_said_of_it(lake: Lake):
    first = published(lake, {"a": "one"})
    published(lake, {"a": "two", "b": "two"})
    again = lake.at("notes", first.version)
    assert texts(again) == {"a": "one"}
    assert (again.data_version, again.summary) == (first.data_version, {"notes": 1})


def test_a_tag_is_made_moved_and_moved_back(lake: Lake):
    first = published(lake, {"a": "one"})
    second = published(lake, {"a": "two"})
    table = lake.database.open_table("notes")
    assert table.tags.get_version(PUBLISHED) == second.version
    point_tag(table, "kept", first.version)
    point_tag(table, "kept", second.version)
    point_tag(table, PUBLISHED, first.version)
    assert table.tags.get_version("kept") == second.version
    back = lake.published("notes")
    assert back is not None
    assert (back.version, texts(back)) == (first.version, {"a": "one"})


def test_publishing_again_without_a_change_keeps_the_data_version(lake: Lake):
    first = published(lake, {"a": "one"})
    second = published(lake, {"a": "one"})
    assert second.version > first.version
    assert second.data_version == first.data_version


def test_columns_and_rows_can_be_selected(lake: Lake):
    snapshot = published(lake, {f"{number:02}": "even" if number % 2 == 0 else "odd" for number in range(10)})
    assert sorted(row["note"] for row in snapshot.rows(["note"], "text = 'odd'")) == ["01", "03", "05", "07", "09"]
    assert snapshot.arrow(["text"]).column_names == ["text"]
    sizes = [len(batch) for batch in snapshot.batches(rows=4)]
    assert sum(sizes) == 10
    assert max(sizes) <= 4


def test_a_table_of_its_own_name_is_published_by_itself(lake: Lake):
    published(lake, {"a": "one"})
    other = lake.writer("other", NOTES)
    other.upsert_rows([{"note": "x", "text": "y", "row_hash": "z"}])
    other.publish("data", "inputs", {})
    snapshot = lake.published("notes")
    assert snapshot is not None
    assert texts(snapshot) == {"a": "one"}
    assert lake.names() == ["notes", "other"]


def test_one_commit_of_somebody_else_after_validation_is_not_published(lake: Lake):
    before = published(lake, {"a": "one"})
    writer, sync = staged(lake, {"a": "two"})
    writer.staged()
    staged(lake, {"a": "two", "b": "not validated"})
    with pytest.raises(LakeError, match="written by someone else"):
        writer.publish(sync.data_version, "inputs", {})
    after = lake.published("notes")
    assert after is not None
    assert (after.version, texts(after)) == (before.version, {"a": "one"})
