"""`llmops run` from nothing, again, and once more with nothing to do: `python -m benchmarks.run [--repeats N]`.

Where the first run promotes the tuned model, the second judges the base against it; the third has nothing to do.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from benchmarks.measuring import Timing, medians, report, timed

COMMAND = [sys.executable, "-m", "llmops_pipelines.cli", "run", "--json"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=1, help="runs from nothing, each followed by two more")
    repeats = parser.parse_args().repeats
    first: list[Timing] = []
    second: list[Timing] = []
    third: list[Timing] = []
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as folder:
            environment = {"LLMOPS_LAKE": str(Path(folder) / "lake"), "DAGSTER_HOME": str(Path(folder) / "home")}
            first.append(timed(COMMAND, environment))
            second.append(timed(COMMAND, environment))
            third.append(timed(COMMAND, environment))
    begun, again, last = (json.loads(runs[-1].output) for runs in (first, second, third))
    report(
        first=medians(first),
        second=medians(second),
        third=medians(third),
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
        third_embedded=last["embedded"],
        third_questions_embedded=last["questions_embedded"],
        repeats=repeats,
    )


if __name__ == "__main__":
    main()
