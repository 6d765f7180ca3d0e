"""Whole tables without a key: replaced and read as one."""

import pandas as pd
import pyarrow as pa
import pytest

from llmops_pipelines.storage import Lake, LakeError
from llmops_pipelines.storage.frames import read_frame, write_frame

FRAME = pa.table(
    {
        "name": ["naïve", None, "it's"],
        "count": pa.array([1, 2, None], pa.int64()),
        "tags": [["a", "b"], [], None],
        "seen": pa.array([0, 1, 2], pa.timestamp("us", tz="UTC")),
    }
)


def test_a_frame_is_read_as_it_was_written(lake: Lake):
    snapshot = write_frame(lake, "frame", FRAME)
    assert read_frame(lake, "frame").equals(FRAME)
    assert snapshot.count() == 3
    assert snapshot.schema.names == FRAME.schema.names


def test_the_metadata_of_pandas_does_not_stay(lake: Lake):
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    write_frame(lake, "frame", pa.Table.from_pandas(frame, preserve_index=False))
    found = read_frame(lake, "frame")
    assert found.schema.metadata is None
    assert found.to_pydict() == {"a": [1, 2], "b": ["x", "y"]}


def test_a_frame_replaces_the_one_before_also_with_other_columns(lake: Lake):
    first = write_frame(lake, "frame", FRAME)
    other = pa.table({"only": [1.5]})
    second = write_frame(lake, "frame", other)
    assert read_frame(lake, "frame").equals(other)
    assert second.version > first.version
    assert lake.at("frame", first.version).arrow().to_pydict() == FRAME.to_pydict()


def test_a_snapshot_that_is_held_does_not_change(lake: Lake):
    held = write_frame(lake, "frame", FRAME)
    write_frame(lake, "frame", pa.table({"only": [1.5]}))
    assert held.arrow().to_pydict() == FRAME.to_pydict()


def test_an_empty_frame_has_columns_and_no_rows(lake: Lake):
    empty = FRAME.slice(0, 0)
    write_frame(lake, "frame", empty)
    assert read_frame(lake, "frame").equals(empty)


def test_a_frame_that_is_not_there_is_a_lake_error_that_says_so(lake: Lake):
    with pytest.raises(LakeError, match=r"there is no published table frame in the lake .*: materialise the asset"):
        read_frame(lake, "frame")
