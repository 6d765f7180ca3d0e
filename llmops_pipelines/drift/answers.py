"""Whether a model's short answers changed: counts of answers to repeated prompts, and grades of fixed items.

Every prompt or item is compared with itself: what one is answered says nothing of another, so that only calls of the same
one change places.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from llmops_pipelines.evaluation.sign_flip import sign_flip

if TYPE_CHECKING:
    import numpy as np

PERMUTATIONS = 10_000
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
    distance of the shares of answers, 0 to 1. Prompts that one side lacks take no part.
    Raises ValueError where none is left.
    """
    import numpy as np

    prompts = [prompt for prompt in sorted(reference) if reference[prompt] and look.get(prompt)]
    if not prompts:
        raise ValueError("no prompt has answers of both sides")
    generator = np.random.default_rng(SEED)
    observed, distances = 0.0, []
    drawn = np.zeros(PERMUTATIONS)
    for prompt in prompts:
        before, now = Counter(reference[prompt]), Counter(look[prompt])
        answers = sorted(before | now)
        then = np.array([before[answer] for answer in answers])
        counts = np.array([now[answer] for answer in answers])
        total, calls = then + counts, int(counts.sum())
        distances.append(np.abs(then / then.sum() - counts / calls).sum() / 2)
        observed += float(_chi_squared(counts[None], total, calls)[0])
        if len(answers) > 1:
            dealt = generator.multivariate_hypergeometric(total, calls, size=PERMUTATIONS, method="marginals")
            drawn += _chi_squared(dealt, total, calls)
    least = observed * (1 - 1e-9)
    return Change(float((1 + (drawn >= least).sum()) / (1 + PERMUTATIONS)), float(np.mean(distances)), len(prompts))


def changed_grades(reference: Mapping[str, Sequence[float]], look: Mapping[str, Sequence[float]]) -> Change:
    """Whether fixed items are graded as they were; by item, the grades of its calls, 0 to 1.

    A paired permutation test, two-sided: the mean grade of an item changes sides with its own alone. With one call a side
    and grades of 0 and 1 it is McNemar's exact test, and is computed as that. `effect` is the change of the mean grade.
    Items that one side lacks take no part. Raises ValueError where none is left.
    """
    import numpy as np

    items = [item for item in sorted(reference) if reference[item] and look.get(item)]
    if not items:
        raise ValueError("no item has grades of both sides")
    changes = np.array([np.mean(look[item]) - np.mean(reference[item]) for item in items])
    single = all(len(reference[item]) == len(look[item]) == 1 for item in items)
    binary = set(np.unique(changes)) <= {-1.0, 0.0, 1.0}
    lost, won = int((changes < 0).sum()), int((changes > 0).sum())
    p = mcnemar(lost, won) if single and binary else sign_flip(changes, items).p()
    return Change(p, float(changes.mean()), len(items))


def mcnemar(lost: int, won: int) -> float:
    """The two-sided p of McNemar's exact test: `lost` items went from right to wrong, `won` from wrong to right.

    McNemar, "Note on the sampling error of the difference between correlated proportions or percentages", Psychometrika
    12, 1947; exact as a sign test of the items that changed.
    """
    from scipy.stats import binomtest

    return float(binomtest(won, lost + won).pvalue) if lost + won else 1.0


def _chi_squared(counts: "np.ndarray", total: "np.ndarray", calls: int) -> "np.ndarray":
    """Pearson's chi-squared of tables of two sides, (tables,); `counts` (tables, answers) are one side of `total`."""
    expected = total * calls / total.sum()
    other = total - expected
    return ((counts - expected) ** 2 * (1 / expected + 1 / other)).sum(axis=1)
