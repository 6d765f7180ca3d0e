"""The jobs of a corpus: its whole life, a candidate, a promotion, the way back, withdrawal, repair and maintenance."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from llmops_pipelines.orchestration.corpus import Corpus
from llmops_pipelines.orchestration.observed import tell_observed
from llmops_pipelines.orchestration.repairing import REPAIR_TAG
from llmops_pipelines.orchestration.stages import CANDIDATE_STAGES, RELEASE
from llmops_pipelines.orchestration.stages.release import history_table
from llmops_pipelines.release.manifest import Release
from llmops_pipelines.release.releases import Releases
from llmops_pipelines.resources.lake import LakeResource

AssetJob = Any  # what `define_asset_job` returns has no public name


class RollbackConfig(dg.Config):
    """Where to go back to: an earlier release, the one before that in force where none is named."""

    release_id: str = ""
    reason: str = "rollback from the job"


class WithdrawConfig(dg.Config):
    """What is never to be served again, what is in force where nothing is named, and why."""

    release_id: str = ""
    reason: str


def life_job(corpus: Corpus) -> AssetJob:
    """Everything, from source to release."""
    return dg.define_asset_job(
        f"{corpus.name}_life",
        selection=dg.AssetSelection.groups(corpus.name),
        description=f"Everything of corpus {corpus.name}, from source to release, for one embedding model.",
        tags={"corpus": corpus.name},
    )


def candidate_job(corpus: Corpus) -> AssetJob:
    """From embeddings to report, for any key."""
    said = "Embeds, indexes and evaluates one embedding model beside the live index; releases nothing."
    return _asset_job(corpus, "candidate", CANDIDATE_STAGES, said)


def promote_job(corpus: Corpus) -> AssetJob:
    """The release alone."""
    said = "Puts the index of one embedding model in force, also one that somebody went back from."
    return _asset_job(corpus, "promote", (RELEASE,), said)


def repair_job(corpus: Corpus) -> AssetJob:
    """Embeddings and index made right again, evaluated anew, and released where the damaged index is in force."""
    said = "Repairs embeddings and index of one embedding model, and releases again what was damaged."
    return _asset_job(corpus, "repair", (*CANDIDATE_STAGES, RELEASE), said, {REPAIR_TAG: "true"})


def reevaluation_job(corpus: Corpus) -> AssetJob:
    """From embeddings to release, of which a change of an upstream model asks for a part."""
    said = f"Evaluates what of {corpus.name} depends on an upstream model that has changed."
    return _asset_job(corpus, "reevaluation", (*CANDIDATE_STAGES, RELEASE), said)


def maintenance_job(corpus: Corpus) -> AssetJob:
    """The maintenance alone."""
    said = f"Compacts the tables of {corpus.name} and cleans old versions away."
    return _asset_job(corpus, "maintenance", ("maintenance",), said)


def data_drift_job(corpus: Corpus) -> AssetJob:
    """The comparison of new documents and queries alone."""
    said = f"Whether {corpus.name} and what is asked of it still resemble what its release was judged by."
    return _asset_job(corpus, "data_drift", ("data_drift",), said)


def _asset_job(
    corpus: Corpus, verb: str, stages: Sequence[str], description: str, tags: Mapping[str, str] | None = None
) -> AssetJob:
    """The job `<corpus>_<verb>` of these stages."""
    return dg.define_asset_job(
        f"{corpus.name}_{verb}",
        selection=dg.AssetSelection.assets(*map(corpus.key, stages)),
        description=description,
        tags={"corpus": corpus.name, **(tags or {})},
    )


def rollback_job(corpus: Corpus) -> dg.JobDefinition:
    """The way back."""

    @dg.op(name=f"{corpus.name}_rollback_release", pool=corpus.pool("release"))
    def rollback_release(context: dg.OpExecutionContext, config: RollbackConfig, lake: LakeResource) -> None:
        """Appends a row that puts an earlier release in force again; touches no vector."""
        releases = Releases(lake.open(), corpus.name)
        _observe(context, corpus, releases, releases.rollback(_by(context), config.reason, config.release_id or None))

    description = "Puts the release before that in force in force again, or the one that release_id names."
    return _job(corpus, "rollback", rollback_release, description)


def withdraw_job(corpus: Corpus) -> dg.JobDefinition:
    """A release that is never to be served again."""

    @dg.op(name=f"{corpus.name}_withdraw_release", pool=corpus.pool("release"))
    def withdraw_release(context: dg.OpExecutionContext, config: WithdrawConfig, lake: LakeResource) -> None:
        """Appends a row that withdraws a release; what was valid before it is in force again."""
        releases = Releases(lake.open(), corpus.name)
        _observe(context, corpus, releases, releases.withdraw(_by(context), config.reason, config.release_id or None))

    description = "Withdraws what is in force, or the release that release_id names: it is never served again."
    return _job(corpus, "withdraw", withdraw_release, description)


def _job(corpus: Corpus, verb: str, op: dg.OpDefinition, description: str) -> dg.JobDefinition:
    """One op as a job of the corpus."""
    graph = dg.GraphDefinition(name=f"{corpus.name}_{verb}", node_defs=[op])
    return graph.to_job(description=description, tags={"corpus": corpus.name})


def _by(context: dg.OpExecutionContext) -> str:
    return f"run {context.run_id}"


def _observe(context: dg.OpExecutionContext, corpus: Corpus, releases: Releases, row: Release) -> None:
    """Tell the release's page in the UI what was appended, and what is in force now."""
    tell_observed(corpus, context.instance, releases.lake, context.log)
    current = releases.in_force()
    now = f"{current.release_id}, {current.manifest.model_key}" if current else "nothing"
    context.log.info(f"{row.release_id}, a {row.action}; in force: {now}")
    context.log_event(
        dg.AssetObservation(
            corpus.key("release"),
            partition=(current or row).manifest.model_key,
            metadata={
                "release_id": row.release_id,
                "action": row.action,
                "reason": row.reason,
                "in force": now,
                "releases": history_table(releases.standings()),
            },
        )
    )
