"""The life of a corpus up to its index, stage by stage: what the assets call, gates included, without Dagster."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from llmops_pipelines.corpus.chunking.chunk import chunk_documents, chunk_gates
from llmops_pipelines.corpus.chunking.passages import PassageChunker
from llmops_pipelines.corpus.chunking.tokenizer import ChunkTokenizer
from llmops_pipelines.corpus.cleaning.cleaner import clean_documents, cleaning_gates
from llmops_pipelines.corpus.sources.directory import DirectorySource
from llmops_pipelines.corpus.syncing import sync_documents
from llmops_pipelines.embedding.embedder import Embedder
from llmops_pipelines.embedding.missing import embed_missing
from llmops_pipelines.embedding.model_folder import bundled_model
from llmops_pipelines.index.build import IndexSettings, build_index
from llmops_pipelines.index.reconcile import recall_gate, reconcile, source_gate, unit_vectors_gate
from llmops_pipelines.index.search import SearchIndex
from llmops_pipelines.orchestration.stages.clean_documents import CleanDocumentsSection
from llmops_pipelines.quality.gates import GateResult
from llmops_pipelines.storage import schemas
from llmops_pipelines.storage.lake import Lake
from llmops_pipelines.storage.snapshot import Snapshot
from llmops_pipelines.storage.writer import Writer

STAGES = ("sync", "clean", "chunk", "embed", "index")


@dataclass
class Cost:
    """Wall and CPU seconds by stage."""

    wall: dict[str, float] = field(default_factory=dict)
    cpu: dict[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict[str, dict[str, float]]:
        """With their sums, as `all`."""
        both = {"wall_s": self.wall, "cpu_s": self.cpu}
        return {
            name: {stage: round(seconds, 3) for stage, seconds in {**found, "all": sum(found.values())}.items()}
            for name, found in both.items()
        }


class Life:
    """A corpus in a lake of its own. A stage whose inputs are those of what it published does nothing, as an asset."""

    def __init__(self, lake: Path, embedder: Embedder) -> None:
        self.lake = Lake(str(lake))
        self.embedder = embedder
        model = bundled_model()
        self.chunker = PassageChunker(ChunkTokenizer(model.tokenizer_path), model.text_tokens)
        self.cleaner = CleanDocumentsSection().cleaner()
        self.settings = IndexSettings()

    def run(self, folder: Path) -> Cost:
        """Bring the corpus in line with `folder`."""
        cost = Cost()
        source = DirectorySource(str(folder))
        with _timed(cost, "sync"):
            documents = self._stage("documents", schemas.DOCUMENTS, source.state(), partial(self._sync, source))
        with _timed(cost, "clean"):
            clean = self._stage(
                "clean_documents", schemas.CLEAN_DOCUMENTS, documents.data_version, partial(self._clean, documents)
            )
        with _timed(cost, "chunk"):
            chunks = self._stage("chunks", schemas.CHUNKS, clean.data_version, partial(self._chunk, clean))
        with _timed(cost, "embed"):
            embeddings = self._stage(
                "embeddings",
                schemas.embeddings(self.embedder.dimension),
                chunks.data_version,
                partial(self._embed, chunks),
            )
        with _timed(cost, "index"):
            self._stage(
                "index",
                schemas.vector_index(self.embedder.dimension),
                embeddings.data_version + chunks.data_version,
                partial(self._index, chunks, clean, embeddings),
            )
        return cost

    def _stage(
        self, name: str, schema: Any, inputs: str, work: Callable[[Writer, Snapshot | None], tuple[Any, Sequence[Any]]]
    ) -> Snapshot:
        published = self.lake.published(name)
        if published and published.inputs == inputs:
            return published
        writer = self.lake.writer(name, schema)
        report, gates = work(writer, published)
        failed = [gate for gate in gates if not gate.passed]
        assert not failed, failed
        return writer.publish(report.data_version, inputs, report.as_dict())

    def _sync(self, source: DirectorySource, writer: Writer, before: Snapshot | None) -> tuple[Any, list[GateResult]]:
        report = sync_documents(source, writer, before, max_loss=0.2)
        writer.staged()
        return report, report.gates

    def _clean(self, documents: Snapshot, writer: Writer, before: Snapshot | None) -> tuple[Any, list[GateResult]]:
        report = clean_documents(self.cleaner, documents, writer, before)
        return report, cleaning_gates(documents, writer.staged())

    def _chunk(self, clean: Snapshot, writer: Writer, before: Snapshot | None) -> tuple[Any, list[GateResult]]:
        report = chunk_documents(self.chunker, clean, writer, before)
        return report, chunk_gates(self.chunker, clean, writer.staged())

    def _embed(self, chunks: Snapshot, writer: Writer, before: Snapshot | None) -> tuple[Any, list[GateResult]]:
        texts = {row["content_hash"]: row["text"] for row in chunks.rows(["content_hash", "text"])}
        report = embed_missing(self.embedder, texts, writer)
        writer.staged()
        return report, []

    def _index(
        self, chunks: Snapshot, clean: Snapshot, embeddings: Snapshot, writer: Writer, before: Snapshot | None
    ) -> tuple[Any, list[GateResult]]:
        fingerprint = self.embedder.fingerprint
        report = build_index(chunks, clean, embeddings, fingerprint, self.settings, writer, before)
        staged = writer.staged()
        gates = [
            *reconcile(staged, chunks, fingerprint),
            source_gate(staged, chunks, clean),
            unit_vectors_gate(staged),
            recall_gate(SearchIndex(staged, self.settings), floor=0.98),
        ]
        return report, gates


class _timed:
    """Adds what a block took to a cost."""

    def __init__(self, cost: Cost, stage: str) -> None:
        self.cost, self.stage = cost, stage

    def __enter__(self) -> None:
        self.before = time.perf_counter(), time.process_time()

    def __exit__(self, *error: object) -> None:
        self.cost.wall[self.stage] = time.perf_counter() - self.before[0]
        self.cost.cpu[self.stage] = time.process_time() - self.before[1]
