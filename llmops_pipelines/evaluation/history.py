"""The primary metric over the releases of a corpus, broken where the suites changed: another measure is another line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llmops_pipelines.evaluation.decision import Decision
from llmops_pipelines.evaluation.suites import Suite, gating_identity

CANDIDATE_NAME = "this candidate"


@dataclass(frozen=True)
class Point:
    """What one release, or a candidate that is not `released`, scored when it was judged; `line` counts earlier measures."""

    name: str
    at: str
    model: str
    verdict: str
    metric: str
    mean: float
    low: float
    high: float
    line: int
    released: bool


def points(
    history: Sequence[Mapping[str, Any]], suites: Sequence[Suite], decision: Decision, model: str, at: str
) -> list[Point]:
    """The releases of `history`, oldest first, and the candidate that was judged `at`, where it was, as the last."""
    entries = [{**entry, "name": entry["release"], "released": True} for entry in history]
    first = decision.suites[0] if decision.suites else None
    if first and first.primary:
        level = first.primary.after
        entries.append(
            {
                "name": CANDIDATE_NAME,
                "at": at,
                "model": model,
                "verdict": decision.verdict,
                "suites": gating_identity(suites),
                "metric": f"{first.primary.metric} of {first.system} search on {first.suite} ({first.part})",
                "mean": level.mean,
                "low": level.low,
                "high": level.high,
                "released": False,
            }
        )
    found, line, measure = [], 0, None
    for entry in entries:
        if measure not in (None, (entry["suites"], entry["metric"])):
            line += 1
        measure = entry["suites"], entry["metric"]
        found.append(Point(line=line, **{name: entry[name] for name in Point.__dataclass_fields__ if name != "line"}))
    return found
