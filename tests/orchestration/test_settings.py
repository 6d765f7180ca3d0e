"""A corpus's YAML as `dg check yaml` sees it: mistakes are reported with their line and what would be right."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from llmops_pipelines.embedding.model_folder import ModelFolder
from llmops_pipelines.orchestration.stages.chunks import SectionsSection
from llmops_pipelines.orchestration.stages.evaluation import EvaluationSection
from tests.project_copy import copy_project, run_in
from tests.suite_files import write_suite

HEAD = "type: llmops_pipelines.components.CorpusLifecycle\nattributes:\n  name: notes\n"
GOOD = "  source: {type: directory, uri: documents}\n"

MISTAKES = {
    "unknown section": (GOOD + "  chunkz: {}\n", 5, ["'chunkz' was unexpected", "'chunkz' is not one of ['chunks',"]),
    "unknown key": (GOOD + "  documents: {max_lost: 1}\n", 5, ["'max_lost' is not one of ['max_loss', 'suite']"]),
    "wrong type": (GOOD + "  documents: {max_loss: many}\n", 5, ["'many' is not of type 'number'"]),
    "out of bounds": (GOOD + "  documents: {max_loss: 2}\n", 5, ["2 is greater than the maximum of 1"]),
    "unknown source": ("  source: {type: web}\n", 4, ["'web' is not one of ['beir', 'directory', 'python_docs']"]),
    "another source's key": (
        "  source: {type: python_docs, packages: [x], uri: y}\n",
        4,
        ["'uri' is not one of ['packages', 'type']"],
    ),
    "missing key": ("  source: {type: directory}\n", 4, ["'uri' is a required property"]),
    "whole documents with a bound": (
        GOOD + "  chunks: {chunker: whole_document, max_tokens: 100}\n",
        5,
        ["'max_tokens' is not one of ['chunker']"],
    ),
    "passages beyond the bundled model": (
        GOOD + "  chunks: {chunker: passages, max_tokens: 300}\n",
        5,
        ["300 is greater than the maximum of 256"],
    ),
    "sections beyond the bundled model": (
        GOOD + "  chunks: {chunker: sections, preferred_tokens: 300}\n",
        5,
        ["300 is greater than the maximum of 256"],
    ),
    "length bounds that cross": (
        GOOD + "  clean_documents: {min_characters: 20000}\n",
        5,
        ["20000 is greater than the maximum of 10000"],
    ),
    "suites without a list": (
        GOOD + "  evaluation: {suites: written.yaml}\n",
        5,
        ["'written.yaml' is not of type 'array'"],
    ),
    "a suite in place of its file": (
        GOOD + "  evaluation:\n    suites:\n      - {name: written}\n",
        7,
        ["is not of type 'string'"],
    ),
    "a key of before": (
        GOOD + "  evaluation: {questions: {written: q.jsonl}}\n",
        5,
        ["'questions' is not one of ['known_items', 'suites']"],
    ),
    "owner": (GOOD + "  owners: [somebody]\n", 5, ["'somebody' does not match"]),
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_project(tmp_path_factory.mktemp("settings") / "project")


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_reported_with_its_line_and_what_would_be_right(mistake: str, project: Path) -> None:
    body, line, messages = MISTAKES[mistake]
    (project / "assets" / "python_docs" / "defs.yaml").write_text(HEAD + body, "utf-8")
    result = run_in(project, "dg", "check", "yaml", "assets/python_docs", check=False)
    assert result.returncode == 1
    shown = result.stdout + result.stderr
    assert f"defs.yaml:{line} " in shown
    for message in messages:
        assert message in shown


def test_a_preference_over_the_bound_is_refused() -> None:
    with pytest.raises(ValidationError, match="preferred_tokens is 65, over max_tokens, 64: lower it"):
        SectionsSection(chunker="sections", max_tokens=64, preferred_tokens=65)


def test_sections_are_cut_at_what_is_preferred_and_never_over_the_bound(model: ModelFolder) -> None:
    found = [
        SectionsSection(chunker="sections", **settings).chunker_for(model)
        for settings in ({}, {"max_tokens": 100}, {"preferred_tokens": 64}, {"preferred_tokens": 300})
    ]
    assert [(chunker.max_tokens, chunker.preferred_tokens) for chunker in found] == [
        *((256, 128), (100, 50), (256, 64), (256, 256))
    ]


def test_name_and_source_are_all_that_is_needed(project: Path) -> None:
    (project / "assets" / "python_docs" / "defs.yaml").write_text(HEAD + GOOD, "utf-8")
    assert run_in(project, "dg", "check", "yaml").returncode == 0
    assert run_in(project, "dg", "check", "defs").returncode == 0


def test_a_mistake_in_a_suite_is_reported_with_its_file_and_what_would_be_right(project: Path) -> None:
    folder = project / "assets" / "python_docs"
    (folder / "defs.yaml").write_text(HEAD + GOOD, "utf-8")
    suite = folder / "evaluation" / "written.yaml"
    right = suite.read_text("utf-8")
    suite.write_text(right.replace("margin: 0.03", "margin: 3"), "utf-8")
    found = run_in(project, "dg", "check", "defs", check=False)
    suite.write_text(right, "utf-8")
    assert found.returncode == 1
    assert "evaluation/written.yaml: metrics.nDCG@10.margin: Input should be less than 1, found 3" in (
        found.stdout + found.stderr
    )


def test_suites_are_those_beside_the_corpus_by_name_or_those_that_are_named(tmp_path: Path) -> None:
    (tmp_path / "evaluation").mkdir()
    (tmp_path / "evaluation" / "questions.jsonl").write_text("", "utf-8")
    for name in ("second", "first"):
        write_suite(tmp_path / "evaluation", name)
    named = {
        "by name": EvaluationSection(),
        "as listed": EvaluationSection(suites=["evaluation/second.yaml"]),
        "as listed, each once": EvaluationSection(suites=["evaluation/second.yaml", "evaluation/*.yaml"]),
        "elsewhere": EvaluationSection(suites=[str(tmp_path / "evaluation" / "s*.yaml"), "nowhere/*.yaml"]),
        "none": EvaluationSection(suites=[], known_items=0),
    }
    assert {how: [suite.name for suite in section.load_suites(tmp_path)] for how, section in named.items()} == {
        "by name": ["first", "second", "known_items"],
        "as listed": ["second", "known_items"],
        "as listed, each once": ["second", "first", "known_items"],
        "elsewhere": ["second", "known_items"],
        "none": [],
    }


def test_a_longer_bound_is_allowed_beside_another_model(project: Path) -> None:
    models = "  embeddings: {models: [{name: long, folder: models/long}]}\n"
    body = HEAD + GOOD + models + "  chunks: {chunker: passages, max_tokens: 300}\n"
    (project / "assets" / "python_docs" / "defs.yaml").write_text(body, "utf-8")
    assert run_in(project, "dg", "check", "yaml").returncode == 0
