"""The plan of embedding the chunks of a corpus under one model, and how it is shown."""

from collections.abc import Collection
from typing import TYPE_CHECKING

from llmops_pipelines.embedding.causes import causes, texts_gone
from llmops_pipelines.embedding.configured import EmbeddingModel
from llmops_pipelines.embedding.embedder import Embedder
from llmops_pipelines.embedding.model_folder import ModelFolder
from llmops_pipelines.embedding.plan import Plan, Work, plan_embeddings
from llmops_pipelines.embedding.rate import accounted_rate, tried_rate
from llmops_pipelines.orchestration.metadata import markdown_table
from llmops_pipelines.storage.lake import Lake
from llmops_pipelines.storage.snapshot import Snapshot

if TYPE_CHECKING:
    from llmops_pipelines.orchestration.corpus import Corpus

HEADINGS = ("cause", "texts", "tokens", "time", "US dollars")


def embedded_tag(model: EmbeddingModel) -> str:
    """The tag of the version of `chunks` whose texts all have vectors under `model`: what causes are told by."""
    return f"embedded-{model.key}"


def plan_model(
    corpus: "Corpus",
    lake: Lake,
    model: EmbeddingModel,
    chunks: Snapshot,
    stored: Collection[str],
    trial: Embedder | None,
) -> tuple[Plan, dict[str, str]]:
    """The plan of embedding what of `chunks` is not `stored` under `model`, and the cause of each content hash.

    Where this machine has not embedded with the model, its rate is that of a trial with `trial`; unknown without one.
    """
    before = lake.tagged(corpus.table("chunks"), embedded_tag(model))
    cause_of = causes(chunks, before, stored)
    rate = accounted_rate(lake.newest(corpus.table("embedding_runs")), model.fingerprint)
    if rate is None and trial is not None and isinstance(model, ModelFolder):  # a trial of a hosted one costs money
        rate = tried_rate(
            trial, [min(tokens, model.max_tokens) for tokens in chunks.arrow(["tokens"])["tokens"].to_pylist()]
        )
    deleted = texts_gone(chunks, before)
    return plan_embeddings(
        model.key, model.max_tokens, model.usd_per_million_tokens, chunks, cause_of, deleted, rate
    ), cause_of


def plan_rows(plan: Plan) -> list[tuple[str, ...]]:
    """A row for each cause, one for all, and one for what is reused: as HEADINGS says."""
    rows = [(cause, *_cells(work)) for cause, work in plan.by_cause.items()]
    return [*rows, ("all", *_cells(plan.total)), ("reused", f"{plan.reused:,} of {plan.distinct:,}", "", "", "")]


def plan_table(plan: Plan) -> str:
    """The plan in Markdown."""
    known = f"\n\nThe time is by the rate {plan.rate.measured}." if plan.rate else ""
    return markdown_table(HEADINGS, plan_rows(plan)) + known


def in_words(plan: Plan) -> str:
    """The plan in one line."""
    causes = ", ".join(f"{work.texts:,} by {cause}" for cause, work in plan.by_cause.items())
    _, tokens, time, usd = _cells(plan.total)
    cost = ", ".join(
        part for part in (f"{tokens} tokens", time and f"about {time}", usd and f"{usd} US dollars") if part
    )
    what = f"{plan.total.texts:,} texts to embed ({causes}): {cost}" if causes else "nothing to embed"
    return f"{what}; {plan.reused:,} of {plan.distinct:,} are reused"


def _cells(work: Work) -> tuple[str, str, str, str]:
    seconds = work.seconds
    time = "" if seconds is None else f"{seconds:,.0f} s" if seconds < 120 else f"{seconds / 60:,.1f} min"
    return f"{work.texts:,}", f"{work.tokens:,}", time, "" if work.usd is None else f"{work.usd:,.4f}"
