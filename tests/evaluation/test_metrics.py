"""Ranking metrics against definitions written out in plain Python."""

import math
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmops_pipelines.evaluation.metrics import METRICS, score_rankings

DOCUMENTS = [f"d{i}" for i in range(130)]


def by_definition(ranking: list[str], relevant: Mapping[str, int]) -> dict[str, float]:
    gains = [relevant.get(doc_id, 0) for doc_id in ranking]
    gained = sum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains[:10], start=1))
    best = sorted(relevant.values(), reverse=True)[:10]
    ideal = sum(gain / math.log2(rank + 1) for rank, gain in enumerate(best, start=1))
    first = next((rank for rank, gain in enumerate(gains[:10], start=1) if gain), None)
    recall = {f"recall@{k}": sum(gain > 0 for gain in gains[:k]) / len(relevant) for k in (5, 20, 100)}
    return {"nDCG@10": gained / ideal, "MRR@10": 1 / first if first else 0.0, **recall}


rankings_and_answers = st.dictionaries(
    st.sampled_from([f"q{i}" for i in range(12)]),
    st.tuples(
        st.lists(st.sampled_from(DOCUMENTS), unique=True, max_size=130),
        st.dictionaries(st.sampled_from(DOCUMENTS), st.integers(1, 4), min_size=1, max_size=15),
    ),
    min_size=1,
)


@settings(deadline=None, max_examples=150)
@given(rankings_and_answers)
def test_scores_equal_their_definitions(found: dict[str, tuple[list[str], dict[str, int]]]) -> None:
    scores = score_rankings({q: r for q, (r, _) in found.items()}, {q: a for q, (_, a) in found.items()})
    assert scores.keys() == found.keys()
    for question, (ranking, relevant) in found.items():
        assert scores[question] == pytest.approx(by_definition(ranking, relevant), abs=1e-9)


def test_scores_computed_by_hand() -> None:
    scores = score_rankings({"q": ["x", "a", "y", "b"]}, {"q": {"a": 1, "b": 1, "c": 1}})["q"]
    ideal = 1 + 1 / math.log2(3) + 1 / math.log2(4)
    assert scores["nDCG@10"] == pytest.approx((1 / math.log2(3) + 1 / math.log2(5)) / ideal)
    assert scores["MRR@10"] == 0.5
    assert scores["recall@5"] == scores["recall@20"] == scores["recall@100"] == pytest.approx(2 / 3)


def test_graded_gains_computed_by_hand() -> None:
    """`some` (grade 1) comes first, `best` (3) fourth, `good` (2) not at all: 1 + 3 / log2(5) of 3 + 2 / log2(3) + 1 / 2."""
    scores = score_rankings({"q": ["some", "x", "y", "best"]}, {"q": {"best": 3, "good": 2, "some": 1}})["q"]
    assert scores["nDCG@10"] == pytest.approx(2.2920296742 / 4.7618595071)
    assert scores["MRR@10"] == 1.0
    assert scores["recall@5"] == scores["recall@20"] == scores["recall@100"] == pytest.approx(2 / 3)


def test_a_question_that_nothing_was_found_for_scores_zero() -> None:
    zero = dict.fromkeys(METRICS, 0.0)
    scores = score_rankings({"empty": [], "right": ["a"]}, {key: {"a": 1} for key in ("empty", "absent", "right")})
    assert scores == {"empty": zero, "absent": zero, "right": dict.fromkeys(METRICS, 1.0)}
    assert score_rankings({"empty": []}, {"empty": {"a": 1}}) == {"empty": zero}


def test_rankings_without_a_question_are_not_scored() -> None:
    assert list(score_rankings({"asked": ["a"], "other": ["a"]}, {"asked": {"a": 1}})) == ["asked"]
    assert score_rankings({}, {}) == {}


def test_ranks_beyond_a_metrics_depth_do_not_count() -> None:
    ranking = [*DOCUMENTS[:10], "a"]
    scores = score_rankings({"q": ranking}, {"q": {"a": 1}})["q"]
    assert scores == {"nDCG@10": 0.0, "MRR@10": 0.0, "recall@5": 0.0, "recall@20": 1.0, "recall@100": 1.0}
