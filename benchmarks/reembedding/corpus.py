"""A corpus whose documents change, cut and embedded by the functions that the assets call."""

import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from llmops_pipelines.corpus.chunking.chunk import chunk_documents
from llmops_pipelines.corpus.cleaning.cleaner import KEPT, clean_documents
from llmops_pipelines.corpus.sources.directory import DirectorySource
from llmops_pipelines.corpus.syncing import sync_documents
from llmops_pipelines.embedding.missing import EmbeddingReport, embed_missing
from llmops_pipelines.embedding.model_folder import bundled_model
from llmops_pipelines.embedding.torch_embedder import TorchEmbedder
from llmops_pipelines.orchestration.stages.chunks import PassagesSection, SectionsSection
from llmops_pipelines.orchestration.stages.clean_documents import CleanDocumentsSection
from llmops_pipelines.storage import schemas
from llmops_pipelines.storage.lake import Lake
from llmops_pipelines.storage.snapshot import Snapshot
from llmops_pipelines.storage.sync import SyncCounts

PARAGRAPH_END = re.compile(r"\n[ \t\r]*\n")
SECTIONS = SectionsSection(chunker="sections")
PASSAGES = PassagesSection(chunker="passages")


@dataclass(frozen=True)
class State:
    """The corpus after one run: how its documents changed, those that were kept, and its passages' texts by hash."""

    documents: SyncCounts
    kept: Snapshot
    passages: dict[str, str]

    @cached_property
    def paragraphs(self) -> set[str]:
        """The distinct paragraphs of the documents."""
        return paragraphs(row["text"] for row in self.kept.rows(["text"], KEPT))


class Corpus:
    """The documents of a folder that changes, in a lake of its own."""

    def __init__(
        self, lake: Path, include: tuple[str, ...] = ("**",), chunks: PassagesSection | SectionsSection = SECTIONS
    ) -> None:
        self.lake = Lake(str(lake))
        self.include = include
        self.model = bundled_model()
        self.chunker = chunks.chunker_for(self.model)
        self.embedder = TorchEmbedder(self.model)

    def run(self, folder: Path) -> State:
        """Bring documents, clean documents and chunks in line with `folder`, and publish them."""
        documents = self.lake.writer("documents", schemas.DOCUMENTS)
        source = DirectorySource(str(folder), self.include, hidden=True)  # tldr has a page `..md`
        synced = sync_documents(source, documents, self.lake.published("documents"), max_loss=1.0)
        found = documents.staged()
        documents.publish(synced.data_version, synced.data_version, synced.as_dict())
        clean = self.lake.writer("clean_documents", schemas.CLEAN_DOCUMENTS)
        cleaner = CleanDocumentsSection().cleaner()
        cleaned = clean_documents(cleaner, found, clean, self.lake.published("clean_documents"))
        kept = clean.staged()
        clean.publish(cleaned.data_version, cleaned.data_version, cleaned.as_dict())
        chunks = self.lake.writer("chunks", schemas.CHUNKS)
        cut = chunk_documents(self.chunker, kept, chunks, self.lake.published("chunks"))
        passages = {row["content_hash"]: row["text"] for row in chunks.staged().rows(["content_hash", "text"])}
        chunks.publish(cut.data_version, cut.data_version, cut.as_dict())
        return State(synced.counts, kept, passages)

    def embed(self, state: State) -> EmbeddingReport:
        """Give every passage its vector; those that have one are not embedded again."""
        writer = self.lake.writer("embeddings", schemas.embeddings(self.model.dimension))
        return embed_missing(self.embedder, state.passages, writer, progress=_progress)


def character_ratio(before: State, after: State) -> float:
    """Characters of the distinct passages that are new, against those of the distinct paragraphs that are."""
    new = after.passages.keys() - before.passages.keys()
    embedded = characters(after.passages[content_hash] for content_hash in new)
    return round(embedded / characters(after.paragraphs - before.paragraphs), 3)


def paragraphs(texts: Iterable[str]) -> set[str]:
    """The distinct paragraphs, text between blank lines, with white space made single."""
    found = {" ".join(part.split()) for text in texts for part in PARAGRAPH_END.split(text)}
    return found - {""}


def log(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def characters(texts: Iterable[str]) -> int:
    return sum(map(len, texts))


def _progress(done: int, total: int) -> None:
    end = "\n" if done == total else "\r"
    print(f"embedded {done:,} of {total:,}", end=end, file=sys.stderr, flush=True)
