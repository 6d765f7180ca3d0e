"""Damage done to tables behind the writer's back: by the store's own functions, and published by moving the tag."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from llmops_pipelines.embedding.vectors import vector_array
from llmops_pipelines.storage import Lake
from llmops_pipelines.storage.writer import PUBLISHED, point_tag


def append(table: Any, rows: pa.Table) -> None:
    """Add rows whatever their keys are, by the store's own append."""
    import lance

    lance.write_dataset(rows.cast(table.schema), table.to_lance().uri, mode="append")
    table.checkout_latest()


def replace_vector(lake: Lake, name: str, where: str, change: Callable[[np.ndarray], np.ndarray]) -> None:
    """Change the vectors of the rows `where`."""
    table = lake.database.open_table(name)
    rows = table.to_lance().to_table(filter=where)
    vectors = change(vector_array(rows["vector"])).astype(np.float32)
    column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), vectors.shape[1])
    table.delete(where)
    append(table, rows.set_column(rows.schema.get_field_index("vector"), rows.schema.field("vector"), column))


def replace_column(lake: Lake, name: str, where: str, column: str, value: str) -> None:
    """Set a column of the rows `where`, and leave their `row_hash`."""
    lake.database.open_table(name).update(where, {column: value})


def copy_row(lake: Lake, name: str, where: str, **changed: str) -> None:
    """Append a copy of the row `where`, under another key where `changed` says so."""
    table = lake.database.open_table(name)
    rows = table.to_lance().to_table(filter=where).to_pylist()
    append(table, pa.Table.from_pylist([{**row, **changed} for row in rows], schema=table.schema))


def publish_as_it_is(lake: Lake, name: str) -> int:
    """Show readers the newest version, whatever is in it."""
    table = lake.database.open_table(name)
    table.checkout_latest()
    point_tag(table, PUBLISHED, table.version)
    return table.version
