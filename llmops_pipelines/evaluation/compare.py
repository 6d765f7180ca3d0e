"""Two evaluations question by question: paired differences with their intervals.

What follows from a difference, whether a candidate is good enough, is not decided here.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any, NamedTuple

from llmops_pipelines.evaluation.contamination import LEARNED_DOCUMENT, LEARNED_QUESTION
from llmops_pipelines.evaluation.evaluate import SYSTEMS
from llmops_pipelines.evaluation.figures import HEADLINE_SYSTEM
from llmops_pipelines.evaluation.intervals import Estimate, clustered_mean, joined_clusters
from llmops_pipelines.evaluation.known_items import KNOWN_ITEMS
from llmops_pipelines.evaluation.metrics import METRICS, PRIMARY

BOUNDS = (-1.0, 1.0)

Row = Mapping[str, Any]
QuestionKey = tuple[str, str, str]  # question set, part, question id


class PairedRows(NamedTuple):
    """The rows of one question under one system in both evaluations."""

    before: Row
    after: Row

    @property
    def change(self) -> float:
        """nDCG@10 after less nDCG@10 before."""
        return self.after[PRIMARY] - self.before[PRIMARY]


@dataclass(frozen=True)
class Difference:
    """One metric under one system: its means over the paired questions, and the mean of their differences."""

    before: float
    after: float
    change: Estimate

    @property
    def reading(self) -> str:
        """What the interval of the difference says, in words."""
        if self.change.low > 0:
            return "The interval of the difference lies above 0: these questions show a gain."
        if self.change.high < 0:
            return "The interval of the difference lies below 0: these questions show a loss."
        return "The interval of the difference contains 0: these questions do not show that the two differ."


@dataclass(frozen=True)
class SetComparison:
    """One question set in both evaluations: `pairs` and `differences` by system, and by metric below that.

    `left_out` counts the questions that are in no pair, by reason. Where none is left, `differences` is empty.
    """

    question_set: str
    part: str
    pairs: dict[str, list[PairedRows]]
    left_out: dict[str, int]
    differences: dict[str, dict[str, Difference]]

    @property
    def synthetic(self) -> bool:
        return self.question_set == KNOWN_ITEMS

    @property
    def questions(self) -> int:
        """How many questions are paired."""
        return len(self.pairs[HEADLINE_SYSTEM])

    @property
    def headline(self) -> Difference:
        """nDCG@10 of hybrid search. Only where a question is paired."""
        return self.differences[HEADLINE_SYSTEM][PRIMARY]

    def as_dict(self) -> dict[str, Any]:
        """The differences and the counts, without the rows, as JSON values."""
        return {
            "question_set": self.question_set,
            "part": self.part,
            "questions": self.questions,
            "left_out": self.left_out,
            "differences": {
                system: {metric: asdict(difference) for metric, difference in metrics.items()}
                for system, metrics in self.differences.items()
            },
        }

    def flips(self, system: str) -> tuple[int, int, int]:
        """How many questions are better, worse and equal on nDCG@10."""
        changes = [pair.change for pair in self.pairs[system]]
        better, worse = sum(change > 0 for change in changes), sum(change < 0 for change in changes)
        return better, worse, len(changes) - better - worse


def compare(before: Iterable[Row], after: Iterable[Row]) -> list[SetComparison]:
    """The comparison of each question set of two evaluation tables; their order is that of names, synthetic ones last.

    A question is paired where both measured it with the same text, answers and grades. Differences are after less
    before; questions that either evaluation takes for one cluster are one cluster.
    """
    sides = _by_question(before), _by_question(after)
    sets: dict[tuple[str, str], tuple[dict[str, list[PairedRows]], Counter[str]]] = {}
    for key in sorted(sides[0].keys() | sides[1].keys()):
        one, other = (side.get(key, {}) for side in sides)
        pairs, left_out = sets.setdefault(key[:2], ({system: [] for system in SYSTEMS}, Counter()))
        reason = _left_out(one, other)
        if reason:
            left_out[reason] += 1
            continue
        for system in SYSTEMS:
            pairs[system].append(PairedRows(one[system], other[system]))
    compared = [
        SetComparison(*name, pairs, dict(left_out), _differences(pairs)) for name, (pairs, left_out) in sets.items()
    ]
    return sorted(compared, key=lambda c: c.synthetic)


def _by_question(rows: Iterable[Row]) -> dict[QuestionKey, dict[str, Row]]:
    """The rows of each question, by system."""
    found: dict[QuestionKey, dict[str, Row]] = {}
    for row in rows:
        found.setdefault((row["question_set"], row["part"], row["question_id"]), {})[row["system"]] = row
    return found


def _left_out(before: Mapping[str, Row], after: Mapping[str, Row]) -> str | None:
    """Why a question is not compared; None where it is."""
    if not before or not after:
        return "asked by one evaluation only"
    both = [(before[system], after[system]) for system in SYSTEMS]
    if any(one["question"] != other["question"] for one, other in both):
        return "worded differently"
    unmeasured = {row["unmeasured"] for rows in both for row in rows} - {None}
    if unmeasured:
        return "learned by one of the models" if unmeasured & {LEARNED_DOCUMENT, LEARNED_QUESTION} else "unmeasured"
    if any(_judged(one) != _judged(other) for one, other in both):
        return "with other answers"
    return None


def _judged(row: Row) -> dict[str, int]:
    """The grade of each answer."""
    return dict(zip(row["answers"], row["grades"], strict=True))


def _differences(pairs: Mapping[str, Sequence[PairedRows]]) -> dict[str, dict[str, Difference]]:
    return {
        system: {metric: _difference(metric, members) for metric in METRICS}
        for system, members in pairs.items()
        if members
    }


def _difference(metric: str, pairs: Sequence[PairedRows]) -> Difference:
    before, after = [pair.before[metric] for pair in pairs], [pair.after[metric] for pair in pairs]
    clusters = joined_clusters([pair.before["cluster"] for pair in pairs], [pair.after["cluster"] for pair in pairs])
    changes = [new - old for old, new in zip(before, after, strict=True)]
    return Difference(fmean(before), fmean(after), clustered_mean(changes, clusters, BOUNDS))
