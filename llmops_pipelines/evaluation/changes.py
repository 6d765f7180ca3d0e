"""The questions that changed between two indexes: how many, and those that changed most with what each of them found."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from llmops_pipelines.evaluation.metrics import PRIMARY
from llmops_pipelines.evaluation.pairing import Pair, Row
from llmops_pipelines.storage.identity import text_hash

MOST = 5


class Flips(NamedTuple):
    """How many questions are better, worse and equal on nDCG@10."""

    better: int
    worse: int
    equal: int

    @classmethod
    def of(cls, pairs: Sequence[Pair]) -> "Flips":
        """Those of `pairs`, which are measured."""
        better, worse = sum(pair.change > 0 for pair in pairs), sum(pair.change < 0 for pair in pairs)
        return cls(better, worse, len(pairs) - better - worse)

    def __str__(self) -> str:
        return f"{self.better} better, {self.worse} worse, {self.equal} equal"


@dataclass(frozen=True)
class Side:
    """What one index gave for a question: `first_right` is the rank of the first right document, if any.

    `passages` are the first ones, each with its title and the beginning of its text.
    """

    score: float
    first_right: int | None
    passages: list[dict[str, str]]

    @classmethod
    def of(cls, row: Row) -> "Side":
        """What a row of an evaluation says of it."""
        return cls(row[PRIMARY], first_right(row), row["shown"])


@dataclass(frozen=True)
class Change:
    """One question whose nDCG@10 changed by `change`."""

    question: str
    answers: list[str]
    change: float
    before: Side
    after: Side


def changed_most(pairs: Sequence[Pair], limit: int = MOST) -> tuple[list[Change], list[Change]]:
    """The questions whose nDCG@10 rose most, and those whose fell most, each at most `limit`, the greatest change first."""
    rose = sorted((pair for pair in pairs if pair.change > 0), key=lambda pair: (-pair.change, _tie(pair)))[:limit]
    fell = sorted((pair for pair in pairs if pair.change < 0), key=lambda pair: (pair.change, _tie(pair)))[:limit]
    return [_change(pair) for pair in rose], [_change(pair) for pair in fell]


def _change(pair: Pair) -> Change:
    question, answers = pair.after["question"], list(pair.after["answers"])
    return Change(question, answers, pair.change, Side.of(pair.before), Side.of(pair.after))


def first_right(row: Row) -> int | None:
    """The rank, from 1, of the first document that answers the question; None where it is not among those scored."""
    right = set(row["answers"])
    return next((rank for rank, doc_id in enumerate(row["retrieved"], start=1) if doc_id in right), None)


def _tie(pair: Pair) -> str:
    """Decides among equal changes, so that not one subject fills the list."""
    return text_hash(pair.after["result_id"])
