"""A small keyed table that the tests of the lake write to."""

from collections.abc import Mapping

import pyarrow as pa

from llmops_pipelines.storage import Lake, Snapshot, Sync, Writer
from llmops_pipelines.storage.schemas import ROW_HASH, key_field

NOTES = pa.schema([key_field("note"), pa.field("text", pa.string(), nullable=False), ROW_HASH])


def staged(lake: Lake, notes: Mapping[str, str]) -> tuple[Writer, Sync]:
    """Make the table `notes` equal to `notes` without publishing it."""
    writer = lake.writer("notes", NOTES)
    sync = Sync(writer, lake.published("notes"))
    for note, text in notes.items():
        sync.put({"note": note, "text": text})
    sync.finish()
    return writer, sync


def published(lake: Lake, notes: Mapping[str, str]) -> Snapshot:
    """Make the table `notes` equal to `notes` and publish it."""
    writer, sync = staged(lake, notes)
    return writer.publish(sync.data_version, "inputs", {"notes": len(notes)})


def texts(snapshot: Snapshot) -> dict[str, str]:
    rows = list(snapshot.rows(["note", "text"]))
    found = {row["note"]: row["text"] for row in rows}
    assert len(found) == len(rows), "a key occurs twice"
    return found
