"""Dagster's own cost for the life of a corpus with nothing to do, beside the same look at the lake without Dagster.

`python -m benchmarks.overhead [--repeats N]` runs the shipped corpus once from nothing, then measures in turn: the life
job in this process, and reading the source's state and every published table directly.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.measuring import report

if TYPE_CHECKING:
    from llmops_pipelines.orchestration.corpus import Corpus


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5, help="pairs of measurements, the two in turn")
    repeats = parser.parse_args().repeats
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LLMOPS_LAKE"] = str(Path(folder) / "lake")
        os.environ["DAGSTER_HOME"] = str(Path(folder) / "home")
        measure(repeats)


def measure(repeats: int) -> None:
    """Print the figures; the lake and the Dagster home are named by the environment."""
    import dagster as dg

    from llmops_pipelines import project
    from llmops_pipelines.local_run import run_life

    corpus = project.corpus(None)
    run_life(corpus, None)
    run_life(corpus, None)  # everything is imported and loaded afterwards
    with_dagster: list[tuple[float, float]] = []
    without: list[tuple[float, float]] = []
    events: list[int] = []
    with dg.DagsterInstance.get() as instance:
        for _ in range(repeats):
            with_dagster.append(clocked(lambda: run_life(corpus, None)))
            run = instance.get_runs(limit=1)[0]
            events.append(len(instance.all_logs(run.run_id)))
            without.append(clocked(lambda: look(corpus)))
    report(
        dagster={
            "wall_s": round(median(t[0] for t in with_dagster), 3),
            "cpu_s": round(median(t[1] for t in with_dagster), 3),
        },
        without={"wall_s": round(median(t[0] for t in without), 3), "cpu_s": round(median(t[1] for t in without), 3)},
        events=int(median(events)),
        repeats=repeats,
    )


def look(corpus: "Corpus") -> None:
    """What the assets look at to find that there is nothing to do."""
    from llmops_pipelines import project
    from llmops_pipelines.corpus.sources.protocol import Stated

    source = corpus.source
    assert isinstance(source, Stated)
    source.state()
    lake = project.lake().open()
    for name in lake.names():
        if snapshot := lake.published(name):
            _ = snapshot.inputs, snapshot.summary, snapshot.count()
        elif appended := lake.newest(name):  # rows that are only added, as releases are: nothing of them is published
            appended.count()


def clocked(work: Callable[[], object]) -> tuple[float, float]:
    """Wall and CPU seconds of a call."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


if __name__ == "__main__":
    main()
