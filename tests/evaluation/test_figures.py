"""Figures of question sets: means, intervals, and counts of what was not measured."""

import json
from collections.abc import Mapping
from statistics import fmean
from typing import Any

import pytest

from llmops_pipelines.evaluation.evaluate import SYSTEMS
from llmops_pipelines.evaluation.figures import SetFigures, figures
from llmops_pipelines.evaluation.intervals import clustered_mean
from llmops_pipelines.evaluation.metrics import METRICS


def row(question: str, system: str, score: float | None, **changed: Any) -> dict[str, Any]:
    """A measured row all of whose metrics are `score`; one that is unmeasured where it is None."""
    return {
        "result_id": f"candidate/written/{question}/{system}",
        "role": "candidate",
        "question_id": question,
        "question_set": "written",
        "part": "dev",
        "system": system,
        "question": f"{question}?",
        "cluster": question,
        "answers": ["a"] if score is not None else [],
        "grades": [1] if score is not None else [],
        "slices": [],
        "stale": None,
        "unmeasured": None if score is not None else "no answer",
        "retrieved": ["a"],
        "passages": [],
        "shown": [],
        "overlap": None if score is None else 0.25,
        "unjudged_at_10": None if score is None else 0.5,
        "seconds": None if score is None else 0.001,
        **dict.fromkeys(METRICS, score),
        **changed,
    }


def question_set(scores: Mapping[str, float | None], **changed: Any) -> list[dict[str, Any]]:
    """Rows of every system; the score of dense is half that of hybrid, of bm25 a quarter."""
    shares = {"bm25": 0.25, "dense": 0.5, "hybrid": 1.0}
    return [
        row(question, system, None if score is None else shares[system] * score, **changed)
        for system in SYSTEMS
        for question, score in scores.items()
    ]


def test_means_and_intervals_of_every_system_and_metric() -> None:
    (found,) = figures(question_set({"q1": 1.0, "q2": 0.5, "q3": 0.0, "q4": None}))
    assert (found.question_set, found.part, found.synthetic) == ("written", "dev", False)
    assert (found.questions, found.unmeasured) == (4, 1)
    for system, share in (("bm25", 0.25), ("dense", 0.5), ("hybrid", 1.0)):
        expected = clustered_mean([share, share * 0.5, 0.0], ["q1", "q2", "q3"])
        assert found.estimates[system] == dict.fromkeys(METRICS, expected)
    assert found.headline.mean == fmean([1.0, 0.5, 0.0])
    assert (found.headline.n, found.headline.clusters) == (3, 3)


def test_unmeasured_questions_count_as_unmeasured_not_as_zero() -> None:
    (found,) = figures(question_set({"q1": 0.8, "q2": None, "q3": None}))
    assert (found.headline.mean, found.headline.n, found.unmeasured) == (0.8, 1, 2)


def test_overlap_unjudged_and_time_are_of_measured_questions() -> None:
    rows = question_set({"q1": 1.0, "q2": None})
    rows += question_set({"q3": 1.0}, overlap=0.75, unjudged_at_10=1.0, seconds=0.004)
    rows += question_set({"q5": 1.0}, overlap=0.5, unjudged_at_10=0.0, seconds=0.1)
    (found,) = figures(rows)
    assert found.overlap == 0.5
    assert found.unjudged_at_10 == dict.fromkeys(SYSTEMS, 0.5)
    assert found.milliseconds == pytest.approx(dict.fromkeys(SYSTEMS, 4.0))


def test_clusters_are_taken_together() -> None:
    (found,) = figures(question_set({"q1": 1.0, "q2": 0.5}, cluster="q1"))
    assert (found.headline.low, found.headline.high, found.headline.clusters) == (0.0, 1.0, 1)


def test_sets_come_in_their_order_synthetic_ones_last_and_those_without_a_measurement_not_at_all() -> None:
    rows = [
        *question_set({"k": 1.0}, question_set="known_items"),
        *question_set({"b": 1.0}, question_set="zebra"),
        *question_set({"a": 1.0}, question_set="apple"),
        *question_set({"a": 1.0}, question_set="apple", part="test"),
        *question_set({"n": None}, question_set="nothing"),
    ]
    found = [(f.question_set, f.part, f.synthetic) for f in figures(rows)]
    assert found == [
        ("zebra", "dev", False),
        ("apple", "dev", False),
        ("apple", "test", False),
        ("known_items", "dev", True),
    ]
    assert figures([]) == []


def test_figures_survive_json() -> None:
    (found,) = figures(question_set({"q1": 1.0, "q2": 0.25}))
    assert SetFigures.from_dict(json.loads(json.dumps(found.as_dict()))) == found
