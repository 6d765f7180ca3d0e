"""Figures of rankings with their intervals, and what one brings over another, question by question."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from llmops_pipelines.evaluation.intervals import Estimate, clustered_mean
from llmops_pipelines.evaluation.metrics import PRIMARY, score_rankings

FIGURES = {"ndcg10": PRIMARY, "recall100": "recall@100"}
RRF_K = 60


@dataclass(frozen=True)
class Measured:
    """Scores by figure, for each model that was measured (one a seed): those of the questions in their order."""

    scores: Mapping[str, Sequence[Sequence[float]]]
    clusters: Sequence[str]

    @classmethod
    def of(cls, evaluations: Sequence[Sequence[Mapping[str, Any]]], system: str) -> "Measured":
        """From rows of evaluations of the same questions."""
        rows = [[row for row in found if row["system"] == system] for found in evaluations]
        scores = {name: [[row[metric] for row in found] for found in rows] for name, metric in FIGURES.items()}
        return cls(scores, [row["cluster"] for row in rows[0]])

    def estimate(self, figure: str = "ndcg10", over: "Measured | None" = None) -> Estimate:
        """The mean over the questions of what the models score on average, or of its difference to `over`."""
        means = self._means(figure)
        if over is None:
            return clustered_mean(means, self.clusters)
        differences = [mean - other for mean, other in zip(means, over._means(figure), strict=True)]
        return clustered_mean(differences, self.clusters, bounds=(-1.0, 1.0))

    def as_dict(self) -> dict[str, Any]:
        """Every figure with its interval at 95 %; where there are several models, nDCG@10 of each."""
        found: dict[str, Any] = {}
        for name in FIGURES:
            estimate = self.estimate(name)
            found |= {name: round(estimate.mean, 4), f"{name}_interval": interval(estimate)}
        models = self.scores["ndcg10"]
        return found | ({"seeds": [round(fmean(scores), 4) for scores in models]} if len(models) > 1 else {})

    def _means(self, figure: str) -> list[float]:
        return [fmean(scores) for scores in zip(*self.scores[figure], strict=True)]


@dataclass(frozen=True)
class Step:
    """A way to search, and the one that it is compared with."""

    name: str
    measured: Measured
    over: str | None = None


def step_table(steps: Sequence[Step]) -> list[dict[str, Any]]:
    """nDCG@10 of each step, and what it brings over the step it names."""
    named = {step.name: step.measured for step in steps}
    table = []
    for step in steps:
        row = {"step": step.name, **step.measured.as_dict()}
        if step.over is not None:
            gain = step.measured.estimate(over=named[step.over])
            row |= {"over": step.over, "brings": round(gain.mean, 4), "brings_interval": interval(gain)}
        table.append(row)
    return table


def as_markdown(table: Iterable[Mapping[str, Any]]) -> str:
    """The table for people."""
    lines = ["| step | nDCG@10 | recall@100 | brings | over |", "| --- | --- | --- | --- | --- |"]
    for row in table:
        figures = [f"{row[name]:.3f} {_ends(row[f'{name}_interval'], '.3f')}" for name in FIGURES]
        brings = f"{row['brings']:+.3f} {_ends(row['brings_interval'], '+.3f')}" if "over" in row else ""
        lines.append(f"| {row['step']} | {figures[0]} | {figures[1]} | {brings} | {row.get('over', '')} |")
    return "\n".join(lines)


def interval(estimate: Estimate) -> list[float]:
    return [round(estimate.low, 4), round(estimate.high, 4)]


def reciprocal_rank(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rows of `rows` for the system `reciprocal_rank`: the documents of full text and dense search, fused by rank alone.

    Cormack, Clarke and Buettcher, "Reciprocal rank fusion outperforms Condorcet and individual rank learning methods",
    SIGIR 2009: the sum of 1 / (60 + rank), over the 100 documents of each. What hybrid search is compared with.
    """
    sums: dict[str, dict[str, float]] = {}
    for row in rows:
        if row["system"] in ("bm25", "dense"):
            found = sums.setdefault(row["question_id"], {})
            for rank, document in enumerate(row["retrieved"], start=1):
                found[document] = found.get(document, 0.0) + 1 / (RRF_K + rank)
    rankings = {q: sorted(found, key=lambda document: (-found[document], document)) for q, found in sums.items()}
    asked = [row for row in rows if row["system"] == "dense"]
    grades = {row["question_id"]: dict(zip(row["answers"], row["grades"], strict=True)) for row in asked}
    scores = score_rankings(rankings, grades)
    return [{**row, "system": "reciprocal_rank", **scores[row["question_id"]]} for row in asked]


def _ends(ends: Sequence[float], form: str) -> str:
    return f"[{ends[0]:{form}}, {ends[1]:{form}}]"
