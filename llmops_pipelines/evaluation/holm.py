"""Several tests at once: Holm's correction."""

from collections.abc import Mapping


def holm(p: Mapping[str, float]) -> dict[str, float]:
    """The p of each test, corrected so that all together err at the level of one.

    Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6, 1979.
    """
    corrected: dict[str, float] = {}
    largest = 0.0
    for rank, name in enumerate(sorted(p, key=lambda name: p[name])):
        largest = max(largest, min(1.0, (len(p) - rank) * p[name]))
        corrected[name] = largest
    return {name: corrected[name] for name in p}
