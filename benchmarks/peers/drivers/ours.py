"""This project: source, cleaning, chunks, embeddings and index by the functions that the assets call, published."""

import sys
from collections.abc import Iterable
from functools import partial
from importlib.metadata import version
from pathlib import Path

from benchmarks.peers.drivers.driving import Arguments, drive
from benchmarks.reembedding.corpus import PASSAGES, SECTIONS
from llmops_pipelines.corpus.chunking.chunk import chunk_documents
from llmops_pipelines.corpus.cleaning.cleaner import clean_documents
from llmops_pipelines.corpus.sources.directory import DirectorySource
from llmops_pipelines.corpus.syncing import sync_documents
from llmops_pipelines.embedding.embedder import Embedder
from llmops_pipelines.embedding.missing import embed_missing
from llmops_pipelines.embedding.model_folder import ModelFolder
from llmops_pipelines.embedding.torch_embedder import TorchEmbedder
from llmops_pipelines.index.build import IndexSettings, build_index
from llmops_pipelines.orchestration.stages.clean_documents import CleanDocumentsSection
from llmops_pipelines.storage import schemas
from llmops_pipelines.storage.lake import Lake

CHUNKERS = {section.chunker: section for section in (PASSAGES, SECTIONS)}


class Ours:
    """The stages of a corpus in a lake of its own. Pages come as files, as they do to the project's source."""

    def __init__(self, chunker: str, arguments: Arguments) -> None:
        model = ModelFolder("model", arguments.model)
        self.lake = Lake(str(arguments.work / "lake"))
        self.folders = [arguments.before, arguments.after]
        self.chunker = CHUNKERS[chunker].chunker_for(model)
        self.embedder: Embedder = TorchEmbedder(model)

    def embedded(self) -> int:
        return self.embedder.count.documents

    def run(self, pages: dict[str, str]) -> None:
        self._run(self.folders.pop(0))

    def _run(self, folder: Path) -> None:
        lake = self.lake
        documents = lake.writer("documents", schemas.DOCUMENTS)
        source = DirectorySource(str(folder), hidden=True)  # there is a page `..md`
        synced = sync_documents(source, documents, lake.published("documents"), max_loss=1.0)
        found = documents.staged()
        documents.publish(synced.data_version, "", synced.as_dict())

        clean = lake.writer("clean_documents", schemas.CLEAN_DOCUMENTS)
        cleaned = clean_documents(CleanDocumentsSection().cleaner(), found, clean, lake.published("clean_documents"))
        kept = clean.staged()
        clean.publish(cleaned.data_version, "", cleaned.as_dict())

        chunks = lake.writer("chunks", schemas.CHUNKS)
        cut = chunk_documents(self.chunker, kept, chunks, lake.published("chunks"))
        passages = chunks.staged()
        chunks.publish(cut.data_version, "", cut.as_dict())

        embeddings = lake.writer("embeddings", schemas.embeddings(self.embedder.dimension))
        texts = {row["content_hash"]: row["text"] for row in passages.rows(["content_hash", "text"])}
        report = embed_missing(self.embedder, texts, embeddings)
        vectors = embeddings.staged()
        embeddings.publish(report.data_version, "", report.as_dict())

        index = lake.writer("index", schemas.vector_index(self.embedder.dimension))
        settings = IndexSettings()
        built = build_index(
            passages, kept, vectors, self.embedder.fingerprint, settings, index, lake.published("index")
        )
        index.staged()
        index.publish(built.data_version, "", built.as_dict())

    def texts(self) -> list[str]:
        index = self.lake.published("index")
        assert index is not None
        return index.arrow(["text"])["text"].to_pylist()

    def chunks(self, pages: dict[str, str]) -> Iterable[str]:
        return [passage.text for text in pages.values() for passage in self.chunker.split(text)]


if __name__ == "__main__":
    name = sys.argv.pop()
    drive(
        partial(Ours, name),
        version=version("llmops-pipelines"),
        chunker=f"{name}, 256 tokens of the model with special tokens",
        mode="sync, clean, chunk, embed, index, published",
    )
