"""Opening a lake: names, lakes that are not there, and errors that name the lake and say what to do."""

from pathlib import Path

import pyarrow as pa
import pytest

from llmops_pipelines.storage import Lake, LakeError
from llmops_pipelines.storage.errors import explained
from llmops_pipelines.storage.frames import write_frame
from tests.storage.notes import NOTES, published, texts


@pytest.fixture
def unwritable(tmp_path: Path) -> Lake:
    """A lake in a folder that cannot be made, also not by root: its parent is a file."""
    (tmp_path / "file").write_text("not a folder")
    return Lake(str(tmp_path / "file" / "lake"))


def test_a_lake_that_is_not_there_is_empty_and_is_not_made_by_reading(tmp_path: Path):
    lake = Lake(str(tmp_path / "absent"))
    assert lake.names() == []
    assert lake.published("notes") is None
    assert not (tmp_path / "absent").exists()


def test_names_are_sorted_and_complete(lake: Lake):
    for name in ("b", "a", "c.d", "A_1"):
        lake.writer(name, NOTES)
    assert lake.names() == ["A_1", "a", "b", "c.d"]


def test_a_lake_that_cannot_be_written_is_named_in_the_error(unwritable: Lake):
    with pytest.raises(LakeError) as caught:
        unwritable.writer("notes", NOTES)
    assert f"in the lake {unwritable.uri}: " in str(caught.value)
    assert "LLMOPS_LAKE names another lake" in str(caught.value)
    assert caught.value.__cause__ is not None


def test_a_frame_for_a_lake_that_cannot_be_written_is_a_lake_error(unwritable: Lake):
    with pytest.raises(LakeError, match="file/lake"):
        write_frame(unwritable, "frame", pa.table({"a": [1]}))


def test_a_version_that_is_not_there_is_refused(lake: Lake):
    published(lake, {"a": "one"})
    with pytest.raises(LakeError, match=r"open version 99 of table notes .*Version 99 no longer exists"):
        lake.at("notes", 99)


def test_the_folder_of_a_creation_that_was_cut_short_is_no_table_and_in_nobodys_way(lake: Lake):
    transactions = Path(lake.uri) / "notes.lance" / "_transactions"
    transactions.mkdir(parents=True)  # the store writes the transaction first, the version after it
    (transactions / "0-cut-short.txn").write_bytes(b"")
    assert lake.newest("notes") is None
    assert lake.published("notes") is None
    assert lake.all_tagged("notes") == []
    assert texts(published(lake, {"a": "one"})) == {"a": "one"}


@pytest.mark.parametrize(
    "error",
    [OSError(28, "No space left on device"), RuntimeError("LanceError(IO): the quota (os error 122), x.rs:254:9")],
)
def test_a_full_disk_is_called_one(error: Exception):
    full = r"^cannot write in the lake x: the disk is full.* Make room there"
    with pytest.raises(LakeError, match=full) as caught, explained("write", "x"):
        raise error
    assert caught.value.__cause__ is error


def test_errors_of_the_store_are_explained_once():
    with pytest.raises(LakeError, match=r"^cannot outer in the lake x: no space\.") as caught, explained("outer", "x"):
        raise OSError("no space")
    assert isinstance(caught.value.__cause__, OSError)
    inner = LakeError("already explained")
    with pytest.raises(LakeError) as caught, explained("outer", "x"):
        raise inner
    assert caught.value is inner


def test_errors_of_the_caller_are_left_alone():
    with pytest.raises(KeyError), explained("outer", "x"):
        raise KeyError("mine")


def test_two_lakes_in_one_folder_tree_do_not_see_each_other(tmp_path: Path):
    one, other = Lake(str(tmp_path / "one")), Lake(str(tmp_path / "two"))
    published(one, {"a": "one"})
    assert other.names() == []
    assert one.names() == ["notes"]
