"""Stage `embeddings`: one vector per distinct text under one model."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from llmops_pipelines.embedding.embedder import Embedder
from llmops_pipelines.embedding.missing import embed_missing, embedding_gates
from llmops_pipelines.embedding.model_folder import ModelFolder, bundled_model
from llmops_pipelines.embedding.torch_embedder import Precision
from llmops_pipelines.orchestration.progress import Progress
from llmops_pipelines.orchestration.publishing import Publication, Staged, publish
from llmops_pipelines.orchestration.section import Section
from llmops_pipelines.resources.lake import LakeResource
from llmops_pipelines.storage import schemas
from llmops_pipelines.storage.identity import value_hash
from llmops_pipelines.storage.snapshot import Snapshot
from llmops_pipelines.storage.writer import Writer

if TYPE_CHECKING:
    from llmops_pipelines.orchestration.corpus import Corpus

CODE_VERSION = "1"
CHECKS = {
    "complete": "Every chunk has a vector.",
    "finite": "No vector holds NaN or infinity.",
    "unit_length": "Every vector has length 1 within 0.001.",
    "one_vector_a_key": "No content hash has two vectors.",
    "one_fingerprint": "Every vector was made by this partition's model.",
    "within_window": "No text is longer than the model's window, unless the chunker allows truncation.",
}


class ModelSection(Section):
    """A sentence-transformers model with safetensors weights."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$", description="First part of the partition key.")
    folder: str = Field(min_length=1, description="The model's folder (relative to this file, or absolute).")
    sha256: str | None = Field(
        default=None, pattern="^[0-9a-f]{64}$", description="What model.safetensors must hash to."
    )


class EmbeddingsSection(Section):
    """The embedding models; each is a partition. The first is the base model."""

    models: list[ModelSection] = Field(default=[], description="None named: the bundled all-MiniLM-L6-v2.")
    precision: Precision = Field(default="auto", description="auto: bf16 where the device is faster in it.")

    def model_folders(self, folder: Path) -> list[ModelFolder]:
        if not self.models:
            return [bundled_model()]
        return [ModelFolder(model.name, (folder / model.folder).resolve(), model.sha256) for model in self.models]


def embeddings_asset(corpus: "Corpus") -> dg.AssetsDefinition:
    """The asset `<corpus>/embeddings`."""

    def stage(
        chunks: Snapshot, embedder: Embedder, progress: Progress, writer: Writer, published: Snapshot | None
    ) -> Staged:
        texts = {row["content_hash"]: row["text"] for row in chunks.rows(["content_hash", "text"])}
        report = embed_missing(embedder, texts, writer, progress=progress)
        allows_truncation = corpus.chunker.max_tokens is None
        gates = embedding_gates(writer.staged(), list(texts), embedder.fingerprint, allows_truncation)
        return Staged(report.data_version, report.as_dict(), gates)

    @corpus.asset(
        "embeddings",
        code_version=CODE_VERSION,
        checks=CHECKS,
        deps=["chunks"],
        kinds=["lancedb", "huggingface"],
        partitioned=True,
    )
    def embeddings(
        context: dg.AssetExecutionContext, lake: LakeResource
    ) -> Iterator[dg.AssetCheckResult | dg.MaterializeResult]:
        """One vector per distinct text and model fingerprint. Only texts that have none yet are embedded."""
        store = lake.open()
        chunks = corpus.upstream(store, "chunks")
        embedder = corpus.embedder(context.partition_key)
        bound = corpus.chunker.max_tokens
        yield from publish(
            context,
            store,
            Publication(
                table=corpus.table("embeddings", context.partition_key),
                schema=schemas.embeddings(embedder.dimension),
                inputs=value_hash([CODE_VERSION, embedder.fingerprint, bound is None, chunks.data_version]),
                stage=partial(stage, chunks, embedder, Progress(context.log, "embeddings", "texts")),
                describe=_describe,
                at_rest=_at_rest,
            ),
        )

    return embeddings


def _describe(summary: dict[str, Any]) -> dict[str, Any]:
    counted = ("distinct", "reused", "embedded", "tokens", "truncated", "unused", "seconds")
    metadata = {name: summary[name] for name in counted}
    if summary["embedded"]:
        metadata |= {"texts_per_second": summary["embedded"] / summary["seconds"], "numerics": summary["numerics"]}
    return metadata


def _at_rest(summary: dict[str, Any]) -> dict[str, Any]:
    return {**summary, "reused": summary["distinct"], "embedded": 0, "tokens": 0, "seconds": 0.0}
