"""How long the code location takes to load, beside a bare `import dagster`: `python -m benchmarks.load [--repeats N]`."""

import argparse
import sys

from benchmarks.measuring import Timing, medians, report, timed

LOAD = [sys.executable, "-c", "from llmops_pipelines.definitions import defs; defs().get_repository_def()"]
IMPORT = [sys.executable, "-c", "import dagster"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=7, help="pairs of runs, the two commands in turn")
    repeats = parser.parse_args().repeats
    loads: list[Timing] = []
    imports: list[Timing] = []
    for command in (LOAD, IMPORT):
        timed(command)  # byte code and file cache are warm afterwards
    for _ in range(repeats):
        loads.append(timed(LOAD))
        imports.append(timed(IMPORT))
    load, bare = medians(loads), medians(imports)
    report(load=load, import_dagster=bare, ratio_wall=round(load["wall_s"] / bare["wall_s"], 2), repeats=repeats)


if __name__ == "__main__":
    main()
