"""An index of one configuration on documents that it was not made of: what a fair comparison needs.

It is made in a lake of its own, begun as clones of the tables that there are, so that only what differs is done; nothing
that serves is touched, and it is gone when the comparison is made.
"""

import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from llmops_pipelines.corpus.chunking.chunk import chunk_documents
from llmops_pipelines.corpus.chunking.protocol import Chunker
from llmops_pipelines.corpus.cleaning.cleaner import Cleaner, clean_documents
from llmops_pipelines.embedding.embedder import Embedder
from llmops_pipelines.embedding.gates import discard_unusable
from llmops_pipelines.embedding.missing import embed_missing
from llmops_pipelines.index.build import IndexSettings, build_index
from llmops_pipelines.index.search import SearchIndex
from llmops_pipelines.storage import schemas
from llmops_pipelines.storage.lake import Lake
from llmops_pipelines.storage.snapshot import Snapshot


@dataclass(frozen=True)
class Rebuilt:
    """The index with the clean documents and chunks that it holds; `embedded` texts had no vector before."""

    index: SearchIndex
    documents: Snapshot
    chunks: Snapshot
    embedded: int


@dataclass(frozen=True)
class Begun:
    """What a rebuilt index begins as: an index with the clean documents and chunks that it was made of, and vectors."""

    index: Snapshot
    documents: Snapshot
    chunks: Snapshot
    embeddings: Snapshot


@contextmanager
def rebuilt(
    begun: Begun,
    source: Snapshot,
    cleaner: Cleaner,
    chunker: Chunker,
    embedder: Embedder,
    settings: IndexSettings,
    allow: Callable[[Snapshot, Collection[str]], None],
) -> Iterator[Rebuilt]:
    """The index of `source` documents under this cleaner, chunker and model. It can be read inside the `with`.

    `allow` is given the chunks and the content hashes that have a vector before any is made, and raises where it may not be.
    """
    with tempfile.TemporaryDirectory() as folder:
        scratch = Lake(folder)
        before = Begun(*(scratch.clone(table) for table in vars(begun).values()))
        clean = scratch.writer(before.documents.name, schemas.CLEAN_DOCUMENTS)
        clean_documents(cleaner, source, clean, before.documents)
        chunks = scratch.writer(before.chunks.name, schemas.CHUNKS)
        chunk_documents(chunker, clean.staged(), chunks, before.chunks)
        vectors = scratch.writer(before.embeddings.name, schemas.embeddings(embedder.dimension))
        discard_unusable(vectors, embedder.fingerprint)
        texts = {row["content_hash"]: row["text"] for row in chunks.staged().rows(["content_hash", "text"])}
        allow(chunks.staged(), vectors.column("content_hash").keys())
        report = embed_missing(embedder, texts, vectors)
        index = scratch.writer(before.index.name, schemas.vector_index(embedder.dimension))
        build_index(
            chunks.staged(), clean.staged(), vectors.staged(), embedder.fingerprint, settings, index, before.index
        )
        yield Rebuilt(SearchIndex(index.staged(), settings), clean.staged(), chunks.staged(), report.embedded)
