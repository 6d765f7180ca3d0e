"""The rows of the search benchmark, and what is found in them by an exact search."""

import numpy as np
import pytest

from benchmarks.search import making
from benchmarks.search.making import Maker, nearest, recall, sentences
from benchmarks.search.real import Real

PASSAGES, DIMENSION, ROWS = 60, 16, 250


@pytest.fixture
def maker(monkeypatch: pytest.MonkeyPatch) -> Maker:
    monkeypatch.setattr(making, "BLOCK", 100)
    vectors = np.random.default_rng(0).normal(size=(PASSAGES, DIMENSION)).astype(np.float32)
    texts = [f"First sentence of {i}. Second one of {i}!" for i in range(PASSAGES)]
    return Maker(Real(texts, ["all"] * PASSAGES, vectors / np.linalg.norm(vectors, axis=1, keepdims=True)))


def test_the_real_passages_come_first_and_every_row_is_a_unit_vector_with_a_text_of_its_own(maker: Maker) -> None:
    blocks = list(maker.blocks(ROWS))
    texts = [text for block in blocks for text in block.texts]
    vectors = np.concatenate([block.vectors for block in blocks])
    assert [len(block.texts) for block in blocks] == [100, 100, 50]
    assert texts[:PASSAGES] == maker.real.texts
    assert (vectors[:PASSAGES] == maker.real.vectors).all()
    assert len(set(texts)) == ROWS
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)


def test_a_row_is_the_same_in_every_number_of_rows(maker: Maker) -> None:
    many, few = maker.block(100, 100), maker.block(100, 30)
    assert many.texts[:30] == few.texts
    assert (many.vectors[:30] == few.vectors).all()


def test_a_made_text_is_of_its_parents_sentences(maker: Maker) -> None:
    known = {sentence for text in maker.real.texts for sentence in sentences(text)}
    *made, number = maker.block(100, 100).texts[7].rsplit(" ", 1)
    assert number == "107"
    assert set(sentences(made[0])) <= known


def test_neighbours_are_the_nearest_others(maker: Maker) -> None:
    scores = maker.real.vectors @ maker.real.vectors.T
    np.fill_diagonal(scores, -np.inf)
    assert (maker.neighbours == np.argsort(-scores, axis=1)[:, : making.NEIGHBOURS]).all()


def test_exact_search_over_blocks_is_exact_search_over_all(maker: Maker) -> None:
    queries = maker.real.vectors[:5]
    numbers, scores = nearest(queries, maker.blocks(ROWS), 12)
    everything = queries @ np.concatenate([block.vectors for block in maker.blocks(ROWS)]).T
    assert scores == pytest.approx(-np.sort(-everything, axis=1)[:, :12])
    assert recall(numbers[:, :10].tolist(), numbers, scores) == 1.0


def test_a_hit_counts_where_its_score_reaches_that_of_the_last_place() -> None:
    numbers = np.array([[4, 7, 9, 2]])
    scores = np.array([[0.9, 0.8, 0.8, 0.5]])
    assert recall([[4, 9]], numbers, scores, depth=2) == 1.0
    assert recall([[4, 2]], numbers, scores, depth=2) == 0.5
