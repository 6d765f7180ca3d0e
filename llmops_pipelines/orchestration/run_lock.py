"""Tells a run of `llmops run` that is alive from one that was killed: the file of its run is locked while it lives.

A killed process leaves its run as started and its pool slots taken, and without Dagster's daemon nobody gives them back.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg


@contextmanager
def alive(home: Path, run_id: str) -> Iterator[None]:
    """Hold the lock of `run_id` meanwhile. The system releases it however this process ends."""
    path = _folder(home) / run_id
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    path.unlink(missing_ok=True)


def bury_the_dead(home: Path, instance: dg.DagsterInstance) -> list[str]:
    """Report the runs whose process is gone as failed and free their pool slots; returns their ids."""
    buried: list[str] = []
    for path in sorted(_folder(home).iterdir()):
        with path.open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue  # it lives
            run = instance.get_run_by_id(path.name)
            if run is not None and not run.is_finished:
                instance.report_run_failed(run, "the process of this run has ended without a word")
            if instance.event_log_storage.supports_global_concurrency_limits:
                instance.event_log_storage.free_concurrency_slots_for_run(path.name)
            buried.append(path.name)
        path.unlink(missing_ok=True)
    return buried


def _folder(home: Path) -> Path:
    folder = home / "llmops_runs"
    folder.mkdir(exist_ok=True)
    return folder
