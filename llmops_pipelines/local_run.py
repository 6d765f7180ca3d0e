"""`llmops run`: the life job of a corpus in this process, with progress on the terminal and a summary at the end."""

import os
import sys
import time
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

import dagster as dg
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeRemainingColumn

from llmops_pipelines import project
from llmops_pipelines.orchestration.corpus import Corpus
from llmops_pipelines.orchestration.partitions import production_key, register_keys
from llmops_pipelines.orchestration.progress import Finished, Step, listening
from llmops_pipelines.orchestration.run_lock import alive, bury_the_dead


@dataclass
class RunSummary:
    """What a run did. `ndcg10` is that of hybrid search on the dev part of the first question set."""

    corpus: str
    model: str
    documents: int | None = None
    chunks: int | None = None
    embedded: int | None = None
    reused: int | None = None
    questions_embedded: int | None = None
    ndcg10: float | None = None
    ndcg10_interval: list[float] | None = None
    seconds: float = 0.0
    report: str | None = None
    release: str | None = None
    failures: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def show(self, console: Console) -> None:
        """Print the summary for people."""
        for failure in self.failures:
            console.print(f"[bold red]failed:[/] {failure}", highlight=False, soft_wrap=True)
        lines = {
            "documents": self.documents,
            "chunks": self.chunks,
            "embedded": self.embedded,
            "reused": self.reused,
            "nDCG@10": _with_interval(self.ndcg10, self.ndcg10_interval),
            "release": self.release,
            "report": self.report,
            "seconds": f"{self.seconds:.0f}",
        }
        for name, value in lines.items():
            if value is not None:
                shown = f"{value:,}" if isinstance(value, int) else value
                console.print(f"[bold]{name:>10}[/]  {shown}", highlight=False, soft_wrap=True)
        if not self.failures:
            console.print(f'\nSearch it:  llmops search {self.corpus} "..."    See it:  llmops ui', highlight=False)


def run_life(corpus: Corpus, console: Console | None) -> RunSummary:
    """Run the life job for the model in production. Progress goes to `console`, nowhere where it is None."""
    started = time.monotonic()
    home = project.dagster_home()
    run_id = str(uuid.uuid4())
    from llmops_pipelines.definitions import defs

    with dg.DagsterInstance.get() as instance, alive(home, run_id), _shown(console):
        bury_the_dead(home, instance)
        key = production_key(corpus, project.lake().open())
        register_keys(corpus, instance)
        definitions = defs()
        assert isinstance(definitions, dg.Definitions)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            job = definitions.resolve_job_def(f"{corpus.name}_life")
            result = job.execute_in_process(
                instance=instance,
                run_id=run_id,
                partition_key=key,
                raise_on_error=False,
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            )
    summary = _summary(corpus, key, result)
    summary.seconds = time.monotonic() - started
    return summary


def _summary(corpus: Corpus, key: str, result: dg.ExecuteInProcessResult) -> RunSummary:
    found: dict[str, dict[str, Any]] = {
        event.materialization.asset_key.path[-1]: {k: v.value for k, v in event.materialization.metadata.items()}
        for event in result.get_asset_materialization_events()
    }

    def value(stage: str, name: str) -> Any:
        return found.get(stage, {}).get(name)

    low, high = value("evaluation", "nDCG@10 low"), value("evaluation", "nDCG@10 high")
    return RunSummary(
        corpus=corpus.name,
        model=key,
        documents=value("documents", "dagster/row_count"),
        chunks=value("chunks", "dagster/row_count"),
        embedded=value("embeddings", "embedded"),
        reused=value("embeddings", "reused"),
        questions_embedded=value("evaluation", "questions_embedded"),
        ndcg10=value("evaluation", "nDCG@10"),
        ndcg10_interval=[low, high] if low is not None else None,
        report=value("evaluation_report", "report"),
        release=value("release", "release_id"),
        failures=[
            f"{event.step_key}: {failure_reason(event)}"
            for event in result.filter_events(lambda event: event.is_step_failure)
        ],
    )


def failure_reason(event: dg.DagsterEvent) -> str:
    """What a failed step says: the description of its dg.Failure, else the error that the asset raised."""
    data = event.step_failure_data
    if data.user_failure_data and data.user_failure_data.description:
        return data.user_failure_data.description
    error = data.error
    if error is None:
        return "no reason was recorded"
    raised = error.cause if error.cause and error.cls_name == "DagsterExecutionStepExecutionError" else error
    return raised.message.strip()


def _with_interval(mean: float | None, interval: list[float] | None) -> str | None:
    if mean is None or interval is None:
        return None
    return f"{mean:.3f} [{interval[0]:.3f}, {interval[1]:.3f}] (dev, 95 % interval)"


@contextmanager
def _shown(console: Console | None) -> Iterator[None]:
    """A line for each asset: how far it is, at what rate, and at the end what it did."""
    if console is None:
        yield
        return
    # Dagster captures what steps write to the descriptor of stderr; progress goes to the terminal behind it.
    with os.fdopen(os.dup(sys.stderr.fileno()), "w") as stderr:
        shown = Console(file=stderr, force_terminal=console.is_terminal)
        with _bars(shown) if console.is_terminal else listening(lambda event: _line(shown, event)):
            yield


def _line(console: Console, event: Step | Finished) -> None:
    """What a log keeps: one line when an asset is done."""
    if isinstance(event, Finished):
        console.print(f"{event.asset}: {event.outcome}", highlight=False, soft_wrap=True)


@contextmanager
def _bars(console: Console) -> Iterator[None]:
    """A bar for each asset."""
    columns = (
        SpinnerColumn(finished_text="[green]✓[/]"),
        TextColumn("{task.description:<18}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[text]}"),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    with Progress(*columns, console=console) as progress:
        tasks: dict[str, TaskID] = {}
        starts: dict[str, float] = {}

        def show(event: Step | Finished) -> None:
            now = time.monotonic()
            if event.asset not in tasks:
                tasks[event.asset] = progress.add_task(event.asset, total=None, text="")
                starts[event.asset] = now
            task = tasks[event.asset]
            if isinstance(event, Finished):
                total = progress.tasks[task].total or progress.tasks[task].completed or 1
                progress.update(task, completed=total, total=total, text=event.outcome)
                return
            rate = event.done / max(now - starts[event.asset], 1e-9)
            of = f" of {event.total:,}" if event.total is not None else ""
            text = f"{event.done:,}{of} {event.unit}, {rate:,.0f}/s"
            progress.update(task, completed=event.done, total=event.total, text=text)

        with listening(show):
            yield
