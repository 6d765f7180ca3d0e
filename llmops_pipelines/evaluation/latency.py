"""How long search takes, stage by stage: what a question costs, not what an answer is worth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Row = Mapping[str, Any]
STAGES = ("full text", "vectors", "fusion", "all three")


@dataclass(frozen=True)
class StageTime:
    """The median and the 95th percentile of one stage, in milliseconds a question, over `questions` of them."""

    stage: str
    median: float
    p95: float
    questions: int


def stage_times(rows: Sequence[Row]) -> list[StageTime]:
    """The times of `rows`, of one side and of every system; empty where no question was measured.

    Fusion is what hybrid search takes beside the two rankings that it fuses. The percentile interpolates linearly.
    """
    import numpy as np

    by_question: dict[tuple[str, str], dict[str, float]] = {}
    for row in rows:
        if row["unmeasured"] is None:
            seconds = by_question.setdefault((row["question_set"], row["question_id"]), {})
            seconds[row["system"]] = row["seconds"]
    taken = [(t["bm25"], t["dense"], t["hybrid"] - t["bm25"] - t["dense"], t["hybrid"]) for t in by_question.values()]
    if not taken:
        return []
    milliseconds = 1000 * np.asarray(taken)
    medians, highs = np.median(milliseconds, axis=0), np.percentile(milliseconds, 95, axis=0)
    return [
        StageTime(stage, float(median), float(high), len(taken))
        for stage, median, high in zip(STAGES, medians, highs, strict=True)
    ]
