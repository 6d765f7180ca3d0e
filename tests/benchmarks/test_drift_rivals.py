"""The usual methods that the benchmark of drift compares with do what they say, on samples that are known."""

import numpy as np
import pytest

from benchmarks.drift.evidently import classifier_drift, mmd_drift, random_auc
from benchmarks.drift.rivals import RIVALS, by_hash, by_mmd, by_psi, psi
from llmops_pipelines.drift.vectors import Vectors

TEXTS, DIMENSION = 80, 24


def sample(seed: int, shift: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(TEXTS, DIMENSION)) + shift


def vectors(seed: int, calls: int, shift: float = 0.0) -> Vectors:
    """Calls that are equal to the last bit."""
    found = np.repeat(sample(seed, shift)[None], calls, axis=0).astype(np.float32)
    return Vectors(found[:, :60], found[:, 60:])


def test_none_alarms_at_the_same_vectors_and_all_but_the_unpaired_at_a_bit() -> None:
    reference, same = vectors(0, 10), vectors(0, 5)
    assert not any(rival(reference, same).alarm for rival in RIVALS.values())
    moved = vectors(0, 5, 1e-6)
    assert [name for name, rival in RIVALS.items() if rival(reference, moved).alarm] == ["hash"]
    assert by_hash(reference, moved).score == 1.0


def test_all_alarm_at_another_distribution() -> None:
    assert all(rival(vectors(0, 10), vectors(1, 5, 1.0)).alarm for rival in RIVALS.values())


def test_the_index_of_a_known_shift() -> None:
    """A hundred numbers in ten deciles; all of the second sample in one: 9 * .1 * ln(.1 / .0001) + .9 * ln 10."""
    before = np.arange(100.0)
    assert psi(before, before) == pytest.approx(0.0)
    expected = 9 * (0.1 - 1e-4) * np.log(0.1 / 1e-4) + 0.9 * np.log(10)
    assert psi(before, np.full(100, 200.0)) == pytest.approx(expected)
    assert by_psi(vectors(0, 10), vectors(0, 5)).score == pytest.approx(0.0)


def test_the_unpaired_discrepancy_has_its_level() -> None:
    alarms = [by_mmd(vectors(seed, 2), vectors(1_000 + seed, 2)).alarm for seed in range(60)]
    assert sum(alarms) <= 4  # at 1 %, five or more of 60 would be seen once in 3,000 runs


def test_the_classifier_alarms_at_about_one_of_twenty_where_both_samples_are_alike() -> None:
    alarms = [classifier_drift(sample(seed), sample(1_000 + seed))[1] for seed in range(100)]
    assert sum(alarms) <= 15
    assert random_auc(TEXTS, TEXTS) == pytest.approx(0.6, abs=0.05)
    assert classifier_drift(sample(0), sample(0, 1.0))[0] > 0.95


def test_the_classifier_is_worse_than_chance_where_both_samples_have_the_same_texts() -> None:
    """A text that is learned as the reference's is asked as the look's."""
    assert classifier_drift(sample(0), sample(0))[0] < 0.4


def test_the_bootstrap_of_the_discrepancy_alarms_nearly_always_where_both_samples_are_alike() -> None:
    alarms = [mmd_drift(sample(seed), sample(1_000 + seed))[1] for seed in range(40)]
    assert sum(alarms) >= 36
