"""A folder of documents that is edited, and an index that follows it by the functions that the assets call."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from llmops_pipelines.corpus.chunking.chunk import chunk_documents
from llmops_pipelines.corpus.chunking.protocol import Chunker
from llmops_pipelines.corpus.cleaning.cleaner import Cleaner, clean_documents
from llmops_pipelines.corpus.sources.directory import DirectorySource
from llmops_pipelines.corpus.syncing import sync_documents
from llmops_pipelines.embedding.missing import embed_missing
from llmops_pipelines.embedding.torch_embedder import TorchEmbedder
from llmops_pipelines.index.build import IndexSettings, build_index
from llmops_pipelines.index.search import SearchIndex
from llmops_pipelines.storage import Lake, Snapshot, Writer, schemas

Documents = Mapping[str, str]  # texts by path
Made = Callable[[Writer, Snapshot | None], str]  # writes a table, and returns its data version


def write_folder(folder: Path, documents: Documents) -> None:
    """Make the files below `folder` these documents and nothing else."""
    shutil.rmtree(folder, ignore_errors=True)
    for name, text in documents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")


class Following:
    """An index in a lake of its own that is brought in line with a folder, again and again."""

    def __init__(self, lake: Path, folder: Path, chunker: Chunker, embedder: TorchEmbedder) -> None:
        self.lake = Lake(str(lake))
        self.folder = folder
        self.chunker = chunker
        self.embedder = embedder

    def follow(self) -> set[str]:
        """Sync, clean, chunk, embed, index, and publish each; returns the content hashes of the chunks."""
        source = DirectorySource(str(self.folder))
        documents = self._publish("documents", lambda w, p: sync_documents(source, w, p, max_loss=1.0).data_version)
        cleaned = self._publish(
            "clean_documents", lambda w, p: clean_documents(Cleaner(), documents, w, p).data_version
        )
        chunks = self._publish("chunks", lambda w, p: chunk_documents(self.chunker, cleaned, w, p).data_version)
        texts = {row["content_hash"]: row["text"] for row in chunks.rows(["content_hash", "text"])}
        vectors = self._publish("embeddings", lambda w, _: embed_missing(self.embedder, texts, w).data_version)

        def index(writer: Writer, published: Snapshot | None) -> str:
            fingerprint = self.embedder.fingerprint
            return build_index(chunks, cleaned, vectors, fingerprint, IndexSettings(), writer, published).data_version

        self._publish("index", index)
        return set(texts)

    def _publish(self, name: str, make: Made) -> Snapshot:
        dimension = self.embedder.dimension
        schema = {
            "documents": schemas.DOCUMENTS,
            "clean_documents": schemas.CLEAN_DOCUMENTS,
            "chunks": schemas.CHUNKS,
            "embeddings": schemas.embeddings(dimension),
            "index": schemas.vector_index(dimension),
        }[name]
        writer = self.lake.writer(name, schema)
        data_version = make(writer, self.lake.published(name))
        writer.staged()
        return writer.publish(data_version, data_version, {})

    def table(self, name: str) -> Snapshot:
        published = self.lake.published(name)
        assert published is not None
        return published

    def found(self, words: str) -> list[tuple[str, float]]:
        """What full-text search finds."""
        index = SearchIndex(self.table("index"), IndexSettings())
        return [(hit.chunk_id, hit.score) for hit in index.full_text(words, 50)]
