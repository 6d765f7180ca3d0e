"""The llmops command without a run: help that helps, and errors that say what to do, without a traceback."""

from pathlib import Path

import pytest

from tests.conftest import PROJECT
from tests.project_copy import copy_project, run_in

COMMANDS = "run ui plan reembed search evaluate status report repair questions releases rollback withdraw models"


@pytest.mark.parametrize("command", COMMANDS.split())
def test_every_command_has_help(command: str) -> None:
    shown = run_in(PROJECT, "llmops", command, "--help", lake=Path("/nonexistent")).stdout
    assert "Usage: llmops " + command in shown
    assert len(shown.splitlines()) > 6


def test_an_unknown_corpus_names_those_there_are(tmp_path: Path) -> None:
    result = run_in(PROJECT, "llmops", "run", "nonsense", lake=tmp_path, check=False)
    assert result.returncode == 1
    assert "there is no corpus 'nonsense'" in result.stderr
    assert "python_docs" in result.stderr
    assert "Traceback" not in result.stderr


def test_search_before_the_first_release_says_what_to_run(tmp_path: Path) -> None:
    result = run_in(PROJECT, "llmops", "search", "python_docs", "anything", lake=tmp_path, check=False)
    assert result.returncode == 1
    assert "has no release" in result.stderr
    assert "llmops run python_docs" in result.stderr


def test_an_unknown_kind_of_search_names_the_kinds(tmp_path: Path) -> None:
    result = run_in(PROJECT, "llmops", "search", "python_docs", "x", "--kind", "fuzzy", lake=tmp_path, check=False)
    assert result.returncode == 1
    assert "hybrid, dense or full_text" in result.stderr


def test_status_of_an_empty_lake_says_that_nothing_is_published(tmp_path: Path) -> None:
    assert "nothing is published yet" in run_in(PROJECT, "llmops", "status", lake=tmp_path / "none").stdout
    assert not (tmp_path / "none").exists()


def test_a_corpus_that_cannot_be_loaded_is_named_without_a_traceback(tmp_path: Path) -> None:
    project = copy_project(tmp_path / "project")
    definition = project / "assets" / "python_docs" / "defs.yaml"
    definition.write_text(definition.read_text("utf-8").replace("packages:", "package:"), "utf-8")
    result = run_in(project, "llmops", "status", check=False)
    assert result.returncode == 1
    assert "source.python_docs.package" in result.stderr
    assert "defs.yaml" in result.stderr
    assert "dg check yaml assets/<folder>" in result.stderr
    assert "Traceback" not in result.stderr
