"""The report: one page that needs nothing else, escapes what it shows, and holds every figure."""

import re

import lxml.html
import pytest

from llmops_pipelines.evaluation.compare import compare
from llmops_pipelines.evaluation.evaluate import SYSTEMS
from llmops_pipelines.evaluation.figures import figures
from llmops_pipelines.evaluation.metrics import METRICS
from llmops_pipelines.evaluation.report import (
    WORST,
    Against,
    NotCompared,
    Report,
    build_report,
    short_form,
    worst_questions,
)
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


@pytest.fixture(scope="module")
def against(evaluated_before: Measured, evaluated: Measured) -> Against:
    identity = {"model": "the <old> one", "index": "version 6"}
    comparisons = compare(evaluated_before.rows, evaluated.rows)
    return Against("old-<1234>", identity, evaluated_before.index.snapshot, comparisons)


@pytest.fixture(scope="module")
def compared(evaluated: Measured, against: Against) -> Report:
    sets = figures(evaluated.rows)
    return build_report("articles", IDENTITY, evaluated.rows, evaluated.index.snapshot, sets, against)


@pytest.fixture(scope="module")
def compared_page(compared: Report) -> lxml.html.HtmlElement:
    return lxml.html.document_fromstring(compared.html)


def cells(table: lxml.html.HtmlElement) -> list[list[str]]:
    return [[" ".join(cell.text_content().split()) for cell in row] for row in table.iter("tr")]


@pytest.mark.parametrize("kind", ["report", "compared"])
def test_the_page_needs_nothing_else(kind: str, request: pytest.FixtureRequest) -> None:
    report: Report = request.getfixturevalue(kind)
    page = lxml.html.document_fromstring(report.html)
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
        assert [passage.text for passage in item["passages"]] == texts


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


def test_a_report_without_a_baseline_compares_nothing(report: Report, page: lxml.html.HtmlElement) -> None:
    assert not any("Against" in heading.text_content() for heading in page.iter("h2"))
    assert "against" not in report.markdown
    assert "ompared" not in page.text_content()


def test_the_comparison_stands_before_the_figures_and_says_what_was_compared(
    against: Against, compared_page: lxml.html.HtmlElement
) -> None:
    headings = [heading.text_content() for heading in compared_page.iter("h2")]
    assert headings[:4] == ["Against old-<1234>", "What was evaluated", "Written (dev)", "Known items (dev, synthetic)"]
    identity = cells(compared_page.xpath("//h2[.='What was evaluated']/following-sibling::table")[0])
    assert identity == [
        ["", "this evaluation", "compared with"],
        ["model", "all-minilm", "the <old> one"],
        ["index", "version <7> & more", "version 6"],
    ]
    text = " ".join(compared_page.text_content().split())
    headline = against.comparisons[0].headline
    assert f"with old-<1234> it has {headline.before:.3f}: {headline.change.signed}. {headline.reading}" in text
    assert "Left out of written (dev): 1 unmeasured." in text
    assert "it does not show that there is none" in text


def test_the_comparison_holds_every_difference(against: Against, compared_page: lxml.html.HtmlElement) -> None:
    tables = [cells(table) for table in compared_page.xpath("//h2[.='What was evaluated']/preceding-sibling::table")]
    assert len(tables) == len(against.comparisons) == 2
    for comparison, (head, *rows) in zip(against.comparisons, tables, strict=True):
        assert head == ["system", "metric", "before", "after", "difference", "questions by nDCG@10"]
        expected = []
        for system in SYSTEMS:
            better, worse, equal = comparison.flips(system)
            for metric in METRICS:
                d = comparison.differences[system][metric]
                shown = [metric, f"{d.before:.3f}", f"{d.after:.3f}", d.change.signed]
                flips = f"{better} better, {worse} worse, {equal} equal"
                expected.append([system, *shown, flips] if metric == METRICS[0] else shown)
        assert rows == expected


def test_what_changed_most_is_shown_as_text_with_the_passages_of_both_sides(
    evaluated_before: Measured, evaluated: Measured, compared_page: lxml.html.HtmlElement
) -> None:
    sides = compared_page.xpath("//*[@class='sides']")
    changes = [pair.change for c in compare(evaluated_before.rows, evaluated.rows) for pair in c.pairs["hybrid"]]
    assert len(sides) == sum(change != 0 for change in changes) > 0
    for side in sides:
        question = side.getparent().find("summary").text_content().split("\xa0")[-1].strip()
        for shown, measured in zip(side, (evaluated_before, evaluated), strict=True):
            (row,) = [r for r in measured.rows if (r["question"], r["system"]) == (question, "hybrid")]
            texts = {r["chunk_id"]: r["text"] for r in measured.index.snapshot.rows(["chunk_id", "text"])}
            assert [pre.text_content() for pre in shown.iter("pre")] == [texts[c] for c in row["passages"][:3]]
    before = {pre.text_content() for side in sides for pre in side[0].iter("pre")}
    assert any("<i>insects</i>" in text and "& ocean? <script>alert('before')</script>" in text for text in before)
    assert list(compared_page.iter("script", "i")) == []


def test_there_is_a_plot_of_the_differences_and_one_of_the_questions_a_set(
    against: Against, compared_page: lxml.html.HtmlElement
) -> None:
    plots = [" ".join(plot.text_content().split()) for plot in compared_page.iter("svg")]
    assert len(plots) == 3 + 3
    assert "difference in nDCG@10 with 95 % interval" in plots[1]
    for comparison in against.comparisons:
        assert f"{comparison.differences['dense']['nDCG@10'].change.mean:+.3f}" in plots[1]
    assert sum("questions, from worse than before to better" in plot for plot in plots) == 2


def test_the_short_form_gains_a_row_a_set(against: Against, compared: Report) -> None:
    written, known = (c.headline for c in against.comparisons)
    assert compared.markdown.splitlines()[-6:] == [
        "| against old-<1234> | nDCG@10 before | after | difference |",
        "| --- | --- | --- | --- |",
        f"| written (dev), hybrid | {written.before:.3f} | {written.after:.3f} | {written.change.signed} |",
        f"| known items (dev, synthetic), hybrid | {known.before:.3f} | {known.after:.3f} | {known.change.signed} |",
        "",
        f"written (dev): {written.reading}",
    ]


def test_a_baseline_that_is_not_compared_is_named_with_the_reason(evaluated: Measured) -> None:
    reason = "its evaluation has another <chunker>; run it again"
    sets = figures(evaluated.rows)
    baseline = NotCompared("old-1234", reason)
    report = build_report("articles", IDENTITY, evaluated.rows, evaluated.index.snapshot, sets, baseline)
    page = lxml.html.document_fromstring(report.html)
    assert page.xpath("//h2[.='Against old-1234']/following-sibling::p")[0].text_content() == f"Not compared: {reason}."
    assert report.markdown.endswith(f"Not compared with old-1234: {reason}.")
    assert len(list(page.iter("svg"))) == 3


def test_a_baseline_that_shares_no_question_says_so(evaluated: Measured) -> None:
    rows = question_set({"q1": 0.5})
    snapshot = evaluated.index.snapshot
    against = Against("old-1234", IDENTITY, snapshot, compare(question_set({"q2": 0.5}), rows))
    report = build_report("articles", IDENTITY, rows, snapshot, figures(rows), against)
    assert "No question is shared" in report.html
    assert "2 asked by one evaluation only" in report.html
    assert report.markdown.endswith("Not compared with old-1234: no question is shared.")
