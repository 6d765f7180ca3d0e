"""The evaluation report: one self-contained HTML page, and its short form as Markdown."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmops_pipelines.evaluation import wording
from llmops_pipelines.evaluation.decision import Decision
from llmops_pipelines.evaluation.figures import SetFigures
from llmops_pipelines.evaluation.forest_plot import forest_plot
from llmops_pipelines.evaluation.history import points
from llmops_pipelines.evaluation.intervals import Estimate
from llmops_pipelines.evaluation.latency import STAGES, StageTime, stage_times
from llmops_pipelines.evaluation.levels import ROLES, levels
from llmops_pipelines.evaluation.limits import limits
from llmops_pipelines.evaluation.metrics import METRICS, PRIMARY
from llmops_pipelines.evaluation.plots import history_plot, label, level_plot, png, svg
from llmops_pipelines.evaluation.report_sections import flips, identities, learned, reviewed, suite_sections, worst
from llmops_pipelines.evaluation.roles import Role
from llmops_pipelines.evaluation.suites import DAILY_PART, Suite

TEMPLATES = Path(__file__).parent / "templates"
REPORT_VERSION = "4"
RELEASES_SHOWN = 20


@dataclass(frozen=True)
class Page:
    """What a report is made of: what was decided, `at` which time, and the rows and the summary of the evaluation.

    `history` has an entry for every judged release before it, oldest first.
    """

    title: str
    decision: Decision
    verdict_id: str
    at: datetime.datetime
    summary: Mapping[str, Any]
    suites: Sequence[Suite]
    rows: Sequence[Mapping[str, Any]]
    history: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Report:
    """A rendered report. `image` is a PNG: the tests that decide, the levels where nothing was tested, None without any."""

    html: str
    markdown: str
    image: bytes | None


def build_report(page: Page) -> Report:
    """The report on a candidate, beside what was in force and the untuned base.

    Texts of questions and passages are shown of dev alone: whoever reads a test question may fit it. Of a test part there
    are figures, and the ids of the questions to review.
    """
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {name: getattr(wording, name) for name in ("p_value", "percent", "sentence")}
    decision, suites, rows = page.decision, page.suites, page.rows
    daily = [row for row in rows if row["part"] == DAILY_PART]
    found = levels(suites, daily)
    sections = suite_sections(decision, suites, page.summary["spent"])
    past = points(page.history, suites, decision, page.summary["sides"][0]["key"], page.at.isoformat())
    tested = next((section.decision.tests for section in sections if section.decision.tests), None)
    level_chart = level_plot(found) if found else None
    shown = forest_plot(tested) if tested else level_chart
    html = environment.get_template("report.html.j2").render(
        page=page,
        decision=decision,
        wording=wording,
        verdicts=wording.VERDICTS,
        changed=wording.what_changed(page.summary),
        sections=sections,
        levels=found,
        level_svg=svg(level_chart) if level_chart else None,
        label=label,
        metrics=METRICS,
        primary=PRIMARY,
        flips=flips(suites, rows),
        times=_times(daily),
        stages=STAGES,
        learned=learned(rows),
        history=past[-RELEASES_SHOWN:],
        history_length=len(past),
        history_svg=svg(history_plot(past)) if past else None,
        limits=limits(suites, decision.suites, rows, page.summary),
        identities=identities(page.summary),
        worst=worst(suites, daily),
        reviewed=reviewed(rows),
    )
    return Report(html, short_form(decision, [one.figures for one in found]), png(shown) if shown else None)


def _times(rows: Sequence[Mapping[str, Any]]) -> dict[Role, dict[str, StageTime]]:
    """The times of every side that was measured, by stage."""
    found: dict[Role, dict[str, StageTime]] = {}
    for role in ROLES:
        if times := stage_times([row for row in rows if row["role"] == role]):
            found[role] = {time.stage: time for time in times}
    return found


def short_form(decision: Decision, sets: Sequence[SetFigures]) -> str:
    """The verdict, the tests and the figures on dev as Markdown: short, since Dagster folds long ones away."""
    return kept_short_form(decision.as_dict(), sets)


def kept_short_form(decision: Mapping[str, Any], sets: Sequence[SetFigures]) -> str:
    """As `short_form`, of a decision as it is kept."""
    line = wording.verdict_line(decision["verdict"], decision["promotes"])
    lines = [f"**{wording.VERDICTS[decision['verdict']].sign} {line}.** {decision['reason']}"]
    tests = [(f"{one['suite']} ({one['part']})", test) for one in decision["suites"] for test in one["tests"]]
    if tests:
        lines += ["", "| test | | production | candidate | difference | p | margin | verdict |", "|" + " --- |" * 8]
        lines += [
            f"| {where} | {t['name']} | {t['before']['mean']:.3f} | {t['after']['mean']:.3f} | "
            f"{Estimate(**t['difference']).signed} | {wording.p_value(t['p'])} | {t['margin']:.3g} | "
            f"{wording.VERDICTS[t['verdict']].words} |"
            for where, t in tests
        ]
    if not sets:
        return "\n".join([*lines, "", "No dev question was measured: add a suite that has some (docs/evaluation.md)."])
    lines += ["", f"| figures | system | {' | '.join(METRICS)} |", "| --- | --- |" + " --- |" * len(METRICS)]
    for s in sets:
        for system, estimates in s.estimates.items():
            others = " | ".join(f"{estimates[metric].mean:.2f}" for metric in METRICS if metric != PRIMARY)
            lines.append(f"| {label(s)} | {system} | {estimates[PRIMARY]} | {others} |")
    return "\n".join(lines)
