"""Fusing two rankings by score: what the sums are, and what the order does not depend on."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmops_pipelines.index.search import fuse

SCORES = st.floats(-1_000, 1_000, width=32)
RANKINGS = st.dictionaries(st.sampled_from("abcdefgh"), SCORES)
WEIGHTS = st.floats(0, 1)


def test_scores_are_scaled_weighed_and_added() -> None:
    fused = fuse({"a": 0.9, "b": 0.5, "c": 0.1}, {"b": 30.0, "d": 20.0, "e": 10.0}, 0.6)
    assert [item for item, _ in fused] == ["b", "a", "d", "c", "e"]
    assert [score for _, score in fused] == pytest.approx([0.7, 0.6, 0.2, 0.0, 0.0])


def test_a_ranking_without_a_difference_counts_in_full() -> None:
    assert fuse({"b": 0.2}, {"a": 7.0, "c": 7.0}, 0.5) == [("a", 0.5), ("b", 0.5), ("c", 0.5)]
    assert fuse({}, {}, 0.5) == []


@given(RANKINGS, RANKINGS, WEIGHTS)
def test_everything_is_ranked_once_between_0_and_1(
    dense: dict[str, float], words: dict[str, float], weight: float
) -> None:
    fused = fuse(dense, words, weight)
    assert sorted(item for item, _ in fused) == sorted(dense.keys() | words.keys())
    assert [score for _, score in fused] == sorted((score for _, score in fused), reverse=True)
    assert all(0 <= score <= 1 + 1e-9 for _, score in fused)


@given(RANKINGS, RANKINGS, WEIGHTS, st.randoms())
def test_the_order_in_which_rankings_are_read_does_not_matter(
    dense: dict[str, float], words: dict[str, float], weight: float, random
) -> None:
    shuffled = list(dense.items())
    random.shuffle(shuffled)
    assert fuse(dict(shuffled), words, weight) == fuse(dense, words, weight)
    swapped = dict(fuse(words, dense, 1 - weight))
    assert dict(fuse(dense, words, weight)) == pytest.approx(swapped, abs=1e-9)


@given(RANKINGS, RANKINGS)
def test_the_whole_weight_gives_the_order_of_one_ranking(dense: dict[str, float], words: dict[str, float]) -> None:
    scores = dict(fuse(dense, words, 1.0))
    for (item, score), (other, other_score) in permutations(dense.items(), 2):
        assert score <= other_score or scores[item] >= scores[other]


@given(
    st.dictionaries(st.sampled_from("abcdefgh"), st.integers(-50, 50), min_size=1),
    st.integers(1, 9),
    st.integers(-9, 9),
)
def test_units_of_a_score_do_not_matter(found: dict[str, int], unit: int, shift: int) -> None:
    other = {item: score * unit + shift for item, score in found.items()}
    assert dict(fuse(other, {"a": 1.0, "z": 2.0}, 0.3)) == pytest.approx(dict(fuse(found, {"a": 1.0, "z": 2.0}, 0.3)))
