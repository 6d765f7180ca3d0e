"""The evaluation report: one self-contained HTML page, and its short form as Markdown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmops_pipelines.evaluation.changes import changed_most, first_passages, first_right
from llmops_pipelines.evaluation.compare import SetComparison
from llmops_pipelines.evaluation.evaluate import SYSTEMS
from llmops_pipelines.evaluation.figures import HEADLINE_SYSTEM, SetFigures
from llmops_pipelines.evaluation.metrics import METRICS, PRIMARY
from llmops_pipelines.evaluation.plots import (
    change_plot,
    difference_plot,
    interval_plot,
    label,
    png,
    question_plot,
    svg,
)
from llmops_pipelines.storage.identity import text_hash
from llmops_pipelines.storage.snapshot import Snapshot

TEMPLATES = Path(__file__).parent / "templates"
REPORT_VERSION = "2"
WORST = 10


@dataclass(frozen=True)
class Report:
    """A rendered report. `image` is the interval plot as PNG, None where nothing was measured."""

    html: str
    markdown: str
    image: bytes | None


@dataclass(frozen=True)
class Against:
    """The baseline of a report: the evaluation of another model on the same corpus.

    `identity` has the names of the report's own identity, `index` is the version that the baseline's evaluation is of.
    """

    key: str
    identity: Mapping[str, str]
    index: Snapshot
    comparisons: Sequence[SetComparison]

    def of(self, figures: SetFigures) -> SetComparison | None:
        """The comparison of the question set of `figures`; None where no question of it is paired."""
        name = figures.question_set, figures.part
        return next((c for c in self.comparisons if (c.question_set, c.part) == name and c.differences), None)


@dataclass(frozen=True)
class NotCompared:
    """A baseline that cannot be compared with: `reason` says why, and what to do so that it can be."""

    key: str
    reason: str


def build_report(
    title: str,
    identity: Mapping[str, str],
    rows: Sequence[Mapping[str, Any]],
    index: Snapshot,
    sets: Sequence[SetFigures],
    baseline: Against | NotCompared | None = None,
) -> Report:
    """The report on `rows` of an evaluation and their figures; `index` is the version that was evaluated.

    With a baseline it shows both side by side, question by question; one that is not compared is named with the reason.
    """
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    chart = interval_plot(sets) if sets else None
    sections = [
        {
            "label": label(s),
            "figures": s,
            "questions_svg": svg(question_plot(members)),
            "worst": worst_questions(members, index),
        }
        for s in sets
        for members in [[r for r in rows if (r["question_set"], r["part"]) == (s.question_set, s.part)]]
    ]
    html = environment.get_template("report.html.j2").render(
        title=title,
        identity=identity,
        interval_svg=svg(chart) if chart else None,
        sections=sections,
        metrics=METRICS,
        systems=SYSTEMS,
        headline_system=HEADLINE_SYSTEM,
        against=_against(baseline, sets, index) if isinstance(baseline, Against) else None,
        not_compared=baseline if isinstance(baseline, NotCompared) else None,
        primary=PRIMARY,
        unmeasured=[row for row in rows if row["unmeasured"] and row["system"] == HEADLINE_SYSTEM],
    )
    return Report(html, short_form(sets, baseline), png(chart) if chart else None)


def worst_questions(rows: Sequence[Mapping[str, Any]], index: Snapshot) -> list[dict[str, Any]]:
    """The questions that hybrid search answers worst, with the passages it put first instead."""
    measured = [row for row in rows if row["system"] == HEADLINE_SYSTEM and row["unmeasured"] is None]
    worst = sorted(measured, key=_badness)[:WORST]
    return [
        {
            "question": row["question"],
            "score": row[PRIMARY],
            "answers": row["answers"],
            "first_right": first_right(row),
            "passages": passages,
        }
        for row, passages in zip(worst, first_passages(worst, index), strict=True)
    ]


def _against(baseline: Against, sets: Sequence[SetFigures], index: Snapshot) -> dict[str, Any]:
    """What the template shows of a comparison, in the order of `sets`."""
    found = [comparison for s in sets if (comparison := baseline.of(s))]
    sections = []
    for comparison in found:
        rose, fell = changed_most(comparison.pairs[HEADLINE_SYSTEM], baseline.index, index)
        sections.append(
            {
                "label": label(comparison),
                "compared": comparison,
                "flips": {system: comparison.flips(system) for system in SYSTEMS},
                "changes_svg": svg(change_plot(comparison.pairs)),
                "changes": {"rose": rose, "fell": fell},
            }
        )
    return {
        "key": baseline.key,
        "identity": baseline.identity,
        "sections": sections,
        "differences_svg": svg(difference_plot(found)) if found else None,
        "left_out": {label(c): c.left_out for c in baseline.comparisons if c.left_out},
    }


def _badness(row: Mapping[str, Any]) -> tuple[float, float, str]:
    """Worst first; among equals the hash decides, so that not one subject fills the list."""
    return row[PRIMARY], row["recall@100"], text_hash(row["result_id"])


def short_form(sets: Sequence[SetFigures], baseline: Against | NotCompared | None = None) -> str:
    """The figures as a Markdown table, the primary one with its interval: short, since Dagster folds long ones away.

    With a baseline, before, after and difference of hybrid search follow, a row a question set.
    """
    if not sets:
        return "No question was measured: add a question file under `evaluation.questions`."
    lines = [f"| questions | system | {' | '.join(METRICS)} |", "| --- | --- |" + " --- |" * len(METRICS)]
    for s in sets:
        for system in SYSTEMS:
            estimates = s.estimates[system]
            others = " | ".join(f"{estimates[metric].mean:.2f}" for metric in METRICS if metric != PRIMARY)
            lines.append(f"| {label(s)} | {system} | {estimates[PRIMARY]} | {others} |")
    return "\n".join(lines + _short_comparison(sets, baseline))


def _short_comparison(sets: Sequence[SetFigures], baseline: Against | NotCompared | None) -> list[str]:
    if baseline is None:
        return []
    if isinstance(baseline, NotCompared):
        return ["", f"Not compared with {baseline.key}: {baseline.reason}."]
    found = [comparison for s in sets if (comparison := baseline.of(s))]
    if not found:
        return ["", f"Not compared with {baseline.key}: no question is shared."]
    lines = ["", f"| against {baseline.key} | {PRIMARY} before | after | difference |", "| --- | --- | --- | --- |"]
    for c in found:
        d = c.headline
        lines.append(f"| {label(c)}, {HEADLINE_SYSTEM} | {d.before:.3f} | {d.after:.3f} | {d.change.signed} |")
    return [*lines, "", f"{label(found[0])}: {found[0].headline.reading}"]
