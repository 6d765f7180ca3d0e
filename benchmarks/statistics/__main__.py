"""How often the gate errs: `python -m benchmarks.statistics [--replicates N] [--methods gate]`.

Sets of paired differences with a known true mean, in clusters, are given to what the gate decides by and, beside it, to
a bootstrap and to Wilcoxon's test that take questions for independent. Of each: how often it finds a difference where
there is none (at 5 %), how often its interval at 95 % holds the true mean, how often it takes a loss of the margin for
none, and its power at the smallest effect that it says it can detect. With 4,000 sets about half an hour on two cores.
"""

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from itertools import product
from typing import Any

from benchmarks.measuring import report
from benchmarks.statistics.draws import METRICS, Draw
from benchmarks.statistics.methods import METHODS
from benchmarks.statistics.rates import MARGIN, rates

SHAPES = ((30, 10), (50, 4), (200, 1))
CORRELATIONS = (0.0, 0.3, 0.7)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replicates", type=int, default=4_000, help="sets of differences for each rate (4,000)")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS), help="what is measured")
    parser.add_argument("--metrics", nargs="+", choices=METRICS, default=list(METRICS), help="kinds of difference")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    cells = [
        (Draw(metric, clusters, per_cluster, icc), method)
        for metric, (clusters, per_cluster), icc, method in product(
            arguments.metrics, SHAPES, CORRELATIONS, arguments.methods
        )
    ]
    rows: dict[int, dict[str, Any]] = {}
    with ProcessPoolExecutor(arguments.processes) as pool:
        running = {
            pool.submit(rates, draw, method, arguments.replicates, arguments.seed): number
            for number, (draw, method) in enumerate(cells)
        }
        for done in as_completed(running):
            number = running[done]
            draw, method = cells[number]
            rows[number] = {**asdict(draw), "method": method, **done.result().as_dict()}
            print(f"{len(rows)} of {len(cells)}: {rows[number]}", file=sys.stderr, flush=True)
    report(rows=[rows[number] for number in sorted(rows)], replicates=arguments.replicates, margin=MARGIN)


if __name__ == "__main__":
    main()
