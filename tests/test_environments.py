"""The production bindings: the command line reads their lake, and a life runs with a process a step."""

import json
from pathlib import Path

import pytest

from tests.project_copy import copy_project, run_in


def test_production_without_its_lake_says_which_variable_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = copy_project(tmp_path / "project")
    monkeypatch.setenv("LLMOPS_ENV", "production")
    result = run_in(project, "env", "-u", "LLMOPS_LAKE", "llmops", "status", check=False)
    assert result.returncode == 1
    assert "set LLMOPS_LAKE" in result.stderr
    assert "Traceback" not in result.stderr


def test_an_unknown_environment_names_those_there_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = copy_project(tmp_path / "project")
    monkeypatch.setenv("LLMOPS_ENV", "staging")
    result = run_in(project, "llmops", "status", check=False)
    assert "the environments are local, production" in result.stderr


def test_a_life_runs_and_is_read_in_production(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = copy_project(tmp_path / "project")
    monkeypatch.setenv("LLMOPS_ENV", "production")
    run_in(project, "dg", "scaffold", "defs", "llmops_pipelines.components.CorpusLifecycle", "handbook")
    run_in(project, "dg", "launch", "--assets", 'key:"handbook/documents"')
    status = json.loads(run_in(project, "llmops", "status", "--json").stdout)
    (handbook,) = [corpus for corpus in status["corpora"] if corpus["corpus"] == "handbook"]
    assert [table["table"] for table in handbook["tables"]] == ["handbook.documents"]
    summary = json.loads(run_in(project, "llmops", "run", "handbook", "--json").stdout)
    assert (summary["failures"], summary["release"]) == ([], "r0001")
