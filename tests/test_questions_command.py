"""`llmops questions` on a project of its own: lists what is stale and why, accepts what was reviewed."""

import json
from pathlib import Path

import pytest

from llmops_pipelines.evaluation.source_documents import SourceDocuments
from llmops_pipelines.evaluation.stale import pin_new_questions
from llmops_pipelines.evaluation.suite_files import load_suite
from llmops_pipelines.storage import Lake
from llmops_pipelines.storage.schemas import QUESTION_PINS
from tests.conftest import ARTICLES, QUESTIONS
from tests.corpus.tables import publish_documents
from tests.project_copy import copy_project, run_in
from tests.suite_files import write_suite

DEFINITION = """\
type: llmops_pipelines.components.CorpusLifecycle

attributes:
  name: articles
  source: {type: directory, uri: documents}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose corpus was evaluated; since then one document changed and one went."""
    made = copy_project(tmp_path / "project")
    folder = made / "assets" / "articles" / "evaluation"
    folder.mkdir(parents=True)
    (folder.parent / "defs.yaml").write_text(DEFINITION, "utf-8")
    (folder / "questions.jsonl").write_text(QUESTIONS, "utf-8")
    suite = load_suite(write_suite(folder))
    lake = Lake(str(made / "lake"))
    before = SourceDocuments.of(publish_documents(lake, ARTICLES, "articles.documents"))
    pin_new_questions(suite.questions, before, lake.writer("articles.question_pins", QUESTION_PINS))
    after = {**ARTICLES, "bees.md": "# Wasps\n"}
    del after["tides.md"]
    publish_documents(lake, after, "articles.documents")
    return made


def test_stale_questions_are_listed_and_accepted_after_review(project: Path) -> None:
    shown = run_in(project, "llmops", "questions", "articles").stdout
    assert "q1  written, dev" in shown
    assert "how do insects tell their nest mates about food?\nchanged at the source: bees.md" in shown
    assert "gone from the source: tides.md" in shown
    assert "2 of 5 questions are stale" in shown

    listed = json.loads(run_in(project, "llmops", "questions", "articles", "--json").stdout)
    assert (listed["corpus"], listed["questions"], listed["accepted"]) == ("articles", 5, [])
    assert [(entry["id"], entry["suite"], entry["part"], entry["reason"]) for entry in listed["stale"]] == [
        ("q1", "written", "dev", "changed at the source: bees.md"),
        ("q3", "written", "test", "gone from the source: tides.md"),
    ]
    assert listed["stale"][1]["versions"] == {"tides.md": None}

    refused = run_in(project, "llmops", "questions", "articles", "--accept-all", check=False)
    assert refused.returncode == 1
    assert "the source has none of tides.md: name in its file what answers it now" in refused.stderr
    unknown = run_in(project, "llmops", "questions", "articles", "--accept", "q9", check=False)
    assert "there is no question 'q9' in the suites of corpus articles" in unknown.stderr

    accepted = json.loads(run_in(project, "llmops", "questions", "articles", "--accept", "q1", "--json").stdout)
    assert accepted["accepted"] == ["q1"]
    assert [entry["id"] for entry in accepted["stale"]] == ["q3"]
    file = project / "assets" / "articles" / "evaluation" / "questions.jsonl"
    file.write_text(file.read_text("utf-8").replace("tides.md", "bread.md"), "utf-8")
    assert "0 of 5 questions are stale" in run_in(project, "llmops", "questions", "articles").stdout


def test_before_the_first_run_it_says_what_to_run(tmp_path: Path) -> None:
    result = run_in(copy_project(tmp_path / "project"), "llmops", "questions", "python_docs", check=False)
    assert result.returncode == 1
    assert "llmops run python_docs" in result.stderr
    assert "Traceback" not in result.stderr
