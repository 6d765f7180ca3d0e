"""Stage `embeddings`: one vector per distinct text under one model."""

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import dagster as dg
from pydantic import Discriminator, Field, GetJsonSchemaHandler, Tag
from pydantic_core import CoreSchema

from llmops_pipelines.embedding.account import accountant
from llmops_pipelines.embedding.configured import ConfiguredModel, EmbeddingModel
from llmops_pipelines.embedding.gates import accounting_gate, discard_unusable, embedding_gates
from llmops_pipelines.embedding.hosted_model import HostedModel
from llmops_pipelines.embedding.hub import HubModel
from llmops_pipelines.embedding.missing import embed_missing
from llmops_pipelines.embedding.model_folder import ModelFolder, bundled_model
from llmops_pipelines.embedding.plan import Budget
from llmops_pipelines.embedding.torch_embedder import Precision
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


class PromptsSection(Section):
    """What is put before a text. One that is left out is as the model's own files say; an empty one is none."""

    query: str | None = Field(default=None, description='For instance "query: ".')
    document: str | None = Field(default=None, description='For instance "passage: ".')


class ModelSection(Section):
    """An embedding model."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$", description="First part of the partition key.")
    prompts: PromptsSection = PromptsSection()


class LocalModelSection(ModelSection):
    """A sentence-transformers model with safetensors weights."""

    sha256: str | None = Field(
        default=None, pattern="^[0-9a-f]{64}$", description="What model.safetensors must hash to."
    )


class FolderModelSection(LocalModelSection):
    """A model in a folder."""

    folder: str = Field(min_length=1, description="The model's folder (relative to this file, or absolute).")

    def configured(self, folder: Path) -> ModelFolder:
        path = (folder / self.folder).resolve()
        return ModelFolder(self.name, path, self.sha256, self.prompts.query, self.prompts.document)


class HubModelSection(LocalModelSection):
    """A model of a hub, downloaded into the local cache by `llmops run` and `llmops ui`."""

    hub: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*$", description="owner/name, as on the hub."
    )
    revision: str | None = Field(default=None, min_length=1, description="A branch, tag or commit of it.")

    def configured(self, folder: Path) -> HubModel:
        prompts = self.prompts
        return HubModel(self.name, self.hub, self.revision, self.sha256, prompts.query, prompts.document)


class HostedModelSection(ModelSection):
    """A model behind an OpenAI-compatible endpoint. It cannot be the first: the base model's tokenizer cuts passages."""

    base_url: str = Field(
        pattern=r"^https?://[^\s/?#@]+[^\s?#@]*$", description="For instance https://api.openai.com/v1."
    )
    model: str = Field(min_length=1, description="The model's id at the endpoint.")
    dimension: int = Field(ge=1, description="Length of its vectors.")
    max_tokens: int = Field(ge=1, description="Tokens of a text that it reads.")
    epoch: int = Field(
        default=HostedModel.epoch, ge=1, description="Raise it to embed anew what the model answers anew."
    )
    api_key_env: str | None = Field(default=None, min_length=1, description="Environment variable that holds the key.")
    send_dimensions: bool = Field(default=HostedModel.send_dimensions, description="Ask for `dimension` explicitly.")
    usd_per_million_tokens: float | None = Field(default=None, ge=0, description="Price, for plans and budgets.")
    batch_texts: int = Field(default=HostedModel.batch_texts, ge=1, description="Texts of a request.")
    batch_tokens: int = Field(default=HostedModel.batch_tokens, ge=1, description="Tokens of a request, as estimated.")
    concurrency: int = Field(default=HostedModel.concurrency, ge=1, description="Requests at a time.")
    timeout_seconds: float = Field(default=HostedModel.timeout_seconds, gt=0, description="Of one request.")
    max_retries: int = Field(default=HostedModel.max_retries, ge=0, description="Of one request.")
    max_retry_seconds: float = Field(default=HostedModel.max_retry_seconds, ge=0, description="Of one request, in all.")

    def configured(self, folder: Path) -> HostedModel:
        prompts = self.prompts
        values = self.model_dump(exclude={"prompts"})
        return HostedModel(**values, query_prompt=prompts.query, document_prompt=prompts.document)


class OneKind:
    """Annotates the union of the kinds of model: a string is `bundled`, an object with `hub` or `base_url` is that kind,
    any other a folder.

    Written so that `dg check yaml` reports a model with two of the keys, or with none, by its line.
    """

    def __get_pydantic_json_schema__(self, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        _, hub, hosted, folder = handler(core_schema)["oneOf"]
        local = {"if": {"required": ["hub"]}, "then": hub, "else": folder}
        either = {"type": "object", "if": {"required": ["base_url"]}, "then": hosted, "else": local}
        return {"if": {"type": "string"}, "then": {"enum": ["bundled"]}, "else": either}


def _kind(model: Any) -> str:
    if isinstance(model, str):
        return "bundled"
    if isinstance(model, dict):
        return "hosted" if "base_url" in model else "hub" if "hub" in model else "folder"
    return {HostedModelSection: "hosted", HubModelSection: "hub"}.get(type(model), "folder")


AnyModelSection = Annotated[
    Annotated[Literal["bundled"], Tag("bundled")]
    | Annotated[HubModelSection, Tag("hub")]
    | Annotated[HostedModelSection, Tag("hosted")]
    | Annotated[FolderModelSection, Tag("folder")],
    Discriminator(_kind),
    OneKind(),
]


class BudgetSection(Section):
    """The most that one run of one model may embed. A run that would embed more stops before it begins."""

    tokens: int | None = Field(default=None, ge=0, description="Tokens.")
    minutes: float | None = Field(default=None, ge=0, description="Minutes, by this machine's own measured rate.")
    usd: float | None = Field(default=None, ge=0, description="US dollars, of models with a price.")

    def budget(self) -> Budget:
        return Budget(**self.model_dump())


class EmbeddingsSection(Section):
    """The embedding models; each is a partition. The first is the base model."""

    models: list[AnyModelSection] = Field(
        default=["bundled"], min_length=1, description="`bundled` is the all-MiniLM-L6-v2 that ships."
    )
    precision: Precision = Field(default="auto", description="auto: bf16 where the device is faster in it.")
    budget: BudgetSection = BudgetSection()

    def configured(self, folder: Path) -> list[ConfiguredModel]:
        """The models in their order; `folder` is that of the YAML file. Nothing is read."""
        return [bundled_model() if model == "bundled" else model.configured(folder) for model in self.models]


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
        texts = {row["content_hash"]: row["text"] for row in chunks.rows(["content_hash", "text"])}
        report = embed_missing(
            embedder,
            texts,
            writer,
            progress=Progress(context.log, "embeddings", "texts"),
            cause_of=cause_of,
            account=accountant(runs, context.run_id, context.retry_number, plan, embedder),
        )
        allows_truncation = corpus.chunker.max_tokens is None
        gates = [
            *embedding_gates(writer.staged(), list(texts), embedder.fingerprint, allows_truncation),
            accounting_gate(plan.distinct, report.reused, report.embedded, report.by_cause),
        ]
        if all(gate.passed for gate in gates):
            lake.tag(chunks, embedded_tag(model))
            runs.staged()
            runs.publish(context.run_id, context.run_id, {})
        summary = {**report.as_dict(), "deleted": plan.deleted, "plan": plan_table(plan)}
        return Staged(report.data_version, summary, gates)

    @published_asset(
        corpus,
        "embeddings",
        code_version=CODE_VERSION,
        checks=CHECKS,
        deps=["chunks"],
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
