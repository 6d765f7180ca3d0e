"""How a cost grows: the exponent of the power of n that fits it best."""

import math
from collections.abc import Sequence


def exponent(sizes: Sequence[int], costs: Sequence[float]) -> float | None:
    """The slope of log cost over log size by least squares: 1 where cost is in proportion to size.

    None where there are fewer than two sizes, or where a cost is nothing.
    """
    if len(set(sizes)) < 2 or min(costs) <= 0:
        return None
    x = [math.log(size) for size in sizes]
    y = [math.log(cost) for cost in costs]
    middle_x, middle_y = sum(x) / len(x), sum(y) / len(y)
    across = sum((a - middle_x) * (b - middle_y) for a, b in zip(x, y, strict=True))
    return across / sum((a - middle_x) ** 2 for a in x)
