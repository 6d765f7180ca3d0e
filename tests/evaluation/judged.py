"""Rows of a suite's questions under production and candidate, as the gate reads them."""

from collections.abc import Mapping, Sequence
from typing import Any

from llmops_pipelines.evaluation.metrics import METRICS
from llmops_pipelines.evaluation.suites import Suite, SuiteMetric, SuiteSlice

PRIMARY = SuiteMetric("nDCG@10", "higher", "primary", margin=0.03)


def suite(**changed: Any) -> Suite:
    """A suite of hybrid search by nDCG@10 with a margin of .03, without a least number of questions."""
    return Suite(**{"name": "written", "version": 1, "metrics": (PRIMARY,), "min_questions": 1, **changed})


def with_guard(floor: float | None = None) -> Suite:
    guard = SuiteMetric("recall@20", "higher", "guard", margin=0.04, floor=floor)
    return suite(metrics=(PRIMARY, guard), slices=(SuiteSlice("short", tag="short"), SuiteSlice("long", tag="long")))


def judged(
    scores: Sequence[float | None],
    role: str = "candidate",
    recall: Sequence[float | None] | None = None,
    about: Mapping[int, Mapping[str, Any]] | None = None,
    system: str = "hybrid",
) -> list[dict[str, Any]]:
    """A row a score, of questions q0, q1, ... in clusters of their own; every metric but recall@20 is the score."""
    rows = []
    for number, score in enumerate(scores):
        row: dict[str, Any] = {
            "result_id": f"{role}/written/q{number}/{system}",
            "role": role,
            "question_id": f"q{number}",
            "question_set": "written",
            "part": "test",
            "system": system,
            "question": f"question {number}?",
            "cluster": f"q{number}",
            "slices": [],
            "stale": None,
            "unmeasured": None if score is not None else "no answer came",
            **dict.fromkeys(METRICS, score),
        }
        if recall is not None:
            row["recall@20"] = recall[number]
        rows.append({**row, **(about or {}).get(number, {})})
    return rows
