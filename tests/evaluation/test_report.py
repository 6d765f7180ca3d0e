"""The report: one page that needs nothing else, escapes what it shows, and holds what was decided and why."""

import re
from itertools import pairwise
from typing import Any

import lxml.html
import pytest

from llmops_pipelines.evaluation.decision import decide_all, first, undecided
from llmops_pipelines.evaluation.evaluate import SYSTEMS
from llmops_pipelines.evaluation.figures import figures
from llmops_pipelines.evaluation.gate import decide
from llmops_pipelines.evaluation.levels import levels
from llmops_pipelines.evaluation.metrics import METRICS
from llmops_pipelines.evaluation.report import Page, Report, build_report, short_form
from llmops_pipelines.evaluation.suites import SuiteMetric, SuiteSlice
from llmops_pipelines.evaluation.wording import VERDICTS, p_value
from tests.evaluation.measured import PASSAGES, Measured
from tests.evaluation.pages import Rows, many, page, released, sides, suite
from tests.evaluation.test_figures import question_set

NAMESPACES = {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
SLICES = (SuiteSlice("insects <&>", tag="insects"), SuiteSlice("none", tag="none"))
SUITES = [suite(slices=SLICES), suite("known_items", gates=False)]


@pytest.fixture(scope="module")
def rows(evaluated: Measured, evaluated_before: Measured) -> Rows:
    """Measured: a candidate, production with other passages, and the candidate's own index as the untuned base."""
    found = sides(candidate=evaluated.rows, production=evaluated_before.rows, untuned=evaluated.rows)
    for row in found:
        row["slices"] = ["insects <&>"] if row["question_id"] in ("q1", "q3") else []
        if row["question_id"] == "q2" and row["role"] == "candidate":
            row["stale"] = "changed at the source: <bread>.md"
    return found


@pytest.fixture(scope="module")
def made(rows: Rows) -> Page:
    history = [released("r0001", 1, SUITES, suites="older"), released("r0002", 2, SUITES, model="<i>old</i>")]
    return page(rows, SUITES, history=history)


@pytest.fixture(scope="module")
def report(made: Page) -> Report:
    return build_report(made)


@pytest.fixture(scope="module")
def parsed(report: Report) -> lxml.html.HtmlElement:
    return lxml.html.document_fromstring(report.html)


@pytest.fixture(scope="module")
def alone(evaluated: Measured) -> Report:
    """The report of a first release."""
    return build_report(page(sides(candidate=evaluated.rows), SUITES))


def said(element: lxml.html.HtmlElement) -> str:
    return " ".join(element.text_content().split())


def table(parsed: lxml.html.HtmlElement, caption: str) -> list[list[str]]:
    (found,) = [one for one in parsed.iter("table") if said(one.find("caption")) == caption]
    return [[said(cell) for cell in row] for row in found.iter("tr")]


def section(parsed: lxml.html.HtmlElement, heading: str) -> str:
    """The text from one heading of the second level to the next."""
    (found,) = [one for one in parsed.iter("h2") if said(one) == heading]
    texts = []
    for sibling in found.itersiblings():
        if sibling.tag == "h2":
            break
        texts.append(said(sibling))
    return " ".join(texts)


# What holds of every page


@pytest.mark.parametrize("kind", ["report", "alone"])
def test_the_page_needs_nothing_else(kind: str, request: pytest.FixtureRequest) -> None:
    report: Report = request.getfixturevalue(kind)
    page = lxml.html.document_fromstring(report.html)
    assert report.html.startswith("<!doctype html>")
    assert set(re.findall(r"https?://[^\"'\s<>)]+", report.html)) <= NAMESPACES
    assert page.xpath("//*[@src or @href or @*[name()='xlink:href'] or @onload]") == []
    for name in ("script", "link", "iframe", "img", "object", "embed", "base", "form", "foreignobject"):
        assert list(page.iter(name)) == []
    assert "@import" not in report.html
    assert re.findall(r"url\((?!#)", report.html) == []


@pytest.mark.parametrize("kind", ["report", "alone"])
def test_it_can_be_read_without_eyes(kind: str, request: pytest.FixtureRequest) -> None:
    """Headings step by one, tables have captions and headed columns and rows, plots say what they show."""
    page = lxml.html.document_fromstring(request.getfixturevalue(kind).html)
    levels_of = [int(one.tag[1]) for one in page.iter("h1", "h2", "h3", "h4")]
    assert levels_of[0] == 1
    assert levels_of.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels_of))
    for one in page.iter("table"):
        assert said(one.find("caption"))
        assert all(cell.get("scope") for cell in one.iter("th"))
        assert {cell.tag for cell in one.find("thead").iter("th", "td")} == {"th"}
    for plot in page.iter("svg"):
        assert plot.getparent().get("role") == "img"
        assert len(plot.getparent().get("aria-label")) > 20
    assert page.get("lang") == "en"


def test_questions_passages_and_names_are_shown_as_text(parsed: lxml.html.HtmlElement) -> None:
    assert parsed.findtext(".//title").startswith("articles under <key>: ")
    assert said(parsed.find(".//h1")) == "Evaluation of articles under <key>"
    summaries = [said(one) for one in parsed.iter("summary")]
    assert any(one.endswith("what is a <script>alert('question')</script> & \"markup\"?") for one in summaries)
    shown = {pre.text_content() for pre in parsed.iter("pre")}
    assert set(PASSAGES["html.md"]) <= shown
    assert any("& ocean? <script>alert('before')</script>" in text for text in shown)
    assert {pre.getchildren() == [] for pre in parsed.iter("pre")} == {True}
    assert "<i>old</i>" in section(parsed, "Over the releases")
    assert "insects <&>" in section(parsed, "The tests")
    assert "by <hand>" in section(parsed, "What was compared")
    assert "<bread>.md" in section(parsed, "Questions to review")
    assert list(parsed.iter("i", "bread", "key", "hand")) == []


# The verdict


def decisive(shift: float, **changed: Any) -> Page:
    return page(sides(candidate=many(shift), production=many(0.0)), [suite(**changed)])


@pytest.mark.parametrize(
    ("shift", "line"), [(0.2, "▲ Better: promoted"), (0.0, "● Not worse: promoted"), (-0.2, "▼ Worse: not promoted")]
)
def test_the_verdict_comes_first_with_its_reason(shift: float, line: str) -> None:
    made = decisive(shift)
    parsed = lxml.html.document_fromstring(build_report(made).html)
    (box,) = parsed.xpath("//section[@class='verdict']")
    assert said(box[0]) == line
    assert said(box[1]) == f"{made.decision.reason}."
    assert "What was changed: The model (production-<key> to candidate-<key>)." in said(box)
    assert said(parsed.find(".//h2")) == "The tests"


def test_a_floor_keeps_from_promotion_what_is_not_worse() -> None:
    high = [suite(metrics=(SuiteMetric("nDCG@10", "higher", "primary", 0.1, 0.9),))]
    parsed = lxml.html.document_fromstring(
        build_report(page(sides(candidate=many(0.0), production=many(0.0)), high)).html
    )
    (box,) = parsed.xpath("//section[@class='verdict']")
    assert said(box[0]) == "● Not worse: not promoted"
    assert "is beyond the floor 0.9" in said(box)
    assert "nDCG@10 of the candidate must be at least 0.9" in section(parsed, "The tests")


def test_an_inconclusive_verdict_says_what_it_would_take() -> None:
    before = {f"q{i:03}": 0.5 for i in range(24)}
    after = {name: 0.5 + (0.3 if i % 2 else -0.3) for i, name in enumerate(before)}
    made = page(sides(candidate=question_set(after), production=question_set(before)), [suite()])
    (box,) = lxml.html.document_fromstring(build_report(made).html).xpath("//section[@class='verdict']")
    assert said(box[0]) == "◆ Inconclusive: not promoted"
    needed = made.decision.suites[0].tests[0].judgement.questions_needed
    assert f"With about {needed:,} more questions" in said(box)


def test_a_first_release_is_compared_with_nothing(alone: Report) -> None:
    parsed = lxml.html.document_fromstring(alone.html)
    (box,) = parsed.xpath("//section[@class='verdict']")
    assert said(box[0]) == "■ First release: promoted"
    assert "compared with nothing" in said(box)
    assert "What was changed" not in said(box)
    assert "There is no untuned base beside the candidate" in section(parsed, "Levels on dev")
    assert "No other side was measured" in section(parsed, "Question by question")
    assert "No release was judged before" in section(parsed, "Over the releases")


def test_what_could_not_be_measured_is_said_in_its_place(evaluated: Measured) -> None:
    decision = undecided("what is in force could not be measured: its vectors are gone")
    made = page(
        sides(candidate=evaluated.rows), SUITES, decision, production="a release", problem="its vectors are gone"
    )
    parsed = lxml.html.document_fromstring(build_report(made).html)
    assert said(parsed.xpath("//section[@class='verdict']")[0][0]) == "◆ Inconclusive: not promoted"
    assert "its vectors are gone" in section(parsed, "The tests")


# What the sections hold


def test_the_table_of_tests_holds_every_test(made: Page, parsed: lxml.html.HtmlElement) -> None:
    for decision in made.decision.suites:
        label = f"{decision.suite.replace('_', ' ').capitalize()} (dev)"
        _, *shown = table(parsed, f"{label}: candidate against production")
        assert len(shown) == len(decision.tests) > 0
        for cells, test in zip(shown, decision.tests, strict=True):
            judgement = test.judgement
            detectable = "unknown" if judgement.detectable is None else f"{judgement.detectable:.3f}"
            assert cells[0] == f"{test.name} {test.role}"
            assert cells[1:3] == [str(test.before), str(test.after)]
            assert cells[3].startswith(judgement.estimate.signed)
            assert (f"bounds [{judgement.low:+.3f}, {judgement.high:+.3f}]" in cells[3]) == (judgement.unmeasured > 0)
            assert cells[4].startswith(f"{VERDICTS[test.verdict].sign} {VERDICTS[test.verdict].words}")
            assert ("exact bound" in cells[4]) == judgement.exact
            assert cells[5] == f"{judgement.margin:.3g} {detectable}"
            assert cells[6] == f"{p_value(test.p)} {p_value(judgement.p_not_worse)}"
            assert cells[7] == f"{judgement.estimate.n}, {judgement.estimate.clusters} {judgement.differing}"
    text = section(parsed, "The tests")
    assert "does not gate" in text
    assert "Stale: 1" in text


def test_a_margin_that_was_widened_for_few_questions_is_said_to_be() -> None:
    rows = sides(candidate=many(0.0, 12), production=many(0.0, 12))
    few = suite(metrics=(SuiteMetric("nDCG@10", "higher", "primary", 0.03),))
    for data_only in (True, False):
        decision = decide_all(
            [few], [decide(few, "dev", *(of(rows, role) for role in ("production", "candidate")), data_only)]
        )
        made = page(rows, [few], decision, data_only=data_only)
        text = section(lxml.html.document_fromstring(build_report(made).html), "The tests")
        assert (f"Margin: {decision.suites[0].margin:.3g} instead of 0.03, which is declared" in text) == data_only


def of(rows: Rows, role: str) -> Rows:
    return [row for row in rows if row["role"] == role]


def test_bounds_are_shown_where_a_question_is_unmeasured() -> None:
    after = many(0.0)
    for row in after:
        if row["question_id"] == "q000":
            row |= {"unmeasured": "the corpus has none of its answers", **dict.fromkeys(METRICS)}
    made = page(sides(candidate=after, production=many(0.0)), [suite()])
    assert made.decision.suites[0].tests[0].judgement.unmeasured == 1
    text = section(lxml.html.document_fromstring(build_report(made).html), "The tests")
    assert "bounds [" in text
    assert "Unmeasured: 1 of them" in text


def test_the_levels_of_every_side_and_system_are_there(made: Page, parsed: lxml.html.HtmlElement, rows: Rows) -> None:
    found = levels(made.suites, rows)
    assert [one.figures.question_set for one in found] == ["written", "known_items"]
    for one, label in zip(found, ("Written (dev)", "Known items (dev, synthetic)"), strict=True):
        head, *shown = table(parsed, f"{label}: every system of every side")
        assert head[1 : 1 + len(METRICS)] == list(METRICS)
        assert [cells[0] for cells in shown if len(cells) == 1] == ["candidate", "production", "untuned base"]
        for cells, level in zip([cells for cells in shown if len(cells) > 1], one.levels, strict=True):
            assert cells[0] == level.system
            assert cells[1 : 1 + len(METRICS)] == [str(level.estimates[metric]) for metric in METRICS]
            assert cells[-1] == (level.ahead.signed if level.ahead else "–")


def test_changed_questions_are_shown_with_what_both_sides_found(
    parsed: lxml.html.HtmlElement, evaluated: Measured, evaluated_before: Measured
) -> None:
    both = parsed.xpath("//*[@class='sides']")
    assert both
    for one in both:
        question = said(one.getparent().find("summary")).split(" ", 1)[1]
        for shown, measured in zip(one, (evaluated_before, evaluated), strict=True):
            (row,) = [r for r in measured.rows if (r["question"], r["system"]) == (question, "hybrid")]
            assert [pre.text_content() for pre in shown.iter("pre")] == [passage["text"] for passage in row["shown"]]
    counts = {cells[0]: cells[2:] for cells in table(parsed, "Questions by nDCG@10, the candidate against")[1:]}
    assert set(counts) == {"written (dev)", "known_items (dev)"}
    assert all(re.fullmatch(r"\d+ better, \d+ worse, \d+ equal", cell) for cells in counts.values() for cell in cells)


def test_time_contamination_history_identity_and_limits_are_there(made: Page, parsed: lxml.html.HtmlElement) -> None:
    stages = [
        cells[0]
        for cells in table(parsed, "Milliseconds of search a dev question: median, and 95th percentile in brackets")
    ]
    assert stages == ["stage", "full text", "vectors", "fusion", "all three"]
    assert "No model here has learned any" in section(parsed, "Contamination")
    history = table(parsed, "Every judged release, oldest first")
    assert [cells[0] for cells in history[1:]] == ["r0001", "r0002", "this candidate"]
    assert "the measure changed here" in history[2][3]
    identity = {cells[0]: cells[1:] for cells in table(parsed, "What each side consists of")}
    assert identity["of"] == ["candidate", "production", "untuned base"]
    assert identity["fingerprint"] == [f"{role}-fingerprint" for role in ("candidate", "production", "untuned")]
    text = section(parsed, "What these questions cannot see")
    assert "Slices without questions No question that both sides measured is in none." in text
    assert made.verdict_id in said(parsed)


def test_texts_of_test_questions_are_nowhere() -> None:
    after, before = many(-0.2, part="test"), many(0.0, part="test")
    for row in [*after, *before]:
        row["question"] = f"secret {row['question_id']}"
    after[0]["stale"] = "changed at the source: a"
    report = build_report(page(sides(candidate=after, production=before), [suite()], part="test"))
    assert "secret" not in report.html
    assert "worse" in report.html
    assert "No dev question was measured" in report.html


# The short form


def test_the_short_form_has_the_verdict_then_the_tests_then_the_figures(made: Page, report: Report, rows: Rows) -> None:
    lines = report.markdown.splitlines()
    sign = VERDICTS[made.decision.verdict].sign
    assert lines[0].startswith(f"**{sign} ")
    assert lines[0].endswith(made.decision.reason)
    tests = [test for one in made.decision.suites for test in one.tests]
    assert len(
        [line for line in lines if line.startswith(("| written (dev) | nDCG", "| written (dev) | recall"))]
    ) + len(
        [line for line in lines if line.startswith(("| known_items (dev) | nDCG", "| known_items (dev) | recall"))]
    ) == len(tests)
    own = figures(row for row in rows if row["role"] == "candidate")
    for s in own:
        for system in SYSTEMS:
            assert sum(str(s.estimates[system]["nDCG@10"]) in line and f"| {system} |" in line for line in lines) >= 1
    for line in lines:
        if line.startswith("|"):
            assert line.count("|") in (9, 8)


def test_the_short_form_of_a_first_release_is_short() -> None:
    lines = short_form(first(), figures(question_set({"q1": 1.0, "q2": 0.5, "q3": None}, cluster="one"))).splitlines()
    assert lines[0].startswith("**■ First release: promoted.** nothing else was ever in force")
    assert lines[2] == "| figures | system | nDCG@10 | recall@5 | recall@20 | recall@100 | MRR@10 |"
    assert lines[-1] == "| written (dev) | hybrid | 0.750 [0.000, 1.000] |" + " 0.75 |" * 4
    assert len(lines) == 7


def test_without_a_measured_dev_question_there_is_a_report_all_the_same() -> None:
    report = build_report(page(sides(candidate=question_set({"q1": None})), [suite()]))
    assert report.image is None
    assert "No dev question was measured" in report.html
    assert "q1?" in report.html
    assert "No dev question was measured" in report.markdown


def test_the_image_shows_the_tests_or_else_the_levels(report: Report, alone: Report) -> None:
    assert report.image is not None
    assert alone.image is not None
    assert report.image.startswith(b"\x89PNG\r\n")
    assert alone.image.startswith(b"\x89PNG\r\n")
    assert report.image != alone.image
