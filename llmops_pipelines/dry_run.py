"""`llmops plan`: what a run would embed now, from the source and the settings as they are. It changes nothing."""

import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg
from rich.console import Console
from rich.table import Table

from llmops_pipelines.embedding.plan import Plan
from llmops_pipelines.orchestration.corpus import Corpus
from llmops_pipelines.orchestration.planning import HEADINGS, plan_model, plan_rows
from llmops_pipelines.orchestration.stages import SOURCE_STAGES
from llmops_pipelines.orchestration.stages.chunks import chunks_asset
from llmops_pipelines.orchestration.stages.clean_documents import clean_documents_asset
from llmops_pipelines.orchestration.stages.documents import documents_asset
from llmops_pipelines.resources.lake import LakeResource
from llmops_pipelines.run_results import failures, materialised
from llmops_pipelines.storage.lake import Lake
from llmops_pipelines.terminal import shown

CHANGES = ("added", "changed", "deleted", "unchanged")


@dataclass
class DryRun:
    """What the source stages would do, and the plan of each model; `failures` say why a run would stop before that."""

    corpus: str
    documents: dict[str, int]
    chunks: dict[str, int]
    plans: list[Plan]
    failures: list[str]

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {**vars(self), "plans": [plan.as_dict() for plan in self.plans]}

    def show(self, console: Console) -> None:
        """Print it for people."""
        for failure in self.failures:
            console.print(f"[bold red]a run would fail:[/] {failure}", highlight=False, soft_wrap=True)
        for name, counts in (("documents", self.documents), ("chunks", self.chunks)):
            if counts:
                shown = ", ".join(f"{counts[change]:,} {change}" for change in CHANGES)
                console.print(f"[bold]{name:>9}[/]  {shown}", highlight=False)
        for plan in self.plans:
            shown = Table(*HEADINGS, title=plan.model, title_justify="left")
            for row in plan_rows(plan):
                shown.add_row(*row)
            console.print(shown)
            if plan.rate:
                console.print(f"The time is by the rate {plan.rate.measured}.", highlight=False, soft_wrap=True)


def dry_run(corpus: Corpus, lake: Lake, keys: Sequence[str], console: Console | None) -> DryRun:
    """Run the stages from source to chunks on a clone of their tables, and plan the models `keys` from what they give."""
    with tempfile.TemporaryDirectory() as folder, dg.DagsterInstance.ephemeral() as instance:
        clone = Lake(folder)
        for stage in SOURCE_STAGES:
            if (published := lake.published(corpus.table(stage))) is not None:
                clone.clone(published)
        with shown(console), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = dg.materialize(
                [stage(corpus) for stage in (documents_asset, clean_documents_asset, chunks_asset)],
                instance=instance,
                resources={"lake": LakeResource(uri=folder)},
                raise_on_error=False,
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            )
        found = materialised(result)
        counts = {
            stage: {change: found[stage][change] for change in CHANGES} if stage in found else {}
            for stage in ("documents", "chunks")
        }
        return DryRun(
            corpus=corpus.name,
            documents=counts["documents"],
            chunks=counts["chunks"],
            plans=[_plan(corpus, lake, clone, key) for key in keys] if result.success else [],
            failures=failures(result),
        )


def _plan(corpus: Corpus, lake: Lake, clone: Lake, key: str) -> Plan:
    chunks = clone.published(corpus.table("chunks"))
    assert chunks is not None
    embedded = lake.newest(corpus.table("embeddings", key))
    stored = set(embedded.arrow(["content_hash"])["content_hash"].to_pylist()) if embedded else set()
    model = corpus.model(key, lake)
    plan, _ = plan_model(corpus, lake, model, chunks, stored, corpus.embedder(key, lake))
    return plan
