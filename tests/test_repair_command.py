"""`llmops repair` on a project of its own: says that nothing is wrong, names damage, mends it by a recorded run."""

import json
from pathlib import Path

import dagster as dg

from llmops_pipelines.storage import Lake
from tests.conftest import ARTICLES
from tests.index.damaged import publish_as_it_is
from tests.project_copy import copy_project, run_in

DEFINITION = """\
type: llmops_pipelines.components.CorpusLifecycle

attributes:
  name: articles
  source: {type: directory, uri: documents}
"""


def test_damage_is_named_and_mended(tmp_path: Path) -> None:
    project = copy_project(tmp_path / "project")
    folder = project / "assets" / "articles"
    for name, text in ARTICLES.items():
        path = folder / "documents" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    (folder / "defs.yaml").write_text(DEFINITION, "utf-8")
    run_in(project, "llmops", "run", "articles")
    assert "nothing is wrong, and nothing was done" in run_in(project, "llmops", "repair", "articles").stdout

    lake = Lake(str(project / "lake"))
    [index] = [name for name in lake.names() if name.startswith("articles.vector_index.")]
    lake.database.open_table(index).delete("doc_id = 'bees.md'")
    damaged = publish_as_it_is(lake, index)
    named = run_in(project, "llmops", "repair", "articles", "--dry-run", check=False)
    assert named.returncode == 1
    assert f"{index}, version {damaged}, published: 1 wrong" in named.stdout
    assert "missing (has no row): 1: bees.md#0" in named.stdout
    assert lake.published(index).version == damaged  # type: ignore[union-attr]

    mended = json.loads(run_in(project, "llmops", "repair", "articles", "--json").stdout)
    assert (mended["sound"], mended["repaired"], mended["failures"]) == (True, True, [])
    assert mended["found"]["tables"][1]["found"] == {"missing": {"count": 1, "first": ["bees.md#0"]}}
    assert all(table["found"] == {} for table in mended["after"]["tables"])
    with dg.DagsterInstance.from_config(str(project / ".dagster_home")) as instance:
        newest = instance.get_runs(limit=1)[0]
        assert (newest.job_name, newest.tags["llmops/repair"]) == ("articles_repair", "true")


def test_before_the_first_run_it_says_what_to_run(tmp_path: Path) -> None:
    result = run_in(copy_project(tmp_path / "project"), "llmops", "repair", "python_docs", check=False)
    assert result.returncode == 1
    assert "nothing is indexed under" in result.stderr
    assert "Traceback" not in result.stderr
