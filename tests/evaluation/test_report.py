"""The report: one page that needs nothing else, escapes what it shows, and holds every figure."""

import re

import lxml.html
import pytest

from llmops_pipelines.evaluation.evaluate import SYSTEMS
from llmops_pipelines.evaluation.figures import figures
from llmops_pipelines.evaluation.metrics import METRICS
from llmops_pipelines.evaluation.report import WORST, Report, build_report, short_form, worst_questions
from tests.evaluation.measured import PASSAGES, QUESTIONS, Measured
from tests.evaluation.test_figures import question_set

NAMESPACES = {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
IDENTITY = {"model": "all-minilm", "index": "version <7> & more"}


@pytest.fixture(scope="module")
def report(evaluated: Measured) -> Report:
    return build_report(
        "articles <under> test", IDENTITY, evaluated.rows, evaluated.index.snapshot, figures(evaluated.rows)
    )


@pytest.fixture(scope="module")
def page(report: Report) -> lxml.html.HtmlElement:
    return lxml.html.document_fromstring(report.html)


def cells(table: lxml.html.HtmlElement) -> list[list[str]]:
    return [[" ".join(cell.text_content().split()) for cell in row] for row in table.iter("tr")]


def test_the_page_needs_nothing_else(report: Report, page: lxml.html.HtmlElement) -> None:
    assert set(re.findall(r"https?://[^\"'\s<>)]+", report.html)) <= NAMESPACES
    assert page.xpath("//*[@src or @href or @*[name()='xlink:href'] or @onload]") == []
    for name in ("script", "link", "iframe", "img", "object", "embed", "base", "form", "foreignobject"):
        assert list(page.iter(name)) == []
    assert "@import" not in report.html
    assert re.findall(r"url\((?!#)", report.html) == []


def test_questions_passages_and_identity_are_shown_as_text(page: lxml.html.HtmlElement) -> None:
    assert page.findtext(".//title") == "articles <under> test"
    assert page.findtext(".//h1") == "articles <under> test"
    assert ["index", "version <7> & more"] in cells(page.xpath("//table")[0])
    summaries = [" ".join(s.text_content().split()) for s in page.iter("summary")]
    assert any(s.endswith("what is a <script>alert('question')</script> & \"markup\"?") for s in summaries)
    shown = {pre.text_content() for pre in page.iter("pre")}
    assert set(PASSAGES["html.md"]) <= shown
    assert {pre.getchildren() == [] for pre in page.iter("pre")} == {True}


def test_the_page_holds_every_figure(evaluated: Measured, page: lxml.html.HtmlElement) -> None:
    sets = figures(evaluated.rows)
    assert [s.question_set for s in sets] == ["written", "known_items"]
    tables = page.xpath("//table")[1:]
    assert len(tables) == len(sets)
    for s, table in zip(sets, tables, strict=True):
        head, *rows = cells(table)
        assert head == ["system", *METRICS, "unjudged in top 10", "ms"]
        for system, row in zip(SYSTEMS, rows, strict=True):
            estimates = [str(s.estimates[system][metric]) for metric in METRICS]
            shares = [f"{100 * s.unjudged_at_10[system]:.0f} %", f"{s.milliseconds[system]:.1f}"]
            assert row == [system, *estimates, *shares]
    text = " ".join(page.text_content().split())
    assert f"nDCG@10 {sets[0].headline} by hybrid search on written (dev): 5 questions in 3 clusters" in text
    assert "6 questions, 1 unmeasured, 3 clusters of questions" in text
    assert "2 questions, 0 unmeasured, 2 clusters of questions" in text
    assert f"{100 * sets[0].overlap:.0f} % of a question's words occur in its answer" in text
    assert text.count("Synthetic: the question is the first sentence") == 1
    assert "which documents are not here? (none of its answers is in the index)" in text


def test_there_is_a_plot_of_intervals_and_one_of_questions_a_set(
    evaluated: Measured, report: Report, page: lxml.html.HtmlElement
) -> None:
    assert len(list(page.iter("svg"))) == 3
    first = " ".join(next(page.iter("svg")).text_content().split())
    assert "written (dev)" in first
    assert "known items (dev, synthetic)" in first
    first_set = figures(evaluated.rows)[0]
    for system in SYSTEMS:
        assert f"{first_set.estimates[system]['nDCG@10'].mean:.3f}" in first
    assert report.image is not None
    assert report.image.startswith(b"\x89PNG\r\n")


def test_the_worst_questions_come_first_with_what_was_put_before_the_answer(evaluated: Measured) -> None:
    shown = worst_questions(evaluated.rows, evaluated.index.snapshot)
    assert sorted(item["question"] for item in shown) == sorted(q.text for q in QUESTIONS if q.answers)
    assert [item["score"] for item in shown] == sorted(item["score"] for item in shown)
    for item in shown:
        (row,) = [r for r in evaluated.rows if r["system"] == "hybrid" and r["question"] == item["question"]]
        first = min((row["retrieved"].index(a) + 1 for a in row["answers"] if a in row["retrieved"]), default=None)
        assert item["first_right"] == first
        texts = [PASSAGES[c.split("#")[0]][int(c.split("#")[1])] for c in row["passages"][:3]]
        assert [passage["text"] for passage in item["passages"]] == texts


def test_at_most_ten_questions_are_shown_as_worst(evaluated: Measured) -> None:
    rows = question_set({f"q{i:02}": 1 - i / 20 for i in range(15)})
    shown = worst_questions(rows, evaluated.index.snapshot)
    assert [item["question"] for item in shown] == [f"q{i:02}?" for i in range(14, 14 - WORST, -1)]


def test_the_short_form_is_a_table() -> None:
    rows = question_set({"q1": 1.0, "q2": 0.5, "q3": None}, cluster="one")
    lines = short_form(figures(rows)).splitlines()
    assert lines[0] == "| questions | system | nDCG@10 | recall@5 | recall@20 | recall@100 | MRR@10 |"
    assert lines[1] == "| --- | --- | --- | --- | --- | --- | --- |"
    means = {"bm25": ("0.188", "0.19"), "dense": ("0.375", "0.38"), "hybrid": ("0.750", "0.75")}
    for line, system in zip(lines[2:], SYSTEMS, strict=True):
        primary, other = means[system]
        assert line == f"| written (dev) | {system} | {primary} [0.000, 1.000] |" + f" {other} |" * 4


def test_a_report_without_a_measurement_says_so(evaluated: Measured) -> None:
    rows = question_set({"q1": None})
    report = build_report("nothing", IDENTITY, rows, evaluated.index.snapshot, figures(rows))
    assert report.image is None
    assert "No question was measured" in report.html
    assert "q1?" in report.html
    assert report.markdown.startswith("No question was measured")
