"""Neighbours kept: nothing moved, a little, everything, and a model that has collapsed."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmops_pipelines.storage import Lake
from llmops_pipelines.storage.identity import text_hash
from llmops_pipelines.tuning.general_ability import SAMPLE, neighbours_kept, sample_passages
from llmops_pipelines.tuning.recipe import Recipe
from tests.index.hand_made import HandMade, unit_vector

FLOOR = Recipe.min_neighbours
SIZES = [12, 15, 20, 30, 60, 100, 500]


def unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def random_vectors(count: int, seed: int = 0, dimension: int = 16) -> np.ndarray:
    return unit(np.random.default_rng(seed).normal(size=(count, dimension)))


def share_kept(before: np.ndarray, after: np.ndarray) -> float:
    """Of a sample that is large enough."""
    kept = neighbours_kept(before, after)
    assert kept is not None
    return kept


@pytest.mark.parametrize("count", SIZES)
def test_what_has_not_moved_is_kept(count: int) -> None:
    before = random_vectors(count)
    assert share_kept(before, before) == 1.0
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(16, 16)))[0].astype(np.float32)
    assert share_kept(before, before @ turn) > 0.98, "all of it turned: the neighbours are the same"


@pytest.mark.parametrize("count", SIZES)
def test_a_collapse_is_noticed_in_a_sample_of_any_size(count: int) -> None:
    before = random_vectors(count)
    one_point = np.tile(before[:1], (count, 1))
    noise = unit(one_point + 1e-4 * np.random.default_rng(2).normal(size=before.shape))
    one_line = unit(np.outer(np.random.default_rng(3).normal(size=count), before[0]) + 1e-6)
    for collapsed in (one_point, noise, one_line, random_vectors(count, seed=4), np.full_like(before, np.nan)):
        assert share_kept(before, collapsed) < FLOOR


def test_the_more_has_moved_the_less_is_kept() -> None:
    before = random_vectors(300)
    noise = np.random.default_rng(5).normal(size=before.shape)
    kept = [share_kept(before, unit(before + share * noise)) for share in (0.0, 0.01, 0.05, 0.2, 1.0)]
    assert kept == sorted(kept, reverse=True)
    assert kept[1] > 0.9
    assert kept[-1] < FLOOR


def test_of_fewer_than_twelve_passages_nothing_is_known() -> None:
    assert neighbours_kept(random_vectors(11), random_vectors(11, seed=1)) is None
    assert neighbours_kept(np.zeros((0, 16), np.float32), np.zeros((0, 16), np.float32)) is None


@settings(deadline=None, max_examples=30)
@given(st.integers(100, 130), st.integers(0, 100))
def test_the_share_equals_a_count_of_the_ten_nearest(count: int, seed: int) -> None:
    before, after = random_vectors(count, seed), random_vectors(count, seed + 1)
    after = unit(before + 0.2 * after)
    shared = 0
    for i in range(count):
        nearest = [
            {j for _, j in sorted((-float(vectors[i] @ vectors[j]), j) for j in range(count) if j != i)[:10]}
            for vectors in (before, after)
        ]
        shared += len(nearest[0] & nearest[1])
    assert share_kept(before, after) == pytest.approx(shared / (10 * count), abs=0.002)


def test_the_sample_is_of_the_passages_with_the_smallest_hash(tmp_path: Path) -> None:
    passages = {f"d'{i:03}": [f"text {i}"] for i in range(SAMPLE + 40)}
    index = HandMade(Lake(str(tmp_path / "lake"))).build(passages)[1]
    sample = sample_passages(index.snapshot)
    chosen = sorted(sorted((f"{doc_id}#0" for doc_id in passages), key=text_hash)[:SAMPLE])
    assert sample.texts == [f"text {int(chunk_id[2:5])}" for chunk_id in chosen]
    np.testing.assert_allclose(sample.vectors, np.stack([unit_vector(text) for text in sample.texts]), atol=1e-6)


def test_a_small_index_is_sampled_whole(tmp_path: Path) -> None:
    index = HandMade(Lake(str(tmp_path / "lake"))).build({"a": ["one", "two"], "b": ["three"]})[1]
    assert list(sample_passages(index.snapshot).texts) == ["one", "two", "three"]
