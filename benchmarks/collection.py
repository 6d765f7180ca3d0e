"""A public collection in a lake, by the functions that the assets call: source, cleaning, chunks, embeddings, index."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from llmops_pipelines.corpus.chunking.chunk import chunk_documents
from llmops_pipelines.corpus.chunking.protocol import Chunker
from llmops_pipelines.corpus.cleaning.cleaner import KEPT, clean_documents
from llmops_pipelines.corpus.sources.beir import BeirSource
from llmops_pipelines.corpus.syncing import sync_documents
from llmops_pipelines.embedding.missing import embed_missing
from llmops_pipelines.embedding.model_folder import ModelFolder
from llmops_pipelines.embedding.torch_embedder import Precision, TorchEmbedder
from llmops_pipelines.evaluation.contamination import HeldOut
from llmops_pipelines.evaluation.measure import measure
from llmops_pipelines.evaluation.question_files import load_questions
from llmops_pipelines.evaluation.questions import Question
from llmops_pipelines.index.build import IndexSettings, build_index
from llmops_pipelines.index.search import SearchIndex
from llmops_pipelines.orchestration.stages.clean_documents import CleanDocumentsSection
from llmops_pipelines.storage import schemas
from llmops_pipelines.storage.lake import Lake
from llmops_pipelines.storage.snapshot import Snapshot
from llmops_pipelines.storage.writer import Writer
from llmops_pipelines.tuning.gates import training_set_gates
from llmops_pipelines.tuning.training_set import TrainingSetSettings, build_training_set


@dataclass(frozen=True)
class Indexed:
    """An index of one model. The vectors of questions are kept in the table of `asked`."""

    index: SearchIndex
    embedder: TorchEmbedder
    asked: Writer

    def rows(self, questions: Sequence[Question], hybrid_weight: float | None = None) -> list[dict[str, Any]]:
        """The rows of its evaluation on `questions`, with another weight of dense scores where one is given."""
        index = self.index
        if hybrid_weight is not None:
            index = SearchIndex(index.snapshot, replace(index.settings, hybrid_weight=hybrid_weight))
        return measure(index, self.embedder, questions, self.asked).rows


class Collection:
    """The BEIR collection in `folder`, in a lake of its own at `lake`, cut by `chunker`. Search is exact."""

    def __init__(self, lake: Path, folder: Path, chunker: Chunker) -> None:
        self.lake = Lake(str(lake))
        self.folder = folder
        documents = self.lake.writer("documents", schemas.DOCUMENTS)
        sync_documents(BeirSource(folder), documents, None, max_loss=0.0)
        clean = self.lake.writer("clean_documents", schemas.CLEAN_DOCUMENTS)
        clean_documents(CleanDocumentsSection().cleaner(), documents.staged(), clean, None)
        self.documents: Snapshot = clean.staged()
        chunks = self.lake.writer("chunks", schemas.CHUNKS)
        chunk_documents(chunker, self.documents, chunks, None)
        self.chunks: Snapshot = chunks.staged()

    def questions(self, part: str) -> list[Question]:
        """The questions of one qrels file."""
        return [question for question in load_questions(self.folder, "claims") if question.part == part]

    def index(self, model: ModelFolder, precision: Precision) -> Indexed:
        """The index of `model`."""
        embedder = TorchEmbedder(model, precision)
        embeddings = self.lake.writer(f"embeddings.{model.key}", schemas.embeddings(model.dimension))
        texts = {row["content_hash"]: row["text"] for row in self.chunks.rows(["content_hash", "text"])}
        embed_missing(embedder, texts, embeddings)
        writer = self.lake.writer(f"index.{model.key}", schemas.vector_index(model.dimension))
        settings = IndexSettings(ann_min_rows=1_000_000)
        build_index(
            self.chunks, self.documents, embeddings.staged(), model.fingerprint, settings, writer, published=None
        )
        asked = self.lake.writer(f"questions.{model.key}", schemas.embeddings(model.dimension))
        return Indexed(SearchIndex(writer.staged(), settings), embedder, asked)

    def training_rows(
        self, base: Indexed, questions: Sequence[Question], held_out: HeldOut, settings: TrainingSetSettings
    ) -> list[dict[str, Any]]:
        """The training set of `questions`, mined in the index of `base`."""
        documents = list(self.documents.rows(["doc_id", "title", "text"], KEPT))
        name = f"training_set.{len(questions)}"
        vectors = schemas.embeddings(base.embedder.dimension)
        writer = self.lake.writer(name, schemas.TRAINING_SET)
        build_training_set(
            questions,
            held_out,
            {document["doc_id"] for document in documents},
            documents,
            self.chunks,
            base.index,
            base.embedder,
            settings,
            self.lake.writer(f"{name}.questions", vectors),
            self.lake.writer(f"{name}.passages", vectors),
            writer,
            published=None,
        )
        staged = writer.staged()
        failed = [gate for gate in training_set_gates(staged, held_out) if not gate.passed]
        assert not failed, failed
        return list(staged.rows())
