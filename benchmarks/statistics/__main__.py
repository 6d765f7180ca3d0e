"""How often the gate errs: `python -m benchmarks.statistics [--replicates N] [--methods gate]`.

Sets of paired differences with a known true mean, in clusters, are given to what the gate decides by and, beside it, to
a bootstrap and to Wilcoxon's test that take questions for independent (`rows`). Of each: how often it finds a difference
where there is none (at 5 %), how often its interval at 95 % holds the true mean, how often it takes a loss of the margin
for none, and its power at the smallest effect that it says it can detect. Beside them: how often intervals of a level
hold it (`levels`), also over several seeds (`seeds`), whether the questions that an inconclusive verdict asks for suffice
(`enough`), and the seconds that 3,000 questions take.
"""

import argparse
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from itertools import product
from typing import Any

from benchmarks.measuring import report
from benchmarks.statistics.draws import METRICS, Draw
from benchmarks.statistics.levels import SCORES, Level, Seeds
from benchmarks.statistics.methods import METHODS
from benchmarks.statistics.planning import power_when_enough, seconds_of_a_large_suite
from benchmarks.statistics.rates import MARGIN, rates

SHAPES = ((30, 10), (50, 4), (200, 1))
CORRELATIONS = (0.0, 0.3, 0.7)
MEANS = (0.05, 0.2, 0.5, 0.8, 0.95)
REPEATS = (3, 5)
SEED_DEVIATIONS = (0.0, 0.01, 0.02, 0.05)
FEWER = 20  # of the sets of `enough`, each large, one is drawn for so many of the others


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replicates", type=int, default=4_000, help="sets of differences for each rate (4,000)")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS), help="what is measured")
    parser.add_argument("--metrics", nargs="+", choices=METRICS, default=list(METRICS), help="kinds of difference")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    started = time.perf_counter()
    number, seed = arguments.replicates, arguments.seed
    designs = list(product(SHAPES, CORRELATIONS))
    draws = [Draw(metric, *shape, icc) for metric in arguments.metrics for shape, icc in designs]
    tasks: dict[str, list[tuple[Callable[..., Any], tuple[Any, ...]]]] = {
        "rows": [(_row, (draw, method, number, seed)) for draw, method in product(draws, arguments.methods)],
        "levels": [
            (Level(score, *shape, icc, mean).coverage, (number, seed))
            for score, (shape, icc), mean in product(SCORES, designs, MEANS)
        ],
        "seeds": [
            (Seeds(repeats, *shape, 0.3, deviation).coverage, (number, seed))
            for repeats, shape, deviation in product(REPEATS, SHAPES, SEED_DEVIATIONS)
        ],
        "enough": [(power_when_enough, (draw, max(1, number // FEWER), seed)) for draw in draws],
    }
    found: dict[str, dict[int, Any]] = {key: {} for key in tasks}
    with ProcessPoolExecutor(arguments.processes) as pool:
        running = {
            pool.submit(task, *given): (key, place)
            for key, listed in tasks.items()
            for place, (task, given) in enumerate(listed)
        }
        for count, done in enumerate(as_completed(running), 1):
            key, place = running[done]
            found[key][place] = done.result()
            print(f"{count} of {len(running)}: {key} {done.result()}", file=sys.stderr, flush=True)
    report(
        **{key: [rows[place] for place in sorted(rows)] for key, rows in found.items()},
        seconds_of_3000_questions=seconds_of_a_large_suite(),
        replicates=number,
        margin=MARGIN,
        wall_s=round(time.perf_counter() - started),
    )


def _row(draw: Draw, method: str, replicates: int, seed: int) -> dict[str, Any]:
    return {**asdict(draw), "method": method, **rates(draw, method, replicates, seed).as_dict()}


if __name__ == "__main__":
    main()
