"""What a training set was made of and what was left out of it: counted as it is built, told afterwards."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from llmops_pipelines.storage.sync import Sync, SyncCounts

EXAMPLES = 3


@dataclass
class TrainingSetReport:
    """What was learned from and what was left out, with examples. `dropped` counts questions, and passages, by reason."""

    counts: SyncCounts
    data_version: str
    pairs: dict[str, int]
    questions: dict[str, int]
    sources: dict[str, int]
    documents: int
    hard_negatives: int
    questions_embedded: int
    passages_embedded: int
    dropped: dict[str, int]
    dropped_examples: dict[str, str]
    lengths: dict[str, dict[str, float]]
    examples: list[dict[str, Any]] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class Dropped:
    """Counts what is left out, by reason, with the first example of each."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.examples: dict[str, str] = {}

    def add(self, reason: str, example: str) -> None:
        self.counts[reason] += 1
        self.examples.setdefault(reason, example)


def training_set_report(
    sync: Sync, rows: list[dict[str, Any]], dropped: Dropped, questions_embedded: int, passages_embedded: int
) -> TrainingSetReport:
    """Ends the writing of `rows`, and counts them."""
    return TrainingSetReport(
        counts=sync.finish(),
        data_version=sync.data_version,
        pairs=_count(row["part"] for row in rows),
        questions=_count({row["question_id"]: row["part"] for row in rows}.values()),
        sources=_count(row["source"] for row in rows),
        documents=len({row["doc_id"] for row in rows}),
        hard_negatives=sum(len(row["negatives"]) for row in rows),
        questions_embedded=questions_embedded,
        passages_embedded=passages_embedded,
        dropped=dict(dropped.counts),
        dropped_examples=dropped.examples,
        lengths={name: _lengths([row[name] for row in rows]) for name in ("question", "positive")} if rows else {},
        examples=[{name: row[name] for name in ("question", "positive", "negatives")} for row in rows[:EXAMPLES]],
    )


def _count(values: Any) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))


def _lengths(texts: Sequence[str]) -> dict[str, float]:
    """Words of `texts`: median, 95th percentile and maximum."""
    import numpy as np

    words = [len(text.split()) for text in texts]
    return {"median": float(np.median(words)), "95 %": float(np.percentile(words, 95)), "longest": float(max(words))}
