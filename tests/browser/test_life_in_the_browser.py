"""What an engineer does and sees in the Dagster UI: from the first click on an empty home to the plots of two runs."""

import re
import subprocess
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import UI, Chromium, metadata, run_outcome
from tests.dagster_runs import STAGES
from tests.project_copy import BIN

GROUP = "/locations/llmops_pipelines/asset-groups/python_docs"
CANDIDATE_JOB = "/locations/llmops_pipelines/jobs/python_docs_candidate"
# How far the line of the nDCG@10 chart reaches from its leftmost to its rightmost pixel, as a share of the canvas.
LINE_WIDTH = """(() => {
  const path = "//*[text()='nDCG@10']/following::canvas[1]";
  const canvas = document.evaluate(path, document, null, XPathResult.FIRST_ORDERED_NODE_TYPE, null).singleNodeValue;
  if (!canvas || !canvas.width || !canvas.height) return 0;
  const {width, height} = canvas;
  const data = canvas.getContext('2d').getImageData(0, 0, width, height).data;
  let left = width, right = 0;
  for (let i = 0; i < data.length; i += 4) {
    if (data[i + 3] > 200 && data[i + 2] > 180 && data[i] < 120 && data[i + 1] < 120) {
      left = Math.min(left, (i / 4) % width);
      right = Math.max(right, (i / 4) % width);
    }
  }
  return Math.max(0, right - left) / width;
})()"""


@dataclass(frozen=True)
class Launched:
    """A run that was launched by clicks, and the words by which its page names its end."""

    run_id: str
    outcome: str
    header: str


def launch(ui: UI, chromium: Chromium, name: str, place: str = GROUP, key: str | None = None) -> Launched:
    """Materialise all assets of a place for one partition, `key` or the only one, and follow the run to its end."""
    page = chromium.page
    page.goto(ui.url + place)
    page.get_by_role("button", name="Materialize all").click()
    dialog = page.get_by_role("dialog")
    if key is None:
        dialog.get_by_role("button", name="All", exact=True).click()
    else:
        dialog.get_by_text("Select a partition or create one").click()
        page.get_by_role("menuitem").filter(has_text=key).first.click()
    launch_button = dialog.get_by_role("button", name="Launch 1 run")
    expect(launch_button).to_be_enabled()
    chromium.screenshot(f"{name}_partition")
    launch_button.click()
    page.locator("a[href^='/runs/']", has_text="View").click()
    outcome = run_outcome(page)
    chromium.screenshot(f"{name}_run")
    header = page.get_by_text(re.compile(r"^\d+ checks$")).locator("xpath=ancestor::*[contains(., 'partition:')][1]")
    return Launched(page.url.rsplit("/", 1)[1], outcome, header.inner_text())


@pytest.fixture(scope="module")
def first_run(ui: UI, chromium: Chromium) -> Launched:
    return launch(ui, chromium, "first")


@pytest.fixture(scope="module")
def second_run(ui: UI, chromium: Chromium, first_run: Launched) -> Launched:
    return launch(ui, chromium, "second", key=base_key(ui))


@pytest.fixture(scope="module")
def candidate_run(ui: UI, chromium: Chromium, second_run: Launched) -> Launched:
    """The tuned model, which the first run left as a missing partition, by its own job."""
    return launch(ui, chromium, "candidate", CANDIDATE_JOB, tuned_key(ui))


def base_key(ui: UI) -> str:
    release = ui.lake.newest("python_docs.releases")
    assert release is not None
    return next(release.rows(["model_key"]))["model_key"]


def tuned_key(ui: UI) -> str:
    """The key of the model that the first run tuned."""
    tuned = ui.lake.published("python_docs.fine_tuned_model")
    assert tuned is not None
    [row] = tuned.rows(["model_key", "outcome"])
    assert row["model_key"], row["outcome"]
    return row["model_key"]


def markdown(page: Page, key: str) -> Locator:
    """Where a Markdown value is shown: the UI puts those of 1,000 characters and more behind a link."""
    cell = metadata(page, key)
    cell.wait_for()
    link = cell.get_by_text("[Show Markdown]")
    if link.count() == 0:
        return cell
    link.click()
    return page.get_by_role("dialog")


def headline_of(ui: UI) -> float:
    """nDCG@10 of hybrid search over the measured questions, from the rows of the lake."""
    snapshot = ui.lake.published(f"python_docs.evaluation.{base_key(ui)}")
    assert snapshot is not None
    columns = ["question_set", "system", "unmeasured", "nDCG@10"]
    rows: list[dict[str, Any]] = list(snapshot.rows(columns, "role = 'candidate' AND part = 'dev'"))
    asked = [row for row in rows if (row["question_set"], row["system"]) == ("written", "hybrid")]
    return fmean(row["nDCG@10"] for row in asked if row["unmeasured"] is None)


def test_code_location_is_the_copy(ui: UI) -> None:
    command = [BIN / "python", "-c", "from llmops_pipelines import project; print(project.ROOT)"]
    printed = subprocess.run(command, cwd=ui.project, env=ui.environment, capture_output=True, text=True, check=True)
    assert printed.stdout.strip() == str(ui.project)


def test_first_page_shows_every_asset_and_nothing_lies_over_it(ui: UI, chromium: Chromium) -> None:
    page = chromium.page
    page.goto(ui.url)
    expect(page.get_by_role("link", name="Catalog")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.goto(ui.url + GROUP)
    expect(page.get_by_role("button", name="Materialize all")).to_be_visible()
    for stage in STAGES:
        expect(page.get_by_text(stage, exact=True)).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)
    chromium.screenshot("empty_home")


def test_one_click_and_one_run_materialise_everything(ui: UI, chromium: Chromium, first_run: Launched) -> None:
    assert first_run.outcome == "Success"
    assert "10 assets" in first_run.header
    assert "40 checks" in first_run.header
    assert "partition: all-minilm-l6-v2-" in first_run.header
    page = chromium.page
    page.goto(f"{ui.url}/assets/python_docs/documents")
    expect(metadata(page, "collections")).to_have_text(re.compile(r"^\s*pyarrow: \d+\s*$"))
    page.goto(f"{ui.url}/assets/python_docs/release")
    expect(metadata(page, "release_id")).to_have_text("r0001")
    chromium.screenshot("release")


def test_report_page_shows_the_figures_and_the_plot(ui: UI, chromium: Chromium, first_run: Launched) -> None:
    page = chromium.page
    page.goto(f"{ui.url}/assets/python_docs/evaluation_report")
    ndcg = headline_of(ui)
    assert 0.3 < ndcg < 1
    expect(metadata(page, "nDCG@10")).to_have_text(re.compile(r"^0\.\d+$"))
    assert float(metadata(page, "nDCG@10").inner_text()) == pytest.approx(ndcg, abs=1e-12)
    chromium.screenshot("report")

    plot = markdown(page, "plot").locator("img[src^='data:image/png;base64,']")
    expect(plot).to_be_visible()
    chromium.screenshot("report_plot")
    assert plot.evaluate("image => image.naturalWidth") > 400
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)

    table = markdown(page, "figures").locator("table").first
    expect(table).to_be_visible()
    heading = ["figures", "system", "nDCG@10", "recall@5", "recall@20", "recall@100", "MRR@10"]
    assert table.locator("th").all_inner_texts() == heading
    rows = [row.locator("td").all_inner_texts() for row in table.locator("tbody tr").all()]
    assert [row[1] for row in rows[:3]] == ["bm25", "dense", "hybrid"]
    assert all(row[0] == "written (dev)" for row in rows[:3])
    assert all(re.fullmatch(r"[01]\.\d{3} \[[01]\.\d{3}, [01]\.\d{3}\]", row[2]) for row in rows)
    assert all(re.fullmatch(r"[01]\.\d{2}", cell) for row in rows for cell in row[3:])
    assert rows[2][2].startswith(f"{ndcg:.3f} [")


def test_checks_of_chunks_are_shown_as_passed(ui: UI, chromium: Chromium, first_run: Launched) -> None:
    page = chromium.page
    page.goto(f"{ui.url}/assets/python_docs/chunks?view=checks")
    expect(page.get_by_text("Checks (3)")).to_be_visible()
    expect(page.get_by_text("Succeeded", exact=True)).to_have_count(3)
    expect(page.get_by_text("blocking asset check")).to_be_visible()
    for name in ("coverage", "no_orphans", "token_bound"):
        page.get_by_text(name, exact=True).first.click()
        expect(page.get_by_text("Passed", exact=True)).to_be_visible()
    chromium.screenshot("checks")


def test_partition_of_embeddings_is_shown_as_materialised(ui: UI, chromium: Chromium, first_run: Launched) -> None:
    page = chromium.page
    page.goto(f"{ui.url}/assets/python_docs/embeddings?view=partitions")
    for state in ("Failed (0)", "Materialized (1)", "Missing (1)"):  # the tuned model waits
        expect(page.get_by_text(state, exact=True)).to_be_visible()
    page.get_by_text(base_key(ui), exact=True).first.click()
    expect(page.locator(f"a[href^='/runs/{first_run.run_id}']").first).to_be_visible()
    chromium.screenshot("partition")


def test_second_run_does_nothing_and_gives_the_plots_a_second_point(
    ui: UI, chromium: Chromium, first_run: Launched, second_run: Launched
) -> None:
    assert second_run.outcome == "Success"
    assert second_run.run_id != first_run.run_id
    page = chromium.page
    page.goto(f"{ui.url}/assets/python_docs/embeddings")
    expect(metadata(page, "embedded")).to_have_text("0")
    page.goto(f"{ui.url}/assets/python_docs/evaluation_report")
    expect(metadata(page, "done")).to_have_text("nothing: the page is up to date")
    page.get_by_role("button", name="Plots").click()
    # By partition there is one point, a dot of a few pixels.
    page.wait_for_function(f"() => 0 < {LINE_WIDTH} && {LINE_WIDTH} < 0.1")
    with page.expect_response(lambda response: "op=RecentAssetEventsQuery" in response.url) as answered:
        page.get_by_role("button", name="Events").click()
    materialized = answered.value.json()["data"]["assetOrError"]["assetEventHistory"]["results"]
    entries = [entry for event in materialized for entry in event["metadataEntries"] if entry["label"] == "nDCG@10"]
    assert [event["runId"] for event in materialized] == [second_run.run_id, first_run.run_id]
    assert [entry["floatValue"] for entry in entries] == pytest.approx([headline_of(ui)] * 2, abs=1e-12)

    # By time the line between the points of two runs spans the chart.
    page.wait_for_function(f"() => {LINE_WIDTH} > 0.5")
    chromium.screenshot("plots")


def test_the_tuned_model_is_evaluated_by_hand_against_the_released_base(
    ui: UI, chromium: Chromium, candidate_run: Launched
) -> None:
    assert candidate_run.outcome == "Success"
    assert "4 assets" in candidate_run.header
    assert f"partition: {tuned_key(ui)}" in candidate_run.header
    page = chromium.page
    page.goto(f"{ui.url}/assets/python_docs/evaluation_report")
    expect(metadata(page, "compared with")).to_have_text(base_key(ui))
    for name in ("nDCG@10", "nDCG@10 before", "nDCG@10 difference"):
        expect(metadata(page, name)).to_have_text(re.compile(r"^-?[01]?\.?\d+(e-\d+)?$"))
    before = float(metadata(page, "nDCG@10 before").inner_text())
    assert before == pytest.approx(headline_of(ui), abs=1e-12)
    chromium.screenshot("candidate_report")
    page.goto(f"{ui.url}/assets/python_docs/fine_tuned_model")
    expect(metadata(page, "outcome")).to_have_text(f"tuned: {tuned_key(ui)}")
    plot = markdown(page, "training").locator("img[src^='data:image/png;base64,']")
    expect(plot).to_be_visible()
    chromium.screenshot("training")
    page.goto(f"{ui.url}/assets/python_docs/release")  # a candidate releases nothing
    expect(metadata(page, "release_id")).to_have_text("r0001")


def test_a_new_model_is_embedded_as_a_partition_of_its_own(ui: UI, chromium: Chromium, candidate_run: Launched) -> None:
    page = chromium.page
    page.goto(f"{ui.url}/assets/python_docs/embeddings")
    distinct = metadata(page, "distinct").inner_text()
    expect(metadata(page, "embedded: new model")).to_have_text(distinct)
    expect(metadata(page, "reused")).to_have_text("0")
    assert markdown(page, "plan").locator("table").first.is_visible()
    page.goto(f"{ui.url}/assets/python_docs/embeddings?view=partitions")
    for state in ("Failed (0)", "Materialized (2)", "Missing (0)"):
        expect(page.get_by_text(state, exact=True)).to_be_visible()
    page.get_by_text(tuned_key(ui), exact=True).first.click()
    expect(page.locator(f"a[href^='/runs/{candidate_run.run_id}']").first).to_be_visible()
    chromium.screenshot("new_model_done")


def test_console_of_the_browser_holds_no_error(chromium: Chromium, candidate_run: Launched) -> None:
    assert chromium.errors == []
