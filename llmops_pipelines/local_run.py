"""`llmops run`, `llmops reembed` and `llmops repair`: jobs of a corpus in this process, with progress on the terminal."""

import time
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
from rich.console import Console

from llmops_pipelines import project
from llmops_pipelines.candidate_summary import CandidateSummary, summarise_candidate
from llmops_pipelines.orchestration.corpus import Corpus
from llmops_pipelines.orchestration.life import PlannedRun, candidate_run, life_runs
from llmops_pipelines.orchestration.observed import observe
from llmops_pipelines.orchestration.partitions import register_keys
from llmops_pipelines.orchestration.run_lock import alive, bury_the_dead
from llmops_pipelines.orchestration.stages import RELEASE
from llmops_pipelines.orchestration.stages.release import BY_VERDICT_TAG
from llmops_pipelines.run_results import failures, promoted
from llmops_pipelines.run_summary import RunSummary, summarise
from llmops_pipelines.terminal import shown


def run_life(corpus: Corpus, console: Console | None) -> RunSummary:
    """Bring the corpus up to date for the model in production, tune, evaluate what was tuned, and promote it or not.

    Each step is a run of its own in this process. Progress goes to `console`, nowhere where it is None.
    """
    started = time.monotonic()
    lake = project.lake().open()
    results: list[tuple[PlannedRun, dg.ExecuteInProcessResult]] = []
    with _instance() as (home, instance):
        register_keys(corpus, instance, lake)
        observe(corpus, instance, lake)
        for run in life_runs(corpus, lake):
            results.append((run, _execute(corpus, run, instance, home, console)))
        candidate = candidate_run(corpus, lake)
        if candidate and results[0][1].success:  # that of the base, which tunes
            if console:
                console.print(f"[bold]candidate[/] {candidate.key}", highlight=False)
            results.append((candidate, _execute(corpus, candidate, instance, home, console)))
            if promoted(results[-1][1]):
                promotion = PlannedRun("promote", candidate.key)
                results.append((promotion, _execute(corpus, promotion, instance, home, console)))
    summary = summarise(corpus, results)
    summary.seconds = time.monotonic() - started
    return summary


def run_candidate(corpus: Corpus, key: str, console: Console | None) -> CandidateSummary:
    """Embed, index and evaluate model `key` beside the live index; releases nothing. Raises ModelError."""
    started = time.monotonic()
    lake = project.lake().open()
    corpus.model(key, lake)
    with _instance() as (home, instance):
        register_keys(corpus, instance, lake)
        result = _execute(corpus, PlannedRun("candidate", key), instance, home, console)
    return summarise_candidate(corpus, key, result, time.monotonic() - started)


def run_repair(corpus: Corpus, key: str, released: bool, console: Console | None) -> list[str]:
    """Repair embeddings and index of model `key`, and its release where it is `released`; returns what failed."""
    with _instance() as (home, instance):
        register_keys(corpus, instance, project.lake().open())
        run = PlannedRun("repair", key, () if released else (RELEASE,))
        return failures(_execute(corpus, run, instance, home, console))


@contextmanager
def _instance() -> Iterator[tuple[Path, dg.DagsterInstance]]:
    """The Dagster instance of this deployment and its folder, slots of killed runs given back."""
    home = project.dagster_home()
    with dg.DagsterInstance.get() as instance:
        bury_the_dead(home, instance)
        yield home, instance


def _execute(
    corpus: Corpus, run: PlannedRun, instance: dg.DagsterInstance, home: Path, console: Console | None
) -> dg.ExecuteInProcessResult:
    from llmops_pipelines.definitions import defs

    run_id = str(uuid.uuid4())
    definitions = defs()
    assert isinstance(definitions, dg.Definitions)
    with alive(home, run_id), shown(console), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        job = definitions.resolve_job_def(f"{corpus.name}_{run.job}")
        return job.execute_in_process(
            instance=instance,
            run_id=run_id,
            partition_key=run.key,
            asset_selection=run.selection(corpus, job),
            tags={BY_VERDICT_TAG: "true"} if run.job == "promote" else None,
            raise_on_error=False,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
