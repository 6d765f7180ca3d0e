"""Stage `embeddings`: one vector per distinct text under one model."""

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from llmops_pipelines.embedding.account import accountant
from llmops_pipelines.embedding.configured import ConfiguredModel, EmbeddingModel
from llmops_pipelines.embedding.engines import Engine
from llmops_pipelines.embedding.gates import accounting_gate, discard_unusable, embedding_gates
from llmops_pipelines.embedding.missing import embed_missing
from llmops_pipelines.embedding.model_folder import bundled_model
from llmops_pipelines.embedding.plan import Budget
from llmops_pipelines.embedding.torch_embedder import Precision
from llmops_pipelines.orchestration.drifted import blocked
from llmops_pipelines.orchestration.model_sections import CorpusModelSection, UpstreamReferenceSection
from llmops_pipelines.orchestration.planning import embedded_tag, in_words, plan_model, plan_table
from llmops_pipelines.orchestration.progress import Progress
from llmops_pipelines.orchestration.publishing import Publication, Staged, published_asset
from llmops_pipelines.orchestration.repairing import is_repair
from llmops_pipelines.orchestration.section import Section
from llmops_pipelines.storage import schemas
from llmops_pipelines.storage.identity import value_hash
from llmops_pipelines.storage.lake import Lake
from llmops_pipelines.storage.schemas import CAUSES
from llmops_pipelines.storage.snapshot import Snapshot
from llmops_pipelines.storage.writer import Writer

if TYPE_CHECKING:
    from llmops_pipelines.orchestration.corpus import Corpus

CODE_VERSION = "2"
CHECKS = {
    "complete": "Every chunk has a vector.",
    "finite": "No vector holds NaN or infinity.",
    "unit_length": "Every vector has length 1 within 0.001.",
    "one_vector_a_key": "No content hash has two vectors.",
    "one_fingerprint": "Every vector was made by this partition's model.",
    "within_window": "No text is longer than the model's window, unless the chunker allows truncation.",
    "accounted": "Every distinct text is reused or was embedded, and what was embedded has a cause.",
}


class BudgetSection(Section):
    """The most that one run of one model may embed. A run that would embed more stops before it begins."""

    tokens: int | None = Field(default=None, ge=0, description="Tokens.")
    minutes: float | None = Field(default=None, ge=0, description="Minutes, by this machine's own measured rate.")
    usd: float | None = Field(default=None, ge=0, description="US dollars, of models with a price.")

    def budget(self) -> Budget:
        return Budget(**self.model_dump())


class EmbeddingsSection(Section):
    """The embedding models; each is a partition. The first is the base model."""

    models: list[CorpusModelSection] = Field(
        default=["bundled"], min_length=1, description="`bundled` is the all-MiniLM-L6-v2 that ships."
    )
    precision: Precision = Field(default="auto", description="auto: bf16 where the device is faster in it.")
    engine: Engine = Field(default="torch", description="openvino: faster on Intel's processors, an extra to install.")
    budget: BudgetSection = BudgetSection()

    def configured(self, folder: Path) -> list[ConfiguredModel]:
        """The models in their order; `folder` is that of the YAML file. Nothing is read.

        Those that are named as upstream models are the ones that were put in their place when the YAML was read.
        """
        found: list[ConfiguredModel] = []
        for model in self.models:
            assert not isinstance(model, UpstreamReferenceSection)
            found.append(bundled_model() if model == "bundled" else model.configured(folder))
        return found


def embeddings_asset(corpus: "Corpus") -> dg.AssetsDefinition:
    """The asset `<corpus>/embeddings`."""
    budget = corpus.settings.embeddings.budget.budget()

    def stage(
        context: dg.AssetExecutionContext,
        lake: Lake,
        chunks: Snapshot,
        writer: Writer,
        published: Snapshot | None,
    ) -> Staged:
        model, embedder = corpus.model(context.partition_key, lake), corpus.embedder(context.partition_key, lake)
        runs = lake.writer(corpus.table("embedding_runs"), schemas.EMBEDDING_RUNS)
        if discarded := discard_unusable(writer, model.fingerprint):
            context.log.warning(f"{discarded} stored vectors are damaged or another model's: they are made again")
        stored = writer.column("content_hash").keys()
        trial = embedder if budget.minutes is not None else None
        plan, cause_of = plan_model(corpus, lake, model, chunks, stored, trial)
        context.log.info(f"plan: {in_words(plan)}")
        if exceeded := budget.exceeded(plan):
            raise dg.Failure(
                f"not embedded, over the budget in embeddings.budget: {'; '.join(exceeded)}. {in_words(plan)}. "
                "Raise the budget, or make the change smaller",
                metadata={"plan": dg.MetadataValue.md(plan_table(plan))},
                allow_retries=False,
            )
        if plan.total.texts and (reason := blocked(corpus, lake, context.partition_key)):
            raise dg.Failure(
                f"not embedded, since the vectors would not fit those that are there: {reason}. Raise `epoch` of the "
                "model to embed all texts anew, or accept it as it is (`llmops models`)",
                allow_retries=False,
            )
        texts = {row["content_hash"]: row["text"] for row in chunks.rows(["content_hash", "text"])}
        report = embed_missing(
            embedder,
            texts,
            writer,
            progress=Progress(context.log, "embeddings", "texts"),
            cause_of=cause_of,
            account=accountant(runs, context.run.run_id, context.retry_number, plan, embedder),
        )
        allows_truncation = corpus.chunker.max_tokens is None
        gates = [
            *embedding_gates(writer.staged(), list(texts), embedder.fingerprint, allows_truncation),
            accounting_gate(plan.distinct, report.reused, report.embedded, report.by_cause),
        ]
        if all(gate.passed for gate in gates):
            lake.tag(chunks, embedded_tag(model))
            runs.staged()
            runs.publish(context.run.run_id, context.run.run_id, {})
        summary = {**report.as_dict(), "deleted": plan.deleted, "plan": plan_table(plan)}
        return Staged(report.data_version, summary, gates)

    @published_asset(
        corpus,
        "embeddings",
        code_version=CODE_VERSION,
        checks=CHECKS,
        deps=["chunks", *corpus.upstream_deps],
        kinds=["lancedb", "huggingface"],
        partitioned=True,
    )
    def embeddings(context: dg.AssetExecutionContext, lake: Lake) -> Publication:
        """One vector per distinct text and model fingerprint. Only texts that have none yet are embedded."""
        chunks = corpus.upstream(lake, "chunks")
        model = corpus.model(context.partition_key, lake)
        bound = corpus.chunker.max_tokens
        table = corpus.table("embeddings", context.partition_key)
        return Publication(
            table=table,
            schema=schemas.embeddings(model.dimension),
            inputs=value_hash([CODE_VERSION, model.fingerprint, bound is None, chunks.data_version]),
            stage=partial(stage, context, lake, chunks),
            describe=partial(_describe, model),
            at_rest=partial(_at_rest, lake.published(table)),
            redo=is_repair(context),
        )

    return embeddings


def _describe(model: EmbeddingModel, summary: dict[str, Any]) -> dict[str, Any]:
    counted = ("distinct", "reused", "embedded", "tokens", "truncated", "unused", "seconds")
    metadata = {
        **{name: summary[name] for name in counted},
        **{f"embedded: {cause}": summary["by_cause"].get(cause, 0) for cause in CAUSES},
        "deleted": summary["deleted"],
        "licence": model.licence,
        "dimension": model.dimension,
        "max_tokens": model.max_tokens,
        "query_prompt": _quoted(model.prompt("query")),
        "document_prompt": _quoted(model.prompt("document")),
        "fingerprint": model.fingerprint,
    }
    if model.usd_per_million_tokens is not None:
        metadata["usd"] = summary["usd"]
    if summary["embedded"]:
        rate = summary["embedded"] / summary["seconds"]
        metadata |= {
            "texts_per_second": rate,
            "numerics": summary["numerics"],
            "plan": dg.MetadataValue.md(summary["plan"]),
        }
    return metadata


def _at_rest(published: Snapshot | None, summary: dict[str, Any]) -> dict[str, Any]:
    stored = published.count() if published else 0  # maintenance may have deleted unused ones since
    spent = {"embedded": 0, "by_cause": {}, "deleted": 0, "tokens": 0, "usd": 0.0, "seconds": 0.0}
    return {**summary, **spent, "reused": summary["distinct"], "unused": stored - summary["distinct"]}


def _quoted(prompt: str) -> str:
    """A prompt with its spaces to be seen."""
    return json.dumps(prompt, ensure_ascii=False) if prompt else "none"
