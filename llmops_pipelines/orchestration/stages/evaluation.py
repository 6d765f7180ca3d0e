"""Stage `evaluation`: how well one index answers the questions of the corpus, beside the release in force and the base."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import dagster as dg
from pydantic import Field, StringConstraints

from llmops_pipelines.drift.episodes import State
from llmops_pipelines.evaluation.evaluate import SYSTEMS
from llmops_pipelines.evaluation.figures import HEADLINE_SYSTEM, SetFigures, figures
from llmops_pipelines.evaluation.metrics import SCORER
from llmops_pipelines.evaluation.roles import CANDIDATE
from llmops_pipelines.evaluation.suite_contamination import DESCRIPTION as TRAINING_GATE_DESCRIPTION
from llmops_pipelines.evaluation.suite_contamination import TRAINING_GATE, training_gate
from llmops_pipelines.evaluation.suite_files import corpus_suites
from llmops_pipelines.evaluation.suites import DAILY_PART, Suite, identities
from llmops_pipelines.orchestration.candidacy import Candidacy
from llmops_pipelines.orchestration.drifted import accepted_rows, state_of
from llmops_pipelines.orchestration.measuring import Measured, judged_parts, measured
from llmops_pipelines.orchestration.metadata import headline
from llmops_pipelines.orchestration.observed import PRODUCTION, SUITES
from llmops_pipelines.orchestration.pinning import pinned_stale
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

CODE_VERSION = "4"
CHECKS = {
    "every_question_counted": "Every question has a row for every system: measured, or unmeasured with a reason.",
    TRAINING_GATE: TRAINING_GATE_DESCRIPTION,
    "answers_current": "No document that answers a question has changed at the source since it was judged.",
}


SuiteFiles = Annotated[str, StringConstraints(min_length=1)]


class EvaluationSection(Section):
    """The suites that an index is judged by. The first gives the headline figure."""

    suites: list[SuiteFiles] = Field(
        default=["evaluation/*.yaml"],
        description="Suite files, relative to this one. A pattern is all that it matches, by name.",
    )
    known_items: int = Field(
        default=300,
        ge=0,
        description="At most so many questions a part are made from first sentences; 0 for none. They gate a release where "
        "there is no suite.",
    )

    def load_suites(self, folder: Path) -> list[Suite]:
        """The suites of the corpus in `folder`, as they are now. Raises SuiteError."""
        files = [
            folder / name
            for entry in self.suites
            for name in (sorted(glob(entry, root_dir=folder)) if "*" in entry else [entry])
        ]
        return corpus_suites(list(dict.fromkeys(files)), self.known_items)


def evaluation_asset(corpus: "Corpus") -> dg.AssetsDefinition:
    """The asset `<corpus>/evaluation`."""
    _ = corpus.suites  # a mistake in one of them is seen when definitions are checked

    def stage(
        context: dg.AssetExecutionContext,
        lake: Lake,
        suites: Sequence[Suite],
        stale: dict[str, str],
        candidacy: Candidacy,
        state: State,
        writer: Writer,
        published: Snapshot | None,
    ) -> Staged:
        by = f"run {context.run.run_id}"
        spent = judged_parts(corpus, lake, suites, candidacy, by)
        progress = Progress(context.log, "evaluation", "questions")
        found = measured(corpus, lake, suites, stale, candidacy, spent, progress)
        kept = accepted_rows(published, candidacy.index, state)
        sync = Sync(writer, published)
        for row in (*found.rows, *kept.rows):
            sync.put(row)
        counts = sync.finish()
        own = [row for row in found.rows if row["role"] == CANDIDATE]
        summary = {
            **_measured(found, own),
            **_judged(suites, candidacy),
            "counts": counts.as_dict(),
            "spent": spent,
            "behaviour": state.behaviour,
            "accepted_behaviour": state.accepted,
            "compared_with_accepted": kept.compared,
            "accepted_problem": kept.problem,
        }
        gates = [
            _accounting(found.questions, writer.staged()),
            training_gate(found.held_out, lake.published(corpus.table("training_set"))),
            _current(own),
        ]
        return Staged(sync.data_version, summary, gates, final=not (found.problem or found.untuned_problem))

    @published_asset(
        corpus,
        "evaluation",
        code_version=CODE_VERSION,
        checks=CHECKS,
        deps=["vector_index", "clean_documents", "chunks", SUITES, PRODUCTION, *corpus.upstream_deps],
        partitioned=True,
    )
    def evaluation(context: dg.AssetExecutionContext, lake: Lake) -> Publication:
        """One row per question, system and side: what was retrieved, its scores and its time."""
        key = context.partition_key
        index = corpus.upstream(lake, "vector_index", key)
        upstream = corpus.index_with_sources(lake, index)
        candidacy = Candidacy.of(corpus, lake, index, key)
        suites = corpus.suites
        stale = pinned_stale(corpus, lake, suites, upstream["source"])
        production = [candidacy.production.manifest.identity if candidacy.production else None, candidacy.against]
        # The first suite gives the headline, so that their order counts.
        asked = [suite.identity for suite in suites]
        versions = [snapshot.data_version for snapshot in upstream.values()]
        base = lake.published(corpus.table("vector_index", corpus.base_model.key))
        judged = [candidacy.candidate.identity, production, candidacy.alone, base.data_version if base else None]
        state = state_of(corpus, lake, key)
        judged += [state.behaviour] if state.behaviour else []
        return Publication(
            table=corpus.table("evaluation", key),
            schema=schemas.EVALUATION,
            inputs=value_hash([CODE_VERSION, SCORER, asked, stale, versions, judged]),
            stage=partial(stage, context, lake, suites, stale, candidacy, state),
            describe=_describe,
            at_rest=lambda summary: {**counts_at_rest(summary), "questions_embedded": 0},
            redo=is_repair(context),
        )

    return evaluation


def _measured(found: Measured, own: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What was measured; `own` are the candidate's rows."""
    return {
        "questions": len(found.questions),
        "questions_embedded": found.questions_embedded,
        "figures": [one.as_dict() for one in figures(row for row in own if row["part"] == DAILY_PART)],
        "unmeasured": sum(row["unmeasured"] is not None for row in own) // len(SYSTEMS),
        "stale": sum(row["stale"] is not None for row in own) // len(SYSTEMS),
        "sides": found.sides,
        "problem": found.problem,
        "untuned_problem": found.untuned_problem,
        "scorer": SCORER,
    }


def _judged(suites: Sequence[Suite], candidacy: Candidacy) -> dict[str, Any]:
    """What is judged, against what and by what: a verdict rests on these."""
    return {
        "suites": identities(suites),
        "candidate": candidacy.candidate.identity,
        "production": candidacy.production.manifest.identity if candidacy.production else None,
        "alone": candidacy.alone,
        "against": candidacy.against,
        "data_only": candidacy.data_only,
        "lineage": {**candidacy.index.summary["lineage"], "index": candidacy.index.reference},
    }


def _accounting(question_ids: list[str], staged: Snapshot) -> GateResult:
    rows = staged.arrow(["question_id", "system"], f"role = '{CANDIDATE}'")
    found = set(zip(rows["question_id"].to_pylist(), rows["system"].to_pylist(), strict=True))
    missing = [
        f"{question_id}/{system}"
        for question_id in question_ids
        for system in SYSTEMS
        if (question_id, system) not in found
    ]
    return offenders_gate("every_question_counted", missing, CHECKS["every_question_counted"], rows=len(rows))


def _current(rows: Sequence[dict[str, Any]]) -> GateResult:
    """The stale questions, to be reviewed: they are left out of the gate, and block nothing."""
    asked = [row for row in rows if row["system"] == HEADLINE_SYSTEM]
    stale = [f"{row['question_id']}: {row['stale']}" for row in asked if row["stale"]]
    gate = offenders_gate("answers_current", stale, CHECKS["answers_current"], questions=len(asked))
    return replace(gate, blocking=False)


def _describe(summary: dict[str, Any]) -> dict[str, Any]:
    found = [SetFigures.from_dict(raw) for raw in summary["figures"]]
    return {
        **headline(found),
        "questions": summary["questions"],
        "unmeasured": summary["unmeasured"],
        "stale": summary["stale"],
        "questions_embedded": summary["questions_embedded"],
        "sides": ", ".join(f"{side['role']}: {side['key']}" for side in summary["sides"]),
    }
