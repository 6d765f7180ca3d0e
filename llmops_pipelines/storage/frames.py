"""Whole tables without a key: what an engineer's own asset makes. Replaced and published as one."""

import hashlib

import pyarrow as pa

from llmops_pipelines.storage.errors import LakeError, explained
from llmops_pipelines.storage.lake import Lake
from llmops_pipelines.storage.snapshot import Snapshot
from llmops_pipelines.storage.writer import publish_table


def write_frame(lake: Lake, name: str, frame: pa.Table) -> Snapshot:
    """Replace table `name` by `frame` and publish it; readers see the old rows until then."""
    with explained(f"write {len(frame)} rows to table {name}", lake.uri):
        table = lake.database.create_table(name, frame.replace_schema_metadata(None), mode="overwrite")
        identity = {"data_version": _frame_hash(frame), "inputs": "", "summary": "{}"}
        publish_table(table, identity)
    published = lake.published(name)
    assert published is not None
    return published


def _frame_hash(frame: pa.Table) -> str:
    digest = hashlib.sha256(str(frame.schema.remove_metadata()).encode())
    for batch in frame.combine_chunks().to_batches():
        digest.update(batch.replace_schema_metadata(None).serialize())
    return digest.hexdigest()


def read_frame(lake: Lake, name: str) -> pa.Table:
    """The published rows of table `name`. Raises LakeError where there is no such table."""
    snapshot = lake.published(name)
    if snapshot is None:
        raise LakeError(f"there is no published table {name} in the lake {lake.uri}: materialise the asset first")
    return snapshot.arrow().replace_schema_metadata(None)
