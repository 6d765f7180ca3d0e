"""The figures of an evaluation: every metric of every question set and system, each with its interval."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean, median
from typing import Any

from llmops_pipelines.evaluation.evaluate import SYSTEMS
from llmops_pipelines.evaluation.intervals import Estimate, clustered_mean
from llmops_pipelines.evaluation.known_items import KNOWN_ITEMS
from llmops_pipelines.evaluation.metrics import METRICS, PRIMARY

HEADLINE_SYSTEM = "hybrid"


@dataclass(frozen=True)
class SetFigures:
    """The figures of one question set: `estimates` by system and metric."""

    question_set: str
    part: str
    questions: int
    unmeasured: int
    synthetic: bool
    overlap: float
    unjudged_at_10: dict[str, float]
    milliseconds: dict[str, float]  # median a question, by system
    estimates: dict[str, dict[str, Estimate]]

    @property
    def headline(self) -> Estimate:
        """nDCG@10 of hybrid search."""
        return self.estimates[HEADLINE_SYSTEM][PRIMARY]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> "SetFigures":
        estimates = {
            system: {metric: Estimate(**estimate) for metric, estimate in metrics.items()}
            for system, metrics in raw["estimates"].items()
        }
        return cls(**{**raw, "estimates": estimates})


def figures(rows: Iterable[Mapping[str, Any]]) -> list[SetFigures]:
    """The figures of each question set that has a measured question, in the order of `rows`, synthetic ones last."""
    sets: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in rows:
        sets.setdefault((row["question_set"], row["part"]), []).append(row)
    found = [_set_figures(name, part, members) for (name, part), members in sets.items()]
    return sorted((f for f in found if f), key=lambda f: f.synthetic)


def _set_figures(name: str, part: str, rows: Sequence[Mapping[str, Any]]) -> SetFigures | None:
    by_system = {system: [row for row in rows if row["system"] == system] for system in SYSTEMS}
    measured = {system: [row for row in members if row["unmeasured"] is None] for system, members in by_system.items()}
    if not measured[HEADLINE_SYSTEM]:
        return None
    return SetFigures(
        question_set=name,
        part=part,
        questions=len(by_system[HEADLINE_SYSTEM]),
        unmeasured=len(by_system[HEADLINE_SYSTEM]) - len(measured[HEADLINE_SYSTEM]),
        synthetic=name == KNOWN_ITEMS,
        overlap=fmean(row["overlap"] for row in measured[HEADLINE_SYSTEM]),
        unjudged_at_10={
            system: fmean(row["unjudged_at_10"] for row in members) for system, members in measured.items()
        },
        milliseconds={system: 1000 * median(row["seconds"] for row in members) for system, members in measured.items()},
        estimates={
            system: {
                metric: clustered_mean([row[metric] for row in members], [row["cluster"] for row in members])
                for metric in METRICS
            }
            for system, members in measured.items()
        },
    )
