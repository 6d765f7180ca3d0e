"""Maintenance of a table: fewer files and versions, the same rows for every reader, nothing lost beside a writer."""

import datetime
import multiprocessing
import os
import signal
from multiprocessing.synchronize import Barrier

import pytest

from llmops_pipelines.storage import Lake, Snapshot
from llmops_pipelines.storage import maintenance as module
from llmops_pipelines.storage.maintenance import maintain, table_size, values_held
from llmops_pipelines.storage.writer import point_tag
from tests.storage.notes import NOTES, published, staged, texts

NOW = datetime.datetime.now(datetime.UTC)
WEEK = datetime.timedelta(days=7)
WITHIN, AFTER = NOW - WEEK, NOW + WEEK  # versions of this test are newer than the first and older than the second


def notes(number: int) -> dict[str, str]:
    return {f"note {i}": f"text {i}" for i in range(number)}


def reader(lake: Lake) -> Snapshot:
    snapshot = lake.published("notes")
    assert snapshot is not None
    return snapshot


@pytest.fixture
def grown(lake: Lake) -> Lake:
    """A table that was published four times, the second of them tagged by a release."""
    for number in (3, 6, 9, 12):
        snapshot = published(lake, notes(number))
        if number == 6:
            point_tag(lake.database.open_table("notes"), "release-2", snapshot.version)
    return lake


def fragments(lake: Lake) -> int:
    return len(reader(lake).table.to_lance().get_fragments())  # type: ignore[attr-defined]


def test_readers_get_the_same_rows_identity_and_inputs_from_fewer_files(grown: Lake) -> None:
    before = reader(grown)
    assert fragments(grown) > 1
    done = maintain(grown, "notes", WITHIN)
    after = reader(grown)
    assert done.note == ""
    assert fragments(grown) == 1
    assert after.version > before.version
    assert (after.data_version, after.inputs, after.summary) == (before.data_version, before.inputs, before.summary)
    assert texts(after) == texts(before) == notes(12)


def test_within_the_window_every_version_stays(grown: Lake) -> None:
    before = table_size(grown, "notes")
    assert maintain(grown, "notes", WITHIN).after.versions > before.versions
    assert texts(grown.at("notes", 2)) == notes(3)


def test_after_the_window_tagged_and_named_versions_stay(grown: Lake) -> None:
    named = reader(grown).version - 1
    maintain(grown, "notes", WITHIN)
    done = maintain(grown, "notes", AFTER, named={named})
    assert done.after.versions == 3
    assert done.after.bytes < done.before.bytes
    [release, still] = grown.all_tagged("notes")
    assert texts(release) == notes(6)
    assert texts(still) == notes(12)
    assert texts(grown.at("notes", named)) == notes(12)


def test_the_window_begins_when_another_version_takes_the_place(grown: Lake) -> None:
    """Who opened the published version before maintenance may still be reading it, however old it is."""
    held = reader(grown)
    maintain(grown, "notes", datetime.datetime.now(datetime.UTC))
    assert held.version < reader(grown).version
    assert texts(grown.at("notes", held.version)) == notes(12)


def test_maintained_and_cleaned_of_that_there_is_nothing_to_do(grown: Lake) -> None:
    maintain(grown, "notes", AFTER)
    maintain(grown, "notes", AFTER)  # what the first replaced
    again = maintain(grown, "notes", AFTER)
    assert again.before == again.after
    assert (again.note, again.deleted) == ("", 0)


def test_what_was_staged_and_not_published_is_not_compacted(grown: Lake) -> None:
    before = reader(grown)
    staged(grown, {**notes(12), "unvalidated": "row"})
    fragments_before = fragments(grown)
    done = maintain(grown, "notes", AFTER)
    assert done.note == "something was staged in it and not published"
    assert done.after.versions < done.before.versions
    assert fragments(grown) == fragments_before > 1
    assert reader(grown).version == before.version
    assert texts(grown.writer("notes", NOTES).stored()) == {**notes(12), "unvalidated": "row"}


def test_a_table_of_which_nothing_is_published_is_left_alone(lake: Lake) -> None:
    staged(lake, notes(3))
    assert maintain(lake, "notes", AFTER).note == "nothing of it is published"


def test_values_are_those_of_every_version_there_is(grown: Lake) -> None:
    published(grown, {"last": "one"})
    assert values_held(grown, "notes", "note") == {*notes(12), "last"}
    maintain(grown, "notes", AFTER)
    assert values_held(grown, "notes", "note") == {*notes(6), "last"}


def test_rows_whose_key_is_not_held_are_deleted(grown: Lake) -> None:
    before = reader(grown)
    done = maintain(grown, "notes", WITHIN, held=lambda: {*notes(11), "elsewhere"})
    assert done.deleted == 1
    after = reader(grown)
    assert texts(after) == notes(11)
    assert (after.inputs, after.data_version) == (before.inputs, before.data_version)
    assert maintain(grown, "notes", WITHIN, held=lambda: {*notes(11)}).deleted == 0


def test_deletions_that_a_killed_run_left_are_taken_over(grown: Lake) -> None:
    grown.writer("notes", NOTES).delete(["note 11"])
    assert maintain(grown, "notes", WITHIN, held=lambda: {*notes(10)}).deleted == 2
    assert texts(reader(grown)) == notes(10)


def test_deletions_of_rows_that_are_held_are_not_taken_over(grown: Lake) -> None:
    grown.writer("notes", NOTES).delete(["note 3"])
    done = maintain(grown, "notes", WITHIN, held=lambda: {*notes(10)})
    assert (done.deleted, done.note) == (0, "something was staged in it and not published")
    assert texts(reader(grown)) == notes(12)


def write_on(uri: str, together: Barrier) -> None:
    writer = Lake(uri).writer("notes", NOTES)
    together.wait(timeout=120)
    for i in range(100, 160):
        writer.upsert_rows([{"note": f"note {i}", "text": "new", "row_hash": "new"}])
        writer.upsert_rows([{"note": f"note {i % 12}", "text": f"text {i % 12}", "row_hash": f"again {i}"}])


def test_a_writer_beside_it_loses_no_row_and_publishes_nothing(grown: Lake) -> None:
    before = reader(grown)
    context = multiprocessing.get_context("spawn")
    together = context.Barrier(2)
    process = context.Process(target=write_on, args=(grown.uri, together))
    process.start()
    together.wait(timeout=120)
    notes_seen = set()
    while process.is_alive():
        notes_seen.add(maintain(grown, "notes", WITHIN).note)
    process.join()
    assert process.exitcode == 0
    found = texts(grown.writer("notes", NOTES).stored())
    assert found.keys() == notes(12).keys() | {f"note {i}" for i in range(100, 160)}
    assert texts(reader(grown)) == texts(before)
    assert notes_seen - {""}


def kill_in_the_middle(uri: str, step: str, call: int) -> None:
    """Dies where `step` is called for the time number `call`."""
    undisturbed, calls = getattr(module, step), []

    def die(*arguments: object) -> object:
        calls.append(arguments)
        if len(calls) == call:
            os.kill(os.getpid(), signal.SIGKILL)
        return undisturbed(*arguments)

    setattr(module, step, die)
    maintain(Lake(uri), "notes", AFTER, held=lambda: {*notes(11)})


# Between two steps: cleaned, rows deleted, readers have that, compacted.
@pytest.mark.parametrize(
    ("step", "call", "read"),
    [("_delete_unheld", 1, 12), ("_move_tag", 1, 12), ("_compact", 1, 11), ("_move_tag", 2, 11)],
)
def test_killed_in_the_middle_everything_is_readable_and_the_next_run_goes_on(
    grown: Lake, step: str, call: int, read: int
) -> None:
    before = reader(grown)
    process = multiprocessing.get_context("spawn").Process(target=kill_in_the_middle, args=(grown.uri, step, call))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert texts(reader(grown)) == notes(read)
    assert reader(grown).data_version == before.data_version
    assert next(len(texts(snapshot)) for snapshot in grown.all_tagged("notes")) == 6
    done = maintain(grown, "notes", AFTER, held=lambda: {*notes(11)})
    assert done.note == ""
    assert texts(reader(grown)) == notes(11)
    assert maintain(grown, "notes", AFTER).after.versions == 2
