"""The tables that an index is built from, written of made rows: one document a row, one chunk a document."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pyarrow as pa

from benchmarks.search.making import Block
from llmops_pipelines.embedding.vectors import vector_column
from llmops_pipelines.storage import schemas
from llmops_pipelines.storage.identity import text_hash
from llmops_pipelines.storage.lake import Lake
from llmops_pipelines.storage.snapshot import Snapshot

if TYPE_CHECKING:
    import numpy as np

NAMES = ("clean_documents", "chunks", "embeddings")


def chunk_id(number: int) -> str:
    return f"row-{number:07}#0"


def number_of(chunk_id: str) -> int:
    """The number of the row that `chunk_id` names."""
    return int(chunk_id.removeprefix("row-").removesuffix("#0"))


def write(lake: Lake, blocks: Iterable[Block], fingerprint: str) -> None:
    """Insert or replace the rows of `blocks` in the three tables."""
    for block in blocks:
        numbers = range(block.start, block.start + len(block.texts))
        write_rows(lake, list(numbers), block.texts, block.collections, block.vectors, fingerprint)


def write_rows(
    lake: Lake, numbers: list[int], texts: list[str], collections: list[str], vectors: "np.ndarray", fingerprint: str
) -> None:
    """Insert or replace the rows `numbers`. Columns that no index is built from are left empty."""
    size = len(numbers)
    hashes = [text_hash(text) for text in texts]
    names = [f"row-{number:07}" for number in numbers]
    tables = {
        "clean_documents": {
            "doc_id": names,
            "collection": collections,
            "parent": names,
            "kind": ["page"] * size,
            "title": names,
            "aliases": [[]] * size,
            "text": [""] * size,
            "language": ["en"] * size,
            "repairs": [[]] * size,
            "dropped": [None] * size,
            "detail": [None] * size,
            "input_hash": [""] * size,
            "row_hash": [""] * size,
        },
        "chunks": {
            "chunk_id": [chunk_id(number) for number in numbers],
            "doc_id": names,
            "ordinal": [0] * size,
            "start": [0] * size,
            "end": [len(text) for text in texts],
            "text": texts,
            "content_hash": hashes,
            "tokens": [0] * size,
            "document_hash": hashes,
            "chunker": [""] * size,
            "row_hash": [""] * size,
        },
    }
    for name, columns in tables.items():
        schema = schemas.CLEAN_DOCUMENTS if name == "clean_documents" else schemas.CHUNKS
        lake.writer(name, schema).upsert(pa.table(columns, schema=schema))
    distinct = list(dict(zip(hashes, range(size), strict=True)).values())
    schema = schemas.embeddings(vectors.shape[1])
    rows = pa.table(
        {
            "content_hash": [hashes[i] for i in distinct],
            "vector": vector_column(vectors[distinct]),
            "tokens": pa.array([0] * len(distinct), pa.int32()),
            "truncated": [False] * len(distinct),
            "fingerprint": [fingerprint] * len(distinct),
            "numerics": ["made"] * len(distinct),
        },
        schema=schema,
    )
    lake.writer("embeddings", schema).upsert(rows)


def upstream(lake: Lake) -> dict[str, Snapshot]:
    """What an index is built from, by the names of the arguments of `build_index`."""
    found = {name: lake.newest(name) for name in NAMES}
    snapshots = {name.removeprefix("clean_"): snapshot for name, snapshot in found.items() if snapshot}
    assert len(snapshots) == len(NAMES)
    return snapshots
