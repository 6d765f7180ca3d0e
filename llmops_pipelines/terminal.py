"""Progress of assets on the terminal."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeRemainingColumn

from llmops_pipelines.orchestration.progress import Finished, Step, listening


@contextmanager
def shown(console: Console | None) -> Iterator[None]:
    """A line for each asset: how far it is, at what rate, and at the end what it did."""
    if console is None:
        yield
        return
    # Dagster captures what steps write to the descriptor of stderr; progress goes to the terminal behind it.
    with os.fdopen(os.dup(sys.stderr.fileno()), "w") as stderr:
        terminal = Console(file=stderr, force_terminal=console.is_terminal)
        with _bars(terminal) if console.is_terminal else listening(lambda event: _line(terminal, event)):
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
