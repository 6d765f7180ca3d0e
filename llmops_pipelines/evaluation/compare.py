"""Two indexes question by question, every set, system and metric: paired differences with their intervals.

What follows from a difference, whether a candidate is good enough, is decided by the gate.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

from llmops_pipelines.evaluation.changes import Flips
from llmops_pipelines.evaluation.evaluate import SYSTEMS
from llmops_pipelines.evaluation.figures import HEADLINE_SYSTEM
from llmops_pipelines.evaluation.intervals import Estimate
from llmops_pipelines.evaluation.known_items import KNOWN_ITEMS
from llmops_pipelines.evaluation.metrics import METRICS, PRIMARY
from llmops_pipelines.evaluation.pairing import Pair, Row, paired
from llmops_pipelines.evaluation.verdict import difference


@dataclass(frozen=True)
class Difference:
    """One metric under one system: its means over the paired questions, and the mean of their differences."""

    before: float
    after: float
    change: Estimate


@dataclass(frozen=True)
class SetComparison:
    """One question set under both indexes: the `pairs` that both measured and `differences`, by system, then by metric.

    `left_out` counts the questions that are in no pair, by reason. Where none is left, `differences` is empty.
    """

    question_set: str
    part: str
    pairs: dict[str, list[Pair]]
    left_out: dict[str, int]
    differences: dict[str, dict[str, Difference]]

    @property
    def synthetic(self) -> bool:
        """Whether its questions are made from the corpus."""
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

    def flips(self, system: str) -> Flips:
        """How many questions are better, worse and equal."""
        return Flips.of(self.pairs[system])


def compare(before: Iterable[Row], after: Iterable[Row]) -> list[SetComparison]:
    """The comparison of each question set of the rows of two roles, in the order of names, synthetic ones last.

    A question is paired as the gate pairs it, where both sides measured it. Differences are after less before.
    """
    sides = _by_set(before), _by_set(after)
    compared = [_compared(*name, *(side.get(name, []) for side in sides)) for name in sorted({*sides[0], *sides[1]})]
    return sorted(compared, key=lambda c: c.synthetic)


def _by_set(rows: Iterable[Row]) -> dict[tuple[str, str], list[Row]]:
    """The rows of each question set and part."""
    found: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        found.setdefault((row["question_set"], row["part"]), []).append(row)
    return found


def _compared(question_set: str, part: str, before: Sequence[Row], after: Sequence[Row]) -> SetComparison:
    found = {
        system: paired(*([row for row in side if row["system"] == system] for side in (before, after)))
        for system in SYSTEMS
    }
    pairs = {system: [pair for pair in one.pairs if pair.measured] for system, one in found.items()}
    headline = found[HEADLINE_SYSTEM]
    counted = {**headline.left_out, "stale": len(headline.stale), "unmeasured": headline.unmeasured}
    return SetComparison(
        question_set,
        part,
        pairs,
        {reason: count for reason, count in counted.items() if count},
        {
            system: {metric: _difference(metric, members) for metric in METRICS}
            for system, members in pairs.items()
            if members
        },
    )


def _difference(metric: str, pairs: Sequence[Pair]) -> Difference:
    before, after = [pair.before[metric] for pair in pairs], [pair.after[metric] for pair in pairs]
    changes = [new - old for old, new in zip(before, after, strict=True)]
    return Difference(fmean(before), fmean(after), difference(changes, [pair.cluster for pair in pairs]))
