"""`llmops report` on a project of its own: the page that was left, its short form, and what is said where there is none."""

import json
from pathlib import Path

import pytest

from llmops_pipelines.embedding.model_folder import ModelFolder
from llmops_pipelines.evaluation.decision import Decision
from llmops_pipelines.evaluation.evaluate import in_role
from llmops_pipelines.evaluation.figures import figures
from llmops_pipelines.evaluation.report import short_form
from llmops_pipelines.evaluation.verdicts import VerdictRow, Verdicts
from llmops_pipelines.storage import Lake, Sync
from llmops_pipelines.storage.files import write_file
from llmops_pipelines.storage.schemas import EVALUATION
from tests.conftest import QUESTIONS
from tests.evaluation.pages import decided, many, sides, suite
from tests.project_copy import copy_project, run_in
from tests.suite_files import write_suite

DEFINITION = """\
type: llmops_pipelines.components.CorpusLifecycle

attributes:
  name: articles
  source: {type: directory, uri: documents}
"""
CANDIDATE = many(0.2)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = copy_project(tmp_path_factory.mktemp("report") / "project")
    folder = made / "assets" / "articles" / "evaluation"
    folder.mkdir(parents=True)
    (folder.parent / "defs.yaml").write_text(DEFINITION, "utf-8")
    (folder / "questions.jsonl").write_text(QUESTIONS, "utf-8")
    write_suite(folder)
    return made


def evaluated(lake: Lake, key: str, data_version: str = "evaluation-1") -> Decision:
    """An evaluation of `key` that was published and judged."""
    writer = lake.writer(f"articles.evaluation.{key}", EVALUATION)
    sync = Sync(writer, lake.published(f"articles.evaluation.{key}"))
    rows = sides(candidate=CANDIDATE, production=many(0.0))
    for row in CANDIDATE:
        sync.put(in_role(row, "candidate"))
    sync.finish()
    summary = {"candidate": f"of {key}", "against": "in force", "figures": [f.as_dict() for f in figures(CANDIDATE)]}
    writer.publish(data_version, "inputs", summary)
    decision = decided([suite()], rows)
    Verdicts(lake, "articles").append(
        VerdictRow(
            candidate=f"of {key}",
            candidate_key=key,
            production="in force",
            data_only=False,
            suites="suites",
            scorer="scorer",
            evaluation="evaluation-1",
            verdict=str(decision.verdict),
            promotes=decision.promotes,
            reason=decision.reason,
            requested_by="by hand",
            figures=json.dumps(decision.as_dict()),
        )
    )
    return decision


def reported(lake_folder: Path, key: str) -> Decision:
    decision = evaluated(Lake(str(lake_folder)), key)
    write_file(f"{lake_folder}/reports/articles/{key}.html", b"<!doctype html><title>kept</title>")
    return decision


def test_the_verdict_and_the_figures_are_printed_with_the_place_of_the_page(
    project: Path, tmp_path: Path, model: ModelFolder
) -> None:
    """Without a release the model is the base model, which would be in production."""
    decision = reported(tmp_path, model.key)
    shown = run_in(project, "llmops", "report", "articles", lake=tmp_path).stdout
    assert "Better: promoted" in shown
    assert "shown to be better" in " ".join(shown.split())
    assert decision.suites[0].tests[0].judgement.estimate.signed in shown
    assert shown.rstrip().endswith(f"{tmp_path}/reports/articles/{model.key}.html")

    found = json.loads(run_in(project, "llmops", "report", "articles", "--json", lake=tmp_path).stdout)
    assert (found["corpus"], found["model"]) == ("articles", model.key)
    assert found["report"] == f"{tmp_path}/reports/articles/{model.key}.html"
    assert found["decision"] == json.loads(json.dumps(decision.as_dict()))
    assert found["short_form"] == short_form(decision, figures(CANDIDATE))
    assert found["verdict_id"]


def test_another_model_is_named_by_its_key(project: Path, tmp_path: Path) -> None:
    reported(tmp_path, "tuned-12345678")
    found = run_in(project, "llmops", "report", "articles", "--model", "tuned-12345678", "--json", lake=tmp_path)
    assert json.loads(found.stdout)["model"] == "tuned-12345678"


def test_the_page_is_opened_in_the_browser_that_is_set(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: ModelFolder
) -> None:
    reported(tmp_path / "lake of mine", model.key)
    browser, opened = tmp_path / "browser", tmp_path / "opened"
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}\n', "utf-8")
    browser.chmod(0o755)
    monkeypatch.setenv("BROWSER", f"{browser} %s")
    run_in(project, "llmops", "report", "articles", "--open", lake=tmp_path / "lake of mine")
    expected = (tmp_path / "lake of mine" / "reports" / "articles" / f"{model.key}.html").as_uri()
    assert opened.read_text("utf-8").strip() == expected


def test_where_there_is_none_it_says_what_to_run(project: Path, tmp_path: Path, model: ModelFolder) -> None:
    result = run_in(project, "llmops", "report", "articles", lake=tmp_path, check=False)
    assert result.returncode == 1
    assert f"there is no report on {model.key}" in result.stderr
    assert f"llmops reembed articles --model {model.key}" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_report_on_an_earlier_evaluation_is_not_passed_for_the_newest(
    project: Path, tmp_path: Path, model: ModelFolder
) -> None:
    reported(tmp_path, model.key)
    evaluated(Lake(str(tmp_path)), model.key, "evaluation-2")
    result = run_in(project, "llmops", "report", "articles", lake=tmp_path, check=False)
    assert result.returncode == 1
    assert "as it was evaluated last" in result.stderr
