"""The evaluation report: one self-contained HTML page, and its short form as Markdown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmops_pipelines.evaluation.evaluate import SYSTEMS
from llmops_pipelines.evaluation.figures import HEADLINE_SYSTEM, SetFigures
from llmops_pipelines.evaluation.metrics import METRICS, PRIMARY
from llmops_pipelines.evaluation.plots import interval_plot, label, png, question_plot, svg
from llmops_pipelines.storage.identity import text_hash
from llmops_pipelines.storage.snapshot import Snapshot

TEMPLATES = Path(__file__).parent / "templates"
REPORT_VERSION = "1"
WORST = 10
SHOWN_PASSAGES = 3
PASSAGE_CHARACTERS = 400


@dataclass(frozen=True)
class Report:
    """A rendered report. `image` is the interval plot as PNG, None where nothing was measured."""

    html: str
    markdown: str
    image: bytes | None


def build_report(
    title: str,
    identity: Mapping[str, str],
    rows: Sequence[Mapping[str, Any]],
    index: Snapshot,
    sets: Sequence[SetFigures],
) -> Report:
    """The report on `rows` of an evaluation and their figures; `index` is the version that was evaluated."""
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
        primary=PRIMARY,
        unmeasured=[row for row in rows if row["unmeasured"] and row["system"] == HEADLINE_SYSTEM],
    )
    return Report(html, short_form(sets), png(chart) if chart else None)


def worst_questions(rows: Sequence[Mapping[str, Any]], index: Snapshot) -> list[dict[str, Any]]:
    """The questions that hybrid search answers worst, with the passages it put first instead."""
    measured = [row for row in rows if row["system"] == HEADLINE_SYSTEM and row["unmeasured"] is None]
    worst = sorted(measured, key=_badness)[:WORST]
    wanted = {chunk_id for row in worst for chunk_id in row["passages"][:SHOWN_PASSAGES]}
    passages = {row["chunk_id"]: row for row in index.rows(["chunk_id", "title", "text"]) if row["chunk_id"] in wanted}
    found = []
    for row in worst:
        right = set(row["answers"])
        ranks = [rank for rank, doc_id in enumerate(row["retrieved"], start=1) if doc_id in right]
        shown = [passages[chunk_id] for chunk_id in row["passages"][:SHOWN_PASSAGES]]
        found.append(
            {
                "question": row["question"],
                "score": row[PRIMARY],
                "answers": row["answers"],
                "first_right": ranks[0] if ranks else None,
                "passages": [{"title": p["title"], "text": p["text"][:PASSAGE_CHARACTERS]} for p in shown],
            }
        )
    return found


def _badness(row: Mapping[str, Any]) -> tuple[float, float, str]:
    """Worst first; among equals the hash decides, so that not one subject fills the list."""
    return row[PRIMARY], row["recall@100"], text_hash(row["result_id"])


def short_form(sets: Sequence[SetFigures]) -> str:
    """The figures as a Markdown table, the primary one with its interval: short, since Dagster folds long ones away."""
    if not sets:
        return "No question was measured: add a question file under `evaluation.questions`."
    lines = [f"| questions | system | {' | '.join(METRICS)} |", "| --- | --- |" + " --- |" * len(METRICS)]
    for s in sets:
        for system in SYSTEMS:
            estimates = s.estimates[system]
            others = " | ".join(f"{estimates[metric].mean:.2f}" for metric in METRICS if metric != PRIMARY)
            lines.append(f"| {label(s)} | {system} | {estimates[PRIMARY]} | {others} |")
    return "\n".join(lines)
