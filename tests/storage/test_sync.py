"""Sync against a plain dictionary: the table equals the target, and the counts are those of a dictionary diff."""

from hypothesis import given, settings
from hypothesis import strategies as st
from pytest import TempPathFactory, raises

from llmops_pipelines.storage import Lake, Sync, SyncCounts
from llmops_pipelines.storage.sync import BATCH_ROWS
from tests.storage.notes import NOTES, published, staged, texts

KEYS = ["a", "b", "it's", 'say "hi"', "page#1", "page#10", "漢字", "e\u0301", "é", "100%", "\\", ""]
TARGETS = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(["one", "two", "it's"]), max_size=8)


def difference(before: dict[str, str], after: dict[str, str]) -> dict[str, set[str]]:
    return {
        "added": {key for key in after if key not in before},
        "changed": {key for key in after if key in before and before[key] != after[key]},
        "deleted": {key for key in before if key not in after},
        "unchanged": {key for key in after if key in before and before[key] == after[key]},
    }


@settings(deadline=None, max_examples=80)
@given(runs=st.lists(st.tuples(TARGETS, st.booleans()), min_size=1, max_size=4))
def test_table_and_counts_follow_the_model(tmp_path_factory: TempPathFactory, runs):
    lake = Lake(str(tmp_path_factory.mktemp("lake")))
    readers_see: dict[str, str] = {}
    for target, publish in runs:
        writer, sync = staged(lake, target)
        assert texts(writer.staged()) == target
        expected = difference(readers_see, target)
        assert {change: getattr(sync.counts, change) for change in expected} == {k: len(v) for k, v in expected.items()}
        for change in ("added", "changed", "deleted"):
            shown = sync.counts.examples.get(change, [])
            assert len(shown) == min(5, len(expected[change]))
            assert set(shown) <= expected[change]
        if publish:
            writer.publish(sync.data_version, "inputs", {})
            readers_see = target
        snapshot = lake.published("notes")
        assert (texts(snapshot) if snapshot else {}) == readers_see


def test_data_version_depends_on_content_and_not_on_order_or_history(lake: Lake, tmp_path):
    notes = {"a": "one", "b": "two", "c": "three"}
    version = published(lake, notes).data_version
    elsewhere = Lake(str(tmp_path / "elsewhere"))
    assert published(elsewhere, {"b": "old", "d": "gone"}).data_version != version
    assert published(elsewhere, dict(reversed(notes.items()))).data_version == version
    assert published(elsewhere, {**notes, "c": "3"}).data_version != version


def test_kept_rows_stay_as_they_are_and_count_against_the_published_version(lake: Lake):
    published(lake, {"a": "one", "b": "two", "c": "three"})
    staged(lake, {"a": "one", "b": "changed", "d": "new"})
    writer = lake.writer("notes", NOTES)
    sync = Sync(writer, lake.published("notes"))
    assert [sync.is_stored_as_published(key) for key in "abcd"] == [True, False, False, False]
    for key in "abd":
        sync.keep(key)
    counts = sync.finish()
    assert texts(writer.staged()) == {"a": "one", "b": "changed", "d": "new"}
    assert counts == SyncCounts(
        added=1, changed=1, deleted=1, unchanged=1, examples={"changed": ["b"], "added": ["d"], "deleted": ["c"]}
    )


def test_gone_names_the_stored_keys_outside_the_target(lake: Lake):
    published(lake, {"a": "one", "c": "three", "b": "two"})
    sync = Sync(lake.writer("notes", NOTES), lake.published("notes"))
    sync.put({"note": "b", "text": "other"})
    assert sync.gone() == ["a", "c"]


def test_a_key_that_occurs_twice_in_one_sync_is_refused(lake: Lake):
    sync = Sync(lake.writer("notes", NOTES), None)
    sync.put({"note": "a", "text": "one"})
    with raises(ValueError, match="table notes: key 'a' occurs twice in one sync"):
        sync.put({"note": "a", "text": "one"})


def test_a_sync_that_was_killed_is_resumed_with_the_rows_that_are_missing(lake: Lake):
    rows = [{"note": f"{number:05}", "text": "text"} for number in range(2 * BATCH_ROWS + 10)]
    killed = Sync(lake.writer("notes", NOTES), None)
    for row in rows:
        killed.put(row)

    writer = lake.writer("notes", NOTES)
    committed, version = writer.staged().count(), writer.staged().version
    assert committed == 2 * BATCH_ROWS
    sync = Sync(writer, None)
    for row in rows:
        sync.put(row)
    assert sync.finish().added == len(rows)
    assert writer.staged().count() == len(rows)
    assert writer.staged().version == version + 1


def test_an_unchanged_target_writes_nothing(lake: Lake):
    before = published(lake, {"a": "one", "b": "two"})
    writer, sync = staged(lake, {"b": "two", "a": "one"})
    assert writer.staged().version == before.version
    assert sync.counts == SyncCounts(unchanged=2)
