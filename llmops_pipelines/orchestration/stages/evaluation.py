"""Stage `evaluation`: how well one index answers the questions of the corpus."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import dagster as dg
from pydantic import Field, StringConstraints

from llmops_pipelines.embedding.embedder import Embedder
from llmops_pipelines.evaluation.contamination import Learned
from llmops_pipelines.evaluation.evaluate import SYSTEMS
from llmops_pipelines.evaluation.figures import HEADLINE_SYSTEM, SetFigures, figures
from llmops_pipelines.evaluation.known_items import KNOWN_ITEMS
from llmops_pipelines.evaluation.measure import collect_questions, measure
from llmops_pipelines.evaluation.metrics import SCORER
from llmops_pipelines.evaluation.question_files import questions_hash
from llmops_pipelines.index.search import SearchIndex
from llmops_pipelines.orchestration.progress import Progress
from llmops_pipelines.orchestration.publishing import Publication, Staged, counts_at_rest, published_asset
from llmops_pipelines.orchestration.repairing import is_repair
from llmops_pipelines.orchestration.section import Section
from llmops_pipelines.quality.gates import GateResult, offenders_gate
from llmops_pipelines.storage import schemas
from llmops_pipelines.storage.identity import value_hash
from llmops_pipelines.storage.lake import Lake
from llmops_pipelines.storage.snapshot import Snapshot
from llmops_pipelines.storage.sync import Sync
from llmops_pipelines.storage.writer import Writer

if TYPE_CHECKING:
    from llmops_pipelines.orchestration.corpus import Corpus

CODE_VERSION = "2"
CHECKS = {"every_question_counted": "Every question has a row for every system: measured, or unmeasured with a reason."}
DAILY_PART = "dev"


# The name of the questions made from first sentences is taken.
SetName = Annotated[str, StringConstraints(pattern=rf"^(?!{KNOWN_ITEMS}$)[a-z][a-z0-9_]*$")]


class EvaluationSection(Section):
    """The questions that an index is measured by. The first file gives the headline figure."""

    questions: dict[SetName, str] = Field(
        default={},
        description="Question files (.jsonl, .csv, or folders in BEIR layout) by the name of the set.",
        json_schema_extra={"additionalProperties": False},
    )
    known_items: int = Field(
        default=300, ge=0, description="At most so many questions a part are made from first sentences; 0 for none."
    )

    def files(self, folder: Path) -> dict[str, Path]:
        return {name: folder / file for name, file in self.questions.items()}


def evaluation_asset(corpus: "Corpus") -> dg.AssetsDefinition:
    """The asset `<corpus>/evaluation`."""
    section = corpus.settings.evaluation

    def stage(
        upstream: dict[str, Snapshot],
        embedder: Embedder,
        learned: Learned | None,
        question_writer: Writer,
        progress: Progress,
        writer: Writer,
        published: Snapshot | None,
    ) -> Staged:
        questions = collect_questions(
            section.files(corpus.folder), section.known_items, DAILY_PART, upstream["documents"], upstream["chunks"]
        )
        index = SearchIndex(upstream["index"], corpus.settings.vector_index.index_settings())
        measurement = measure(index, embedder, questions, question_writer, progress, learned)
        sync = Sync(writer, published)
        for row in measurement.rows:
            sync.put(row)
        counts = sync.finish()
        summary = {
            "counts": counts.as_dict(),
            "questions_embedded": measurement.questions_embedded,
            "figures": [found.as_dict() for found in figures(measurement.rows)],
            "unmeasured": sum(row["unmeasured"] is not None for row in measurement.rows) // len(SYSTEMS),
            "questions": len(questions),
            "scorer": SCORER,
            "lineage": {**upstream["index"].summary["lineage"], "index": upstream["index"].reference},
        }
        return Staged(sync.data_version, summary, [_accounting([q.id for q in questions], writer.staged())])

    @published_asset(
        corpus,
        "evaluation",
        code_version=CODE_VERSION,
        checks=CHECKS,
        deps=["vector_index", "clean_documents", "chunks"],
        partitioned=True,
    )
    def evaluation(context: dg.AssetExecutionContext, lake: Lake) -> Publication:
        """One row per question and system: what was retrieved, its scores and its time."""
        upstream = corpus.index_with_sources(lake, corpus.upstream(lake, "vector_index", context.partition_key))
        model = corpus.model(context.partition_key, lake)
        embedder = corpus.embedder(context.partition_key, lake)
        question_table = corpus.table("question_embeddings", context.partition_key)
        # The first set gives the headline, so that the order counts.
        files = [[name, questions_hash(path)] for name, path in section.files(corpus.folder).items()]
        versions = [snapshot.data_version for snapshot in upstream.values()]
        return Publication(
            table=corpus.table("evaluation", context.partition_key),
            schema=schemas.EVALUATION,
            inputs=value_hash([CODE_VERSION, SCORER, section.known_items, files, embedder.fingerprint, versions]),
            stage=lambda writer, published: stage(
                upstream,
                embedder,
                Learned.of(model.folder),
                lake.writer(question_table, schemas.embeddings(embedder.dimension)),
                Progress(context.log, "evaluation", "questions"),
                writer,
                published,
            ),
            describe=_describe,
            at_rest=lambda summary: {**counts_at_rest(summary), "questions_embedded": 0},
            redo=is_repair(context),
        )

    return evaluation


def headline(figures_found: list[SetFigures]) -> dict[str, float]:
    """The figures of the first question set as numbers that Dagster plots over materialisations."""
    if not figures_found:
        return {}
    estimates = figures_found[0].estimates
    numbers = {metric: estimate.mean for metric, estimate in estimates[HEADLINE_SYSTEM].items()}
    primary = figures_found[0].headline
    numbers |= {"nDCG@10 low": primary.low, "nDCG@10 high": primary.high}
    return numbers | {
        f"nDCG@10 {system}": estimates[system]["nDCG@10"].mean for system in SYSTEMS if system != HEADLINE_SYSTEM
    }


def _accounting(question_ids: list[str], staged: Snapshot) -> GateResult:
    rows = staged.arrow(["question_id", "system"])
    found = set(zip(rows["question_id"].to_pylist(), rows["system"].to_pylist(), strict=True))
    missing = [
        f"{question_id}/{system}"
        for question_id in question_ids
        for system in SYSTEMS
        if (question_id, system) not in found
    ]
    return offenders_gate("every_question_counted", missing, CHECKS["every_question_counted"], rows=len(rows))


def _describe(summary: dict[str, Any]) -> dict[str, Any]:
    found = [SetFigures.from_dict(raw) for raw in summary["figures"]]
    return {
        **headline(found),
        "questions": summary["questions"],
        "unmeasured": summary["unmeasured"],
        "questions_embedded": summary["questions_embedded"],
    }
