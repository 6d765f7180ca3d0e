"""`llmops run` from nothing, and again with nothing to do: `python -m benchmarks.run [--repeats N]`."""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from benchmarks.measuring import Timing, medians, report, timed

COMMAND = [sys.executable, "-m", "llmops_pipelines.cli", "run", "--json"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=1, help="runs from nothing, each followed by a second run")
    repeats = parser.parse_args().repeats
    first: list[Timing] = []
    second: list[Timing] = []
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as folder:
            environment = {"LLMOPS_LAKE": str(Path(folder) / "lake"), "DAGSTER_HOME": str(Path(folder) / "home")}
            first.append(timed(COMMAND, environment))
            second.append(timed(COMMAND, environment))
    begun, again = json.loads(first[-1].output), json.loads(second[-1].output)
    report(
        first=medians(first),
        second=medians(second),
        documents=begun["documents"],
        chunks=begun["chunks"],
        embedded=begun["embedded"],
        ndcg10=begun["ndcg10"],
        tuning=begun["tuning"],
        ndcg10_before=begun["ndcg10_before"],
        ndcg10_after=begun["ndcg10_after"],
        ndcg10_difference=begun["ndcg10_difference"],
        second_embedded=again["embedded"],
        second_questions_embedded=again["questions_embedded"],
        repeats=repeats,
    )


if __name__ == "__main__":
    main()
