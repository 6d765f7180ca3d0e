"""Whether two lakes hold the same: every table as readers see it, row for row, in whatever order the rows are stored."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from llmops_pipelines.embedding.vectors import vector_array
from llmops_pipelines.storage import Lake, Snapshot
from llmops_pipelines.storage.schemas import key_column

# Times, who ran it, the number of a version, and hashes over these are of one run; some tables have a row a run.
OF_ONE_RUN = {"seconds", "at", "requested_by", "index_version", "verdict_id", "previous", "digest"}
ROW_A_RUN = ("embedding_runs", "verdicts")
APPENDED = ("releases",)  # nothing of them is published: readers see the newest version


def differences(one: Lake, other: Lake, tolerance: float = 0.0) -> list[str]:
    """What readers of the published tables could tell apart, in words. Vectors may differ by `tolerance` a component."""
    found = [f"{name} is in one lake only" for name in sorted(set(one.names()) ^ set(other.names()))]
    for name in sorted(set(one.names()) & set(other.names())):
        stage = name.split(".")[1]
        if stage in APPENDED:
            snapshots = one.newest(name), other.newest(name)
        else:
            snapshots = one.published(name), other.published(name)
        if snapshots[0] is None or snapshots[1] is None:
            one_only = snapshots[0] is not snapshots[1] and stage not in ROW_A_RUN
            found += [f"{name} is published in one lake only"] if one_only else []
        elif stage not in ROW_A_RUN:
            found += _differing(name, snapshots[0], snapshots[1], tolerance)
    return found


def _differing(name: str, one: Snapshot, other: Snapshot, tolerance: float) -> list[str]:
    identities = ("data_version", "inputs") if one.has_identity else ()
    found = [f"{name}: another {what}" for what in identities if getattr(one, what) != getattr(other, what)]
    rows = sorted_rows(one), sorted_rows(other)
    columns = differing_columns(*rows, tolerance)
    return found + [f"{name}: {len(rows[0])} and {len(rows[1])} rows differ in {', '.join(columns)}"] * bool(columns)


def sorted_rows(snapshot: Snapshot) -> pa.Table:
    """All rows and columns but those of one run, in the order of the key."""
    columns = [column for column in snapshot.schema.names if column not in OF_ONE_RUN]
    return snapshot.arrow(columns).sort_by(key_column(snapshot.schema)).replace_schema_metadata(None)


def differing_columns(one: pa.Table, other: pa.Table, tolerance: float = 0.0) -> Sequence[str]:
    """The columns in which two tables differ, row by row; all where they have not as many rows."""
    if len(one) != len(other) or one.schema.names != other.schema.names:
        return one.schema.names
    return [name for name in one.schema.names if not _same(one[name], other[name], tolerance)]


def _same(one: pa.ChunkedArray, other: pa.ChunkedArray, tolerance: float) -> bool:
    if pa.types.is_fixed_size_list(one.type):
        vectors = vector_array(one), vector_array(other)
        return vectors[0].shape == vectors[1].shape and bool(np.all(np.abs(vectors[0] - vectors[1]) <= tolerance))
    return one.equals(other)
