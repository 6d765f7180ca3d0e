"""How much the declared jitter changes: what a search loses between two configurations of the same weights.

The probes declare it (`jitter`), so that it is checked here: call against call on the probes' own small index, and by the
rule where a model is accepted under one configuration and looked at under another, as after an upgrade of the engine.
"""

from itertools import permutations, product
from typing import Any

import numpy as np

from benchmarks.drift.calls import Calls
from benchmarks.drift.practical import Search, loss
from benchmarks.drift.rivals import by_hash
from benchmarks.drift.ticks import RULE, TESTS_ALONE, Judge

PAIRS = 20  # of calls, for each pair of configurations


def losses(calls: Calls, generator: np.random.Generator) -> list[dict[str, Any]]:
    """A row for each pair of configurations: the mean and the greatest loss of the first ten over pairs of calls."""
    rows = []
    for before, now in product(_names(calls), repeat=2):
        pairs = [(i, j) for i in _places(calls, before) for j in _places(calls, now) if i != j]
        drawn = [pairs[i] for i in generator.permutation(len(pairs))[:PAIRS]]
        found = [loss(*(Search(calls.documents[i], calls.queries[i]) for i in pair)) for pair in drawn]
        if found:
            rows.append(
                {
                    "before": before,
                    "now": now,
                    "queries": round(float(np.mean([one.queries for one in found])), 4),
                    "documents": round(float(np.mean([one.documents for one in found])), 4),
                    "greatest": round(max(one.greatest for one in found), 4),
                    "same_bits": round(float(np.mean([_same(calls, *pair) for pair in drawn])), 3),
                }
            )
    return rows


def switches(calls: Calls, judge: Judge, of_a_look: int, generator: np.random.Generator) -> list[dict[str, Any]]:
    """A row for each ordered pair: the reference has calls of one configuration only, both looks of another one only."""
    rows = []
    for before, now in permutations(_names(calls), 2):
        reference = generator.choice(_places(calls, before), 2 * of_a_look)
        looks = [calls.of(generator.choice(_places(calls, now), of_a_look)) for _ in range(2)]
        tick = judge.tick(0, 1, calls.of(reference), (looks[0], looks[1]))
        rows.append(
            {
                "before": before,
                "now": now,
                "effect": round(tick.effect, 4),
                "p": tick.p,
                "rule": tick.findings[RULE].alarm,
                "tests_alone": tick.findings[TESTS_ALONE].alarm,
            }
        )
    return rows


def _names(calls: Calls) -> list[str]:
    return sorted(set(calls.answered_by.tolist()))


def _places(calls: Calls, name: str) -> np.ndarray:
    return np.flatnonzero(calls.answered_by == name)


def _same(calls: Calls, one: int, other: int) -> bool:
    """Whether two calls are equal to the last bit."""
    return not by_hash(calls.of([one]), calls.of([other])).alarm
