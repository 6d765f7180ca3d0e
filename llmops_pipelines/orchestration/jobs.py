"""The jobs of a corpus: its whole life, a candidate, a promotion, the way back, repair and maintenance."""

from typing import Any

import dagster as dg

from llmops_pipelines.orchestration.corpus import Corpus
from llmops_pipelines.orchestration.repairing import REPAIR_TAG
from llmops_pipelines.orchestration.stages import CANDIDATE_STAGES, RELEASE
from llmops_pipelines.orchestration.stages.release import history_table
from llmops_pipelines.release.releases import Releases
from llmops_pipelines.resources.lake import LakeResource

AssetJob = Any  # what `define_asset_job` returns has no public name


class RollbackConfig(dg.Config):
    """Where to go back to."""

    release_id: str = ""
    reason: str = "rollback from the job"


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
    return dg.define_asset_job(
        f"{corpus.name}_candidate",
        selection=dg.AssetSelection.assets(*(corpus.key(stage) for stage in CANDIDATE_STAGES)),
        description="Embeds, indexes and evaluates one embedding model beside the live index; releases nothing.",
        tags={"corpus": corpus.name},
    )


def promote_job(corpus: Corpus) -> AssetJob:
    """The release alone."""
    return dg.define_asset_job(
        f"{corpus.name}_promote",
        selection=dg.AssetSelection.assets(corpus.key("release")),
        description="Puts the index of one embedding model in force, also one that somebody went back from.",
        tags={"corpus": corpus.name},
    )


def repair_job(corpus: Corpus) -> AssetJob:
    """Embeddings and index made right again, evaluated anew, and released where the damaged index is in force."""
    return dg.define_asset_job(
        f"{corpus.name}_repair",
        selection=dg.AssetSelection.assets(*(corpus.key(stage) for stage in (*CANDIDATE_STAGES, RELEASE))),
        description="Repairs embeddings and index of one embedding model, and releases again what was damaged.",
        tags={"corpus": corpus.name, REPAIR_TAG: "true"},
    )


def maintenance_job(corpus: Corpus) -> AssetJob:
    """The maintenance alone."""
    return dg.define_asset_job(
        f"{corpus.name}_maintenance",
        selection=dg.AssetSelection.assets(corpus.key("maintenance")),
        description=f"Compacts the tables of {corpus.name} and cleans old versions away.",
        tags={"corpus": corpus.name},
    )


def rollback_job(corpus: Corpus) -> dg.JobDefinition:
    """The way back."""

    @dg.op(name=f"{corpus.name}_rollback_release", pool=corpus.pool("release"))
    def rollback_release(context: dg.OpExecutionContext, config: RollbackConfig, lake: LakeResource) -> None:
        """Appends a row that puts an earlier release in force again; touches no vector."""
        releases = Releases(lake.open(), corpus.name)
        release = releases.rollback(f"run {context.run_id}", config.reason, config.release_id or None)
        context.log.info(f"{release.release_id} is in force: {release.manifest.model_key}")
        context.log_event(
            dg.AssetObservation(
                corpus.key("release"),
                partition=release.manifest.model_key,
                metadata={"release_id": release.release_id, "releases": history_table(releases.history())},
            )
        )

    @dg.job(
        name=f"{corpus.name}_rollback",
        description="Puts the release before that in force in force again, or the one that release_id names.",
        tags={"corpus": corpus.name},
    )
    def rollback() -> None:
        rollback_release()

    return rollback
