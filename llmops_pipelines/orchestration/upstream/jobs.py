"""The jobs of an upstream model: to observe it, and to accept it as it is; and a schedule for each tier of its probes."""

from typing import Any

import dagster as dg

from llmops_pipelines.drift.blocking import settle
from llmops_pipelines.drift.history import Reference
from llmops_pipelines.drift.upstream import UpstreamError
from llmops_pipelines.embedding.model_folder import ModelError
from llmops_pipelines.orchestration.progress import Progress
from llmops_pipelines.orchestration.upstream.model import UpstreamModel, data_version
from llmops_pipelines.resources.lake import LakeResource
from llmops_pipelines.storage.upstream_schemas import UPSTREAM

VERSION_TAG = "dagster/data_version"


class AcceptConfig(dg.Config):
    """Why the model is taken as it is now."""

    reason: str = "accepted by the job"


def observe_job(model: UpstreamModel) -> Any:
    """The observation alone."""
    return dg.define_asset_job(
        model.named("observe"),
        selection=dg.AssetSelection.assets(model.key),
        description=f"Asks {model.name} its probes and compares what it answers with what was accepted.",
        tags={UPSTREAM: model.name},
    )


def accept_job(model: UpstreamModel) -> dg.JobDefinition:
    """A new reference."""

    @dg.op(name=model.named("accept_reference"))
    def accept_reference(context: dg.OpExecutionContext, config: AcceptConfig, lake: LakeResource) -> None:
        """Asks the model for a reference, which it is compared with from now on."""
        upstream = model.upstream(lake.open())
        progress = Progress(context.log, model.name, "calls")
        try:
            made = upstream.accept(model.settings.tiers, f"run {context.run_id}", config.reason, progress)
        except (UpstreamError, ModelError) as error:
            raise dg.Failure(str(error), allow_retries=False) from error
        settle(upstream)
        context.log_event(accepted(model, made))

    graph = dg.GraphDefinition(name=model.named("accept"), node_defs=[accept_reference])
    return graph.to_job(
        description=f"Takes {model.name} as it is and answers now: the reference of all later observations.",
        tags={UPSTREAM: model.name},
    )


def accepted(model: UpstreamModel, reference: Reference) -> dg.AssetObservation:
    """What tells the model's page that a reference was made."""
    return dg.AssetObservation(
        model.key,
        tags={VERSION_TAG: data_version(reference).value},
        metadata={
            "accepted": reference.reference_id,
            "identity": str(reference.identity),
            "reason": reference.reason,
            "requested by": reference.requested_by,
        },
    )


def tier_schedules(model: UpstreamModel) -> list[dg.ScheduleDefinition]:
    """A schedule a tier; they ship stopped."""
    return [
        dg.ScheduleDefinition(
            name=model.named(tier),
            job_name=model.named("observe"),
            cron_schedule=getattr(model.settings.schedules, tier),
            run_config={"ops": {model.named("observation"): {"config": {"tiers": [tier]}}}},
            execution_timezone="UTC",
            default_status=dg.DefaultScheduleStatus.STOPPED,
            description=f"Observes {model.name} by its {tier}. Ships stopped.",
        )
        for tier in model.settings.tiers
    ]
