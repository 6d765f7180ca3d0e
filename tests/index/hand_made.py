"""Builds an index from tables that are made by hand: clean documents, chunks and embeddings in the lake's own schemas."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from llmops_pipelines.index.build import IndexReport, IndexSettings, build_index
from llmops_pipelines.index.search import SearchIndex
from llmops_pipelines.storage import Lake, Snapshot, Sync, schemas
from llmops_pipelines.storage.identity import text_hash

FINGERPRINT = "f" * 64
DIMENSION = 16


def unit_vector(text: str, dimension: int = DIMENSION) -> np.ndarray:
    """A direction that depends on the text alone."""
    direction = np.random.default_rng(int(text_hash(text)[:12], 16)).normal(size=dimension)
    return (direction / np.linalg.norm(direction)).astype(np.float32)


def write(lake: Lake, table: str, schema: pa.Schema, rows: Iterable[dict[str, Any]]) -> Snapshot:
    """Make a table that has row hashes equal to `rows`, and publish it."""
    writer = lake.writer(table, schema)
    sync = Sync(writer, lake.published(table))
    for row in rows:
        sync.put(row)
    sync.finish()
    return writer.publish(sync.data_version, "by hand", {})


def embedding_row(content_hash: str, vector: np.ndarray, **changed: Any) -> dict[str, Any]:
    row = {"content_hash": content_hash, "vector": vector, "tokens": 5, "truncated": False}
    return {**row, "fingerprint": FINGERPRINT, "numerics": "by hand", **changed}


@dataclass
class HandMade:
    """A corpus: the passages of each document, and what searches filter by (`about`, by document)."""

    lake: Lake
    dimension: int = DIMENSION
    fingerprint: str = FINGERPRINT
    vector_of: Callable[[str], np.ndarray] | None = None
    about: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def vector(self, text: str) -> np.ndarray:
        return self.vector_of(text) if self.vector_of else unit_vector(text, self.dimension)

    def source(self, passages: Mapping[str, Sequence[str]]) -> Snapshot:
        """The documents as their source has them; `about` may give other versions than those of their texts."""
        rows = [
            {
                "doc_id": doc_id,
                "version": text_hash("\n\n".join(texts)),
                "collection": "all",
                "parent": doc_id,
                "kind": "page",
                "title": doc_id.title(),
                "aliases": [],
                "text": "\n\n".join(texts),
                "bytes": len("\n\n".join(texts).encode()),
            }
            for doc_id, texts in passages.items()
        ]
        changed = [{**row, **{k: v for k, v in self.about.get(row["doc_id"], {}).items() if k in row}} for row in rows]
        return write(self.lake, "c.documents", schemas.DOCUMENTS, changed)

    def documents(self, passages: Mapping[str, Sequence[str]]) -> Snapshot:
        rows = [
            {
                "doc_id": doc_id,
                "collection": "all",
                "parent": doc_id,
                "kind": "page",
                "title": doc_id.title(),
                "aliases": [],
                "text": "\n\n".join(texts),
                "language": "en",
                "repairs": [],
                "dropped": None,
                "detail": None,
                "input_hash": "",
                **{name: value for name, value in self.about.get(doc_id, {}).items() if name != "version"},
            }
            for doc_id, texts in passages.items()
        ]
        return write(self.lake, "c.clean_documents", schemas.CLEAN_DOCUMENTS, rows)

    def chunks(self, passages: Mapping[str, Sequence[str]]) -> Snapshot:
        rows = [
            {
                "chunk_id": f"{doc_id}#{ordinal}",
                "doc_id": doc_id,
                "ordinal": ordinal,
                "start": 0,
                "end": len(text),
                "text": text,
                "content_hash": text_hash(text),
                "tokens": 5,
                "document_hash": text_hash("\n\n".join(texts)),
                "chunker": "by hand",
            }
            for doc_id, texts in passages.items()
            for ordinal, text in enumerate(texts)
        ]
        return write(self.lake, "c.chunks", schemas.CHUNKS, rows)

    def embeddings(self, passages: Mapping[str, Sequence[str]]) -> Snapshot:
        writer = self.lake.writer("c.embeddings", schemas.embeddings(self.dimension))
        distinct = {text_hash(text): text for texts in passages.values() for text in texts}
        writer.upsert_rows(
            [embedding_row(key, self.vector(text), fingerprint=self.fingerprint) for key, text in distinct.items()]
        )
        return writer.publish("", "by hand", {})

    def build(
        self, passages: Mapping[str, Sequence[str]], settings: IndexSettings | None = None, table: str = "c.index"
    ) -> tuple[IndexReport, SearchIndex]:
        """Bring the index in line with `passages`, publish it, and open it."""
        settings = settings or IndexSettings()
        writer = self.lake.writer(table, schemas.vector_index(self.dimension))
        report = build_index(
            self.chunks(passages),
            self.documents(passages),
            self.embeddings(passages),
            self.fingerprint,
            settings,
            writer,
            self.lake.published(table),
        )
        return report, SearchIndex(writer.publish(report.data_version, "by hand", report.as_dict()), settings)
