"""Vectors between numpy and the columns of a table."""

from typing import Any

import pyarrow as pa


def vector_array(column: pa.Array | pa.ChunkedArray) -> Any:
    """A fixed-size list column as a float32 array of shape (rows, dimension)."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return array.flatten().to_numpy(zero_copy_only=False).reshape(len(array), array.type.list_size)


def vector_column(vectors: Any) -> pa.Array:
    """An array of shape (rows, dimension) as a fixed-size list column."""
    return pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), vectors.shape[1])
