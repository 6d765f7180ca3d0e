"""Runs the jobs of a corpus in this process on a real Dagster instance, and reads back what they recorded."""

import warnings
from collections.abc import Sequence
from typing import Any

import dagster as dg

from llmops_pipelines.evaluation.figures import SetFigures, figures
from llmops_pipelines.evaluation.suites import gating_identity
from llmops_pipelines.evaluation.verdicts import VerdictRow
from llmops_pipelines.orchestration.corpus import Corpus
from llmops_pipelines.orchestration.failures import failure_reason
from llmops_pipelines.orchestration.lifecycle import lifecycle
from llmops_pipelines.orchestration.manifests import manifest_of
from llmops_pipelines.orchestration.partitions import register_keys
from llmops_pipelines.orchestration.serving import evaluate_part, released_searcher
from llmops_pipelines.orchestration.stages import STAGE_NAMES
from llmops_pipelines.release.releases import Releases
from llmops_pipelines.resources.lake import LakeResource
from llmops_pipelines.storage import Lake
from tests.verdicts import judge

STAGES = list(STAGE_NAMES)


def definitions(corpus: Corpus, lake_uri: str) -> dg.Definitions:
    """The definitions of one corpus, bound to a lake."""
    bound = dg.Definitions(resources={"lake": LakeResource(uri=lake_uri)}, executor=dg.in_process_executor)
    return dg.Definitions.merge(lifecycle(corpus), bound)


def run_job(
    corpus: Corpus,
    instance: dg.DagsterInstance,
    lake_uri: str,
    job: str = "life",
    model_key: str | None = None,
    run_config: dict[str, Any] | None = None,
    stages: Sequence[str] = (),
) -> dg.ExecuteInProcessResult:
    """Run `<corpus>_<job>` for the base model, or the one with `model_key`; all of its stages, or these."""
    register_keys(corpus, instance, Lake(lake_uri))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        resolved = definitions(corpus, lake_uri).resolve_job_def(f"{corpus.name}_{job}")
        quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
        partitioned = resolved.partitions_def is not None
        return resolved.execute_in_process(
            instance=instance,
            partition_key=(model_key or corpus.model_keys()[0]) if partitioned else None,
            asset_selection=[corpus.key(stage) for stage in stages] or None,
            raise_on_error=False,
            run_config=quiet | (run_config or {}),
        )


def judge_published(corpus: Corpus, lake: Lake, model_key: str | None = None, promotes: bool = True) -> VerdictRow:
    """A verdict by hand on the published index of the base model, or of another, against what is in force."""
    key = model_key or corpus.model_keys()[0]
    index = lake.published(corpus.table("vector_index", key))
    assert index is not None
    releases = Releases(lake, corpus.name)
    by = f"verdict {len(releases.verdicts.history())}"
    verdict = "better" if promotes else "worse"
    suites = gating_identity(corpus.suites)
    return judge(releases, manifest_of(corpus, lake, index, key), verdict, promotes, by, suites)


def promote(
    corpus: Corpus, instance: dg.DagsterInstance, lake_uri: str, model_key: str | None = None
) -> dg.ExecuteInProcessResult:
    """Put the published index of the base model, or of another, in force, by a verdict that is made by hand."""
    judge_published(corpus, Lake(lake_uri), model_key)
    return run_job(corpus, instance, lake_uri, "promote", model_key)


def metadata(result: dg.ExecuteInProcessResult) -> dict[str, dict[str, Any]]:
    """The metadata values of every materialisation of a run, by stage."""
    return {
        event.materialization.asset_key.path[-1]: {k: v.value for k, v in event.materialization.metadata.items()}
        for event in result.get_asset_materialization_events()
    }


def checks(result: dg.ExecuteInProcessResult) -> dict[str, bool]:
    """Whether each check passed, by `stage:check`."""
    return {
        f"{evaluation.asset_key.path[-1]}:{evaluation.check_name}": evaluation.passed
        for evaluation in result.get_asset_check_evaluations()
    }


def failure(result: dg.ExecuteInProcessResult) -> str:
    """What the one step that failed says."""
    (event,) = result.filter_events(lambda event: event.is_step_failure)
    return failure_reason(event)


def failures(result: dg.ExecuteInProcessResult) -> list[str]:
    """What the steps that failed say."""
    return [failure_reason(event) for event in result.filter_events(lambda event: event.is_step_failure)]


def released_figures(corpus: Corpus, lake: Lake, part: str) -> list[SetFigures]:
    """The figures of the release in force on the questions of a part."""
    release, searcher = released_searcher(corpus, lake)
    return figures(evaluate_part(corpus, lake, release.manifest.model_key, searcher, part))
