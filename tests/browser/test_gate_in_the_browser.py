"""The gate from the UI: a better model is promoted, a worse one stopped with a report that says why; one click goes back."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import expect

from llmops_pipelines.embedding.model_folder import ModelFolder
from llmops_pipelines.release.ledger import Ledger
from tests.browser.conftest import UI, Chromium, metadata, run_outcome, serving
from tests.embedding.tiny_models import tiny_model
from tests.orchestration.glossary import glossary
from tests.project_copy import copy_project

LOCATION = "/locations/llmops_pipelines"


@pytest.fixture(scope="module")
def ui(tmp_path_factory: pytest.TempPathFactory, model: ModelFolder) -> Iterator[UI]:
    """The glossary as a corpus of the project: its base has random weights, the bundled model is a candidate."""
    folder = tmp_path_factory.mktemp("gate")
    project = copy_project(folder / "project")
    corpus = project / "assets" / "glossary"
    poor = ModelFolder("poor", tiny_model(folder / "poor", window=48))
    settings = glossary(corpus, poor, ModelFolder("good", model.folder)).settings.model_dump(exclude_unset=True)
    defs = {"type": "llmops_pipelines.components.CorpusLifecycle", "attributes": settings}
    (corpus / "defs.yaml").write_text(yaml.safe_dump(defs), "utf-8")
    with serving(project, folder) as served:
        yield served


def run(ui: UI, chromium: Chromium, place: str, model: str | None = None) -> str:
    """Launch what a place offers, for one model where it has partitions, and wait for how the run ends."""
    page = chromium.page
    page.goto(f"{ui.url}{LOCATION}/{place}")
    if model is None:
        page.get_by_role("button", name="Launch Run").click()
    else:
        page.get_by_role("button", name=re.compile("Materialize")).first.click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_text("Select a partition or create one").click()
        page.get_by_role("menuitem").filter(has_text=f"{model}-").first.click()
        dialog.get_by_role("button", name="Launch 1 run").click()
        page.locator("a[href^='/runs/']", has_text="View").click()
    return run_outcome(page)


def in_force(ui: UI) -> tuple[str, str]:
    """The release in force, and the name of its model."""
    release = Ledger(ui.lake, "glossary").in_force()
    assert release is not None
    return release.release_id, release.manifest.model_key.rpartition("-")[0]


def expect_judged(ui: UI, chromium: Chromium, model: str, verdict: str) -> None:
    """The candidate run of a model ends with this verdict, and its report's page in the UI says so and why."""
    assert run(ui, chromium, "jobs/glossary_candidate", model) == "Success"
    chromium.page.goto(f"{ui.url}/assets/glossary/evaluation_report")
    assert metadata(chromium.page, "verdict").inner_text() == verdict
    assert f"shown to be {verdict}" in metadata(chromium.page, "reason").inner_text()
    chromium.screenshot(f"verdict_{verdict}")


def test_a_better_model_is_promoted_a_worse_one_stopped_and_one_click_goes_back(ui: UI, chromium: Chromium) -> None:
    assert run(ui, chromium, "asset-groups/glossary", "poor") == "Success"
    assert in_force(ui) == ("r0001", "poor")

    expect_judged(ui, chromium, "good", "better")
    assert in_force(ui) == ("r0001", "poor")
    assert run(ui, chromium, "jobs/glossary_promote", "good") == "Success"
    assert in_force(ui) == ("r0002", "good")

    expect_judged(ui, chromium, "poor", "worse")
    page = Path(metadata(chromium.page, "report").inner_text().strip())
    assert "shown to be worse" in page.read_text("utf-8")
    assert run(ui, chromium, "jobs/glossary_promote", "poor") == "Failure"
    expect(chromium.page.get_by_text(re.compile("not released: worse against r0002")).first).to_be_visible()
    chromium.screenshot("not_promoted")
    assert in_force(ui) == ("r0002", "good")

    assert run(ui, chromium, "jobs/glossary_rollback/playground") == "Success"
    assert in_force(ui) == ("r0003", "poor")


def test_the_release_page_shows_what_was_done(ui: UI, chromium: Chromium) -> None:
    page = chromium.page
    page.goto(f"{ui.url}/assets/glossary/release?view=checks")
    expect(page.get_by_text("promoted", exact=True).first).to_be_visible()
    chromium.screenshot("release_checks")
