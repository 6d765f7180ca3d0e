"""The maximum mean discrepancy: by its definition, at its level, with power, on texts that are all alike."""

import numpy as np
import pytest
from scipy.stats import binomtest

from llmops_pipelines.drift.mmd import discrepancy


def by_definition(one: np.ndarray, other: np.ndarray) -> float:
    pooled = np.concatenate([one, other])
    squared = ((pooled[:, None] - pooled[None]) ** 2).sum(axis=2)
    width = np.median(squared[np.triu_indices(len(pooled), 1)])

    def mean(a: np.ndarray, b: np.ndarray, apart: bool) -> float:
        return float(
            np.mean(
                [
                    np.exp(-((a[i] - b[j]) ** 2).sum() / width)
                    for i in range(len(a))
                    for j in range(len(b))
                    if not (apart and i == j)
                ]
            )
        )

    return mean(one, one, True) + mean(other, other, True) - 2 * mean(one, other, False)


def test_it_is_the_unbiased_statistic() -> None:
    generator = np.random.default_rng(0)
    one, other = generator.normal(size=(7, 3)), generator.normal(0.5, 1, size=(9, 3))
    assert discrepancy(one, other, 10).squared == pytest.approx(by_definition(one, other))
    assert discrepancy(one, other, 10).squared == pytest.approx(discrepancy(other, one, 10).squared)


def test_two_samples_of_one_distribution_are_told_apart_as_seldom_as_asked() -> None:
    generator = np.random.default_rng(1)
    p = np.array([discrepancy(*generator.normal(size=(2, 15, 8)), permutations=99).p for _ in range(400)])
    assert binomtest(int((p <= 0.05).sum()), len(p), 0.05).pvalue > 0.001
    assert binomtest(int((p <= 0.5).sum()), len(p), 0.5).pvalue > 0.001


def of_prompts(generator: np.random.Generator, calls: int, spread: float = 0.3) -> tuple[np.ndarray, list[str]]:
    """Answers to 20 prompts, so many calls each: near each other within a prompt, far between prompts."""
    places = np.random.default_rng(77).normal(size=(20, 8)).repeat(calls, axis=0)
    return places + spread * generator.normal(size=places.shape), [
        f"prompt {i}" for i in range(20) for _ in range(calls)
    ]


def test_within_prompts_it_errs_as_asked_and_its_effect_is_about_nothing() -> None:
    generator = np.random.default_rng(3)
    found = []
    for _ in range(300):
        (before, of_before), (now, of_now) = of_prompts(generator, 5), of_prompts(generator, 1)
        found.append(discrepancy(before, now, 99, (of_before, of_now)))
    p = np.array([one.p for one in found])
    assert binomtest(int((p <= 0.05).sum()), len(p), 0.05).pvalue > 0.001
    assert binomtest(int((p <= 0.5).sum()), len(p), 0.5).pvalue > 0.001
    assert abs(np.mean([one.excess for one in found])) < 0.005
    assert np.mean([one.squared for one in found]) < -0.02, "one answer a prompt is unlike any other, five are not"


def test_within_prompts_a_small_shift_is_seen_that_the_spread_of_prompts_hides() -> None:
    generator = np.random.default_rng(4)
    (before, of_before), (now, of_now) = of_prompts(generator, 5), of_prompts(generator, 1)
    moved = now + np.array([0.5, *[0.0] * 7])
    assert discrepancy(before, moved, groups=(of_before, of_now)).p < 0.01 < discrepancy(before, moved).p


def test_a_shift_is_seen() -> None:
    generator = np.random.default_rng(2)
    found = discrepancy(generator.normal(size=(40, 8)), generator.normal(0.6, 1, size=(40, 8)))
    assert found.p < 0.01
    assert found.squared > 0


def test_texts_that_are_all_alike_are_no_change_and_others_are() -> None:
    alike, others = np.ones((10, 4)), np.zeros((10, 4))
    assert discrepancy(alike, alike.copy()).p == 1.0
    assert discrepancy(alike, others).p < 0.01
    mostly = np.concatenate([alike, others[:1]])
    assert discrepancy(mostly, mostly.copy()).p > 0.5


@pytest.mark.parametrize("sizes", [(0, 5), (5, 1), (1, 1)])
def test_too_few_texts_are_refused(sizes: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=f"not {sizes[0]} and {sizes[1]}"):
        discrepancy(np.ones((sizes[0], 2)), np.ones((sizes[1], 2)))
