"""Whether a model's short answers changed: counts of answers to repeated prompts, and grades of fixed items.

Every prompt or item is compared with itself: what one is answered says nothing of another, so that only calls of the same
one change places.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

PERMUTATIONS = 10_000
SHARPENED_BELOW, SHARPENED = 1e-3, 200_000  # a p below the first is drawn anew, by more: looks may share a level
SEED = 19_350_801


@dataclass(frozen=True)
class Change:
    """A test of no change. `effect` is its size, in the unit that the function names; `n` prompts or items took part."""

    p: float
    effect: float
    n: int


def changed_counts(reference: Mapping[str, Sequence[str]], look: Mapping[str, Sequence[str]]) -> Change:
    """Whether the answers to repeated prompts come as often as they did; by prompt, the answers of its calls.

    The statistic is the sum over prompts of Pearson's chi-squared of the table of answers by side; its distribution under
    no change is that of the calls of each prompt dealt anew to the two sides (Good, Permutation, Parametric and Bootstrap
    Tests of Hypotheses, 2005, chapter 6). One-sided: only a larger sum is a change. `effect` is the mean total variation
    distance of the shares of answers, less what it is on average where calls are dealt: at most 1, about 0 where nothing
    changed, though answers waver. Prompts that one side lacks take no part. Raises ValueError where none is left.
    """
    return _sharpened(partial(_changed_counts, reference, look))


def _changed_counts(reference: Mapping[str, Sequence[str]], look: Mapping[str, Sequence[str]], draws: int) -> Change:
    import numpy as np

    prompts = _shared(reference, look)
    generator = np.random.default_rng(SEED)
    observed, distances = 0.0, []
    drawn = np.zeros(draws)
    for prompt in prompts:
        before, now = Counter(reference[prompt]), Counter(look[prompt])
        answers = sorted(before | now)
        then = np.array([before[answer] for answer in answers])
        counts = np.array([now[answer] for answer in answers])
        total, calls = then + counts, int(counts.sum())
        distance = float(_variation(counts[None], total, calls)[0])
        observed += float(_chi_squared(counts[None], total, calls)[0])
        if len(answers) > 1:
            dealt = generator.multivariate_hypergeometric(total, calls, size=draws, method="marginals")
            drawn += _chi_squared(dealt, total, calls)
            distance -= float(_variation(dealt, total, calls).mean())
        distances.append(distance)
    least = observed * (1 - 1e-9)
    return Change(float((1 + (drawn >= least).sum()) / (1 + draws)), float(np.mean(distances)), len(prompts))


def changed_grades(reference: Mapping[str, Sequence[bool]], look: Mapping[str, Sequence[bool]]) -> Change:
    """Whether fixed items are answered right as often as they were; by item, whether each of its calls was right.

    Exact and two-sided. If nothing changed, the calls of an item could as well have come in another order: how many of
    those of the look are right is hypergeometric, and their sum over items is compared with its distribution (the exact
    test of Mantel and Haenszel: Mehta, Patel and Gray, "Computing an exact confidence interval for the common odds ratio
    in several 2 by 2 contingency tables", Journal of the American Statistical Association 80, 1985). With one call a side it
    is McNemar's exact test; a reference of several calls makes it sharper. `effect` is the change of the mean share of
    right answers, over items. Items that one side lacks take no part. Raises ValueError where none is left.
    """
    import numpy as np
    from scipy.stats import hypergeom

    items = _shared(reference, look)
    chances, least = np.ones(1), 0
    for item in items:
        calls, asked = len(reference[item]) + len(look[item]), len(look[item])
        right = sum(reference[item]) + sum(look[item])
        fewest, most = max(0, asked - (calls - right)), min(asked, right)
        least += fewest
        if most > fewest:
            chances = np.convolve(chances, hypergeom.pmf(np.arange(fewest, most + 1), calls, right, asked))
    observed = chances[int(sum(sum(look[item]) for item in items)) - least]
    p = float(chances[chances <= observed * (1 + 1e-9)].sum())
    effect = float(np.mean([np.mean(look[item]) - np.mean(reference[item]) for item in items]))
    return Change(min(1.0, p), effect, len(items))


def changed_values(reference: Mapping[str, Sequence[float]], look: Mapping[str, Sequence[float]]) -> Change:
    """As `changed_grades`, of measures that may be any number: the calls of each item are dealt anew to the two sides.

    The statistic is the mean over items of the difference of means; two-sided, by PERMUTATIONS deals.
    """
    return _sharpened(partial(_changed_values, reference, look))


def _changed_values(
    reference: Mapping[str, Sequence[float]], look: Mapping[str, Sequence[float]], draws: int
) -> Change:
    import numpy as np

    items = _shared(reference, look)
    generator = np.random.default_rng(SEED)
    observed, drawn = 0.0, np.zeros(draws)
    for item in items:
        values = np.array([*look[item], *reference[item]], dtype=float)
        asked = len(look[item])
        observed += values[:asked].mean() - values[asked:].mean()
        if (values == values[0]).all():
            continue
        dealt = generator.permuted(np.broadcast_to(values, (draws, len(values))), axis=1)
        drawn += dealt[:, :asked].mean(axis=1) - dealt[:, asked:].mean(axis=1)
    reached = int((np.abs(drawn) >= abs(observed) - 1e-9).sum())
    return Change((1 + reached) / (1 + draws), observed / len(items), len(items))


def _sharpened(test: Callable[[int], Change]) -> Change:
    found = test(PERMUTATIONS)
    return found if found.p > SHARPENED_BELOW else test(SHARPENED)


def _shared(reference: Mapping[str, Sequence[Any]], look: Mapping[str, Sequence[Any]]) -> list[str]:
    items = [item for item in sorted(reference) if reference[item] and look.get(item)]
    if not items:
        raise ValueError("no item was answered on both sides")
    return items


def _variation(counts: "np.ndarray", total: "np.ndarray", calls: int) -> "np.ndarray":
    """The total variation distance of the shares of two sides, (tables,); `counts` (tables, answers) are one of `total`."""
    import numpy as np

    other = total - counts
    return np.asarray(np.abs(counts / calls - other / (total.sum() - calls)).sum(axis=1) / 2)


def _chi_squared(counts: "np.ndarray", total: "np.ndarray", calls: int) -> "np.ndarray":
    """Pearson's chi-squared of tables of two sides, (tables,); `counts` (tables, answers) are one side of `total`."""
    expected = total * calls / total.sum()
    other = total - expected
    return ((counts - expected) ** 2 * (1 / expected + 1 / other)).sum(axis=1)
