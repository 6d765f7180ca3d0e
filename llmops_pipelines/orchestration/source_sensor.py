"""The sensor that runs the life of a corpus when its source has changed. Ships stopped."""

import json

import dagster as dg

from llmops_pipelines.corpus.sources.protocol import Stated
from llmops_pipelines.orchestration.corpus import Corpus
from llmops_pipelines.orchestration.life import life_runs
from llmops_pipelines.resources.lake import LakeResource

LOOK_SECONDS = 300


def source_sensor(corpus: Corpus) -> dg.SensorDefinition:
    """Requests the runs of the life job once per change of the source: when two looks in a row see the same new state.

    A look lists names, sizes and times and reads nothing. The first one after it is switched on counts as a change.
    """

    @dg.sensor(
        name=f"{corpus.name}_source",
        job_name=f"{corpus.name}_life",
        minimum_interval_seconds=LOOK_SECONDS,
        default_status=dg.DefaultSensorStatus.STOPPED,
        description=f"Runs the life of {corpus.name} when its source has changed and holds still. Ships stopped.",
    )
    def source_changed(context: dg.SensorEvaluationContext, lake: LakeResource) -> dg.SensorResult | dg.SkipReason:
        source = corpus.source
        if not isinstance(source, Stated):
            return dg.SkipReason(f"{source!r} cannot tell cheaply whether it changed: use {corpus.name}_nightly")
        last = json.loads(context.cursor) if context.cursor else {"seen": None, "requested": None, "changes": 0}
        state = source.state()
        if state == last["requested"]:
            return dg.SensorResult(skip_reason="the source has not changed", cursor=json.dumps({**last, "seen": state}))
        if last["seen"] is not None and state != last["seen"]:
            return dg.SensorResult(
                skip_reason="the source is changing: it is run when two looks see the same",
                cursor=json.dumps({**last, "seen": state}),
            )
        changes = last["changes"] + 1
        job = context.repository_def.get_job(f"{corpus.name}_life") if context.repository_def else None
        assert job is not None
        return dg.SensorResult(
            run_requests=[
                # The number of the change, because Dagster never runs a key twice: a change back is a change.
                dg.RunRequest(
                    run_key=f"{changes}/{run.key}", partition_key=run.key, asset_selection=run.selection(corpus, job)
                )
                for run in life_runs(corpus, lake.open())
            ],
            cursor=json.dumps({"seen": state, "requested": state, "changes": changes}),
        )

    return source_changed
