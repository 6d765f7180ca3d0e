"""Which questions of a suite the gate can use, and what each of them gives: a difference, or bounds of one."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from llmops_pipelines.evaluation.contamination import LEARNED_DOCUMENT, LEARNED_QUESTION
from llmops_pipelines.evaluation.intervals import joined_clusters
from llmops_pipelines.evaluation.metrics import PRIMARY

Row = Mapping[str, Any]

ONE_SIDE = "asked of one of the two only"
REWORDED = "worded differently"
LEARNED = "learned by one of the models"


@dataclass(frozen=True)
class Pair:
    """The rows of one question under one system, of production and of the candidate."""

    before: Row
    after: Row
    cluster: str

    @property
    def measured(self) -> bool:
        """Whether both sides have scores."""
        return self.before["unmeasured"] is None and self.after["unmeasured"] is None

    @property
    def change(self) -> float:
        """nDCG@10 after less nDCG@10 before, of a question that both measured."""
        return self.after[PRIMARY] - self.before[PRIMARY]

    def bounds(self, metric: str) -> tuple[float, float]:
        """The least and the greatest difference, after less before, that there can be: equal where both are measured."""
        before, after = self.before[metric], self.after[metric]
        if self.measured:
            return after - before, after - before
        return (after or 0.0) - (1.0 if before is None else before), (1.0 if after is None else after) - (before or 0.0)


@dataclass(frozen=True)
class Paired:
    """The questions of one set under one system.

    `stale` gives the reason by question id; those are in no pair. `left_out` counts the others that are in none, by reason.
    """

    pairs: list[Pair]
    stale: dict[str, str]
    left_out: dict[str, int]

    @property
    def unmeasured(self) -> int:
        """How many questions lack the scores of a side."""
        return sum(not pair.measured for pair in self.pairs)

    def within(self, slice_name: str) -> list[Pair]:
        """The pairs of one slice."""
        return [pair for pair in self.pairs if slice_name in pair.after["slices"]]


def paired(before: Iterable[Row], after: Iterable[Row]) -> Paired:
    """Pairs the rows of production and candidate by question; both are of one question set, part and system.

    A question that is stale says nothing any more, and one that a model learned says nothing of that model: neither
    depends on how it is answered. What could not be measured for another reason stays, to be bounded.
    """
    sides = [{row["question_id"]: row for row in rows} for rows in (before, after)]
    stale = {name: row["stale"] for name, row in sides[1].items() if row["stale"]}
    left_out: Counter[str] = Counter()
    chosen: list[tuple[Row, Row]] = []
    for name in sorted(sides[0].keys() | sides[1].keys()):
        one, other = (side.get(name) for side in sides)
        if name in stale:
            continue
        if one is None or other is None:
            left_out[ONE_SIDE] += 1
        elif one["question"] != other["question"]:
            left_out[REWORDED] += 1
        elif {one["unmeasured"], other["unmeasured"]} & {LEARNED_DOCUMENT, LEARNED_QUESTION}:
            left_out[LEARNED] += 1
        else:
            chosen.append((one, other))
    clusters = joined_clusters([one["cluster"] for one, _ in chosen], [other["cluster"] for _, other in chosen])
    pairs = [Pair(one, other, cluster) for (one, other), cluster in zip(chosen, clusters, strict=True)]
    return Paired(pairs, stale, dict(left_out))
