"""Times searches one by one, and what they found."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

WARM_UP = 50


@dataclass(frozen=True)
class Searched:
    """The results of the searches in their order, and seconds of each."""

    found: list[Any]
    seconds: list[float]

    def figures(self) -> dict[str, float]:
        """Median and 99th percentile in milliseconds."""
        return {f"p{share}_ms": round(1e3 * quantile(self.seconds, share / 100), 2) for share in (50, 99)}


def searched(search: Callable[[Any], Any], queries: Sequence[Any], warm_up: int = WARM_UP) -> Searched:
    """Run `search` for every query, after the last `warm_up` of them have been run without being timed."""
    for query in queries[-warm_up:]:
        search(query)
    found: list[Any] = []
    seconds: list[float] = []
    for query in queries:
        started = time.perf_counter()
        found.append(search(query))
        seconds.append(time.perf_counter() - started)
    return Searched(found, seconds)


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least the share `share` of `values` does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-int(share * 1000) * len(ordered) // 1000) - 1)]
