"""Distances of an embedder's vectors to its reference: exact under no change, sharp for a small one, bounded by effect."""

import numpy as np
import pytest
from scipy.stats import binomtest

from llmops_pipelines.drift.distances import overlap, shift

TEXTS, DIMENSION = 60, 32


def units(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


def calls(generator: np.random.Generator, truth: np.ndarray, count: int, noise: float) -> np.ndarray:
    """Vectors of a noisy model; some texts are noisier than others."""
    scale = noise * np.linspace(0.2, 3, len(truth))[:, None]
    return units(truth + generator.normal(size=(count, *truth.shape)) * scale)


def test_a_look_at_the_same_model_alarms_as_seldom_as_asked() -> None:
    generator = np.random.default_rng(0)
    p = []
    for _ in range(400):
        truth = units(generator.normal(size=(TEXTS, DIMENSION)))
        anchors, peers, look = (calls(generator, truth, count, 0.01) for count in (5, 3, 3))
        p.append(shift(anchors, peers, look).p)
    for level in (0.01, 0.05, 0.5):
        assert binomtest(sum(value <= level for value in p), len(p), level).pvalue > 0.001


def test_a_change_far_below_the_noise_of_a_text_is_seen() -> None:
    generator = np.random.default_rng(1)
    truth = units(generator.normal(size=(TEXTS, DIMENSION)))
    other = units(truth + 0.004 * generator.normal(size=truth.shape))
    anchors, peers = calls(generator, truth, 5, 0.004), calls(generator, truth, 5, 0.004)
    found = shift(anchors, peers, calls(generator, other, 5, 0.004))
    assert found.p < 0.001
    assert 0 < found.effect < 0.001
    assert found.by_text.shape == (TEXTS,)
    assert found.effect == pytest.approx(found.by_text.mean())


def test_repeats_that_are_equal_to_the_bit_are_no_change_and_have_no_noise() -> None:
    vectors = units(np.random.default_rng(2).normal(size=(1, TEXTS, DIMENSION)))
    repeated = np.repeat(vectors, 3, axis=0)
    found = shift(repeated, repeated, repeated.copy())
    assert (found.p, found.distance, found.noise) == (1.0, 0.0, 0.0)
    turned = units(repeated + np.float32(1e-3))
    assert shift(repeated, repeated, turned).p < 0.001


def test_a_distance_is_one_less_the_cosine() -> None:
    anchors = np.array([[[1.0, 0.0]], [[0.0, 1.0]]])
    look = np.array([[[0.6, 0.8]]])
    found = shift(anchors, anchors[:1], look)
    assert found.distance == pytest.approx(1 - (0.6 + 0.8) / 2)
    assert found.noise == pytest.approx((0 + 1) / 2)


@pytest.mark.parametrize(
    ("anchors", "peers", "look"),
    [((5, 4, 2), (3, 4, 2), (2, 4, 2)), ((5, 3, 2), (2, 4, 2), (2, 4, 2)), ((0, 4, 2), (2, 4, 2), (2, 4, 2))],
)
def test_looks_of_another_shape_are_refused(anchors: tuple, peers: tuple, look: tuple) -> None:
    with pytest.raises(ValueError, match=r"as many calls|an anchor and a peer"):
        shift(np.ones(anchors), np.ones(peers), np.ones(look))


def test_overlap_is_what_is_found_again() -> None:
    generator = np.random.default_rng(3)
    documents, before = units(generator.normal(size=(40, 8))), units(generator.normal(size=(20, 8)))
    now = units(before + 0.3 * generator.normal(size=before.shape))
    found = overlap(before @ documents.T, now @ documents.T)
    tops = [
        {int(i) for i in np.argsort(-(side @ documents.T), axis=1)[q, :10]} for q in range(20) for side in (before, now)
    ]
    assert found.tolist() == pytest.approx([len(tops[2 * q] & tops[2 * q + 1]) / 10 for q in range(20)])
    assert overlap(before @ documents.T, before @ documents.T).tolist() == [1.0] * 20


def test_documents_that_tie_are_found_and_few_documents_are_all() -> None:
    before, tied = np.array([[6.0, 5, 4, 3, 2, 1]]), np.array([[6.0, 4, 4, 3, 2, 1]])
    assert overlap(before, tied, k=3).tolist() == [1.0], "both that tie have a place"
    assert overlap(before, tied, k=2).tolist() == [0.75], "one place for two"
    assert overlap(before, np.zeros((1, 6)), k=3).tolist() == [0.5], "where all tie, half of them are found by chance"
    assert overlap(np.eye(2), np.eye(2)[::-1]).tolist() == [1.0, 1.0]
