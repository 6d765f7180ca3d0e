"""A corpus added by `dg scaffold defs`: it loads, runs and is searchable, in a copy of the project."""

import json
from pathlib import Path

from tests.project_copy import copy_project, run_in


def test_a_scaffolded_corpus_runs_and_is_searchable(tmp_path: Path) -> None:
    project = copy_project(tmp_path / "project")
    run_in(project, "dg", "scaffold", "defs", "llmops_pipelines.components.CorpusLifecycle", "handbook")
    folder = project / "assets" / "handbook"
    (folder / "documents" / "holidays.md").write_text(
        "# Holidays\n\nEveryone has thirty days of paid leave a year, and takes ten of them in a row.\n", "utf-8"
    )
    run_in(project, "dg", "check", "yaml")
    run_in(project, "dg", "check", "defs")
    summary = json.loads(run_in(project, "llmops", "run", "handbook", "--json").stdout)
    assert (summary["documents"], summary["failures"]) == (2, [])
    assert summary["embedded"] == summary["chunks"] == 2
    found = run_in(project, "llmops", "search", "handbook", "how long may I be away?", "--json", "--limit", "1")
    assert json.loads(found.stdout)["hits"][0]["doc_id"] == "holidays.md"
    again = json.loads(run_in(project, "llmops", "run", "handbook", "--json").stdout)
    assert (again["embedded"], again["reused"]) == (0, 2)
    assert "handbook.documents" in run_in(project, "llmops", "status").stdout
