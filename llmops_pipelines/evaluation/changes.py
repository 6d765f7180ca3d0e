"""The questions that changed most between two evaluations, with what each of them found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from llmops_pipelines.evaluation.compare import PairedRows
from llmops_pipelines.evaluation.metrics import PRIMARY
from llmops_pipelines.storage.identity import text_hash
from llmops_pipelines.storage.snapshot import Snapshot, among

MOST = 5
SHOWN_PASSAGES = 3
PASSAGE_CHARACTERS = 400

Row = Mapping[str, Any]


class Passage(NamedTuple):
    title: str
    text: str


@dataclass(frozen=True)
class Side:
    """What one evaluation found for a question: `first_right` is the rank of the first right document, if any."""

    score: float
    first_right: int | None
    passages: list[Passage]


@dataclass(frozen=True)
class Change:
    """One question whose nDCG@10 changed by `change`."""

    question: str
    answers: list[str]
    change: float
    before: Side
    after: Side


def changed_most(
    pairs: Sequence[PairedRows], before: Snapshot, after: Snapshot, limit: int = MOST
) -> tuple[list[Change], list[Change]]:
    """The questions whose nDCG@10 rose most, and those whose fell most, each at most `limit`, the greatest change first.

    `before` and `after` are the indexes that were evaluated: each side's passages are read from its own.
    """
    rose = sorted((pair for pair in pairs if pair.change > 0), key=lambda pair: (-pair.change, _tie(pair)))[:limit]
    fell = sorted((pair for pair in pairs if pair.change < 0), key=lambda pair: (pair.change, _tie(pair)))[:limit]
    shown = [*rose, *fell]
    sides = zip(
        first_passages([pair.before for pair in shown], before),
        first_passages([pair.after for pair in shown], after),
        strict=True,
    )
    changes = [
        Change(
            question=pair.after["question"],
            answers=list(pair.after["answers"]),
            change=pair.change,
            before=Side(pair.before[PRIMARY], first_right(pair.before), passages_before),
            after=Side(pair.after[PRIMARY], first_right(pair.after), passages_after),
        )
        for pair, (passages_before, passages_after) in zip(shown, sides, strict=True)
    ]
    return changes[: len(rose)], changes[len(rose) :]


def first_right(row: Row) -> int | None:
    """The rank, from 1, of the first document that answers the question; None where it is not among those scored."""
    right = set(row["answers"])
    return next((rank for rank, doc_id in enumerate(row["retrieved"], start=1) if doc_id in right), None)


def first_passages(rows: Sequence[Row], index: Snapshot) -> list[list[Passage]]:
    """The passages that each of `rows` puts first, as `index` holds them, cut to what is read at a glance."""
    wanted = {chunk_id for row in rows for chunk_id in row["passages"][:SHOWN_PASSAGES]}
    if not wanted:
        return [[] for _ in rows]
    passages = {
        found["chunk_id"]: Passage(found["title"], found["text"][:PASSAGE_CHARACTERS])
        for found in index.rows(["chunk_id", "title", "text"], among("chunk_id", sorted(wanted)))
    }
    return [[passages[chunk_id] for chunk_id in row["passages"][:SHOWN_PASSAGES]] for row in rows]


def _tie(pair: PairedRows) -> str:
    """Decides among equal changes, so that not one subject fills the list."""
    return text_hash(pair.after["result_id"])
