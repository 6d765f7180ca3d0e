"""What runs by itself: the sensor that registers and observes (on), nightly runs and maintenance (off until switched on)."""

import dagster as dg

from llmops_pipelines.embedding.model_folder import ModelError
from llmops_pipelines.orchestration.corpus import Corpus
from llmops_pipelines.orchestration.life import life_runs
from llmops_pipelines.orchestration.observed import changed
from llmops_pipelines.orchestration.partitions import standing_keys, unregistered
from llmops_pipelines.resources.lake import LakeResource

REGISTER_SECONDS = 60


def register_sensor(corpus: Corpus) -> dg.SensorDefinition:
    """Registers partition keys and observes suites and production; it costs a hash of the weights when they change.

    It downloads nothing and starts nothing.
    """

    @dg.sensor(
        name=f"{corpus.name}_register_models",
        minimum_interval_seconds=REGISTER_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Registers the embedding models of {corpus.name} as partitions, and observes its suites and what is in "
        "production. It starts no run.",
    )
    def register_models(context: dg.SensorEvaluationContext, lake: LakeResource) -> dg.SensorResult | dg.SkipReason:
        store = lake.open()
        try:
            models = corpus.usable_models()
            missing = unregistered(corpus, context.instance, store, models)
            observations = changed(corpus, context.instance, store, standing_keys(corpus, store, models))
        except ModelError as error:
            return dg.SkipReason(str(error))
        problems = "\n".join(map(str, models.problems.values()))
        if not missing and not observations:
            return dg.SkipReason(problems or "every model is registered, suites and production are what they were")
        return dg.SensorResult(
            skip_reason=problems or None,
            dynamic_partitions_requests=[corpus.embedding_model.build_add_request(missing)] if missing else None,
            asset_events=observations,
        )

    return register_models


def nightly_schedule(corpus: Corpus) -> dg.ScheduleDefinition:
    """The life job every night, for the model in production."""

    @dg.schedule(
        name=f"{corpus.name}_nightly",
        job_name=f"{corpus.name}_life",
        cron_schedule=corpus.settings.schedule,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.STOPPED,
        description=f"Brings {corpus.name} up to date for the model in production. Ships stopped.",
    )
    def nightly(context: dg.ScheduleEvaluationContext, lake: LakeResource) -> list[dg.RunRequest]:
        job = context.repository_def.get_job(f"{corpus.name}_life")
        return [
            dg.RunRequest(partition_key=run.key, asset_selection=run.selection(corpus, job))
            for run in life_runs(corpus, lake.open())
        ]

    return nightly


def maintenance_schedule(corpus: Corpus) -> dg.ScheduleDefinition:
    """The maintenance job every week."""
    said = f"Compacts the tables of {corpus.name} and cleans old versions away."
    return _schedule(corpus, "maintenance", corpus.settings.maintenance.schedule, said)


def data_drift_schedule(corpus: Corpus) -> dg.ScheduleDefinition:
    """The comparison of new documents and queries, every week."""
    said = f"Compares new documents and queries of {corpus.name} with what it was judged by."
    return _schedule(corpus, "data_drift", corpus.settings.data_drift.schedule, said)


def _schedule(corpus: Corpus, job: str, cron: str, description: str) -> dg.ScheduleDefinition:
    """A schedule of a job of the corpus, with its name."""
    return dg.ScheduleDefinition(
        name=f"{corpus.name}_{job}",
        job_name=f"{corpus.name}_{job}",
        cron_schedule=cron,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.STOPPED,
        description=f"{description} Ships stopped.",
    )
