"""The models in a corpus's YAML as `dg check yaml` sees them, and as `llmops run` downloads one."""

from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from tests.conftest import ARTICLES
from tests.embedding.fake_hub import REPOSITORY, FakeHub, use_hub
from tests.embedding.tiny_models import tiny_model
from tests.project_copy import copy_project, run_in

HEAD = """\
type: llmops_pipelines.components.CorpusLifecycle
attributes:
  name: notes
  source: {type: directory, uri: documents}
  embeddings:
    models:
      - name: mine
"""

MISTAKES = {
    "neither": ("", 7, ["'folder' is a required property"]),
    "both": (
        "        folder: a\n        hub: a/b\n",
        8,
        ["'folder' is not one of ['hub', 'name', 'prompts', 'revision'"],
    ),
    "revision of a folder": ("        folder: a\n        revision: v1\n", 9, ["'revision' is not one of ['folder',"]),
    "no owner": ("        hub: b\n", 8, ["'b' does not match"]),
    "not the bundled one": ("        hub: a/b\n      - bundeld\n", 9, ["'bundeld' is not one of ['bundled']"]),
    "unknown prompt": (
        "        hub: a/b\n        prompts: {passage: x}\n",
        9,
        ["'passage' is not one of ['document', 'query']"],
    ),
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = copy_project(tmp_path_factory.mktemp("models") / "project")
    for name, text in ARTICLES.items():
        path = project / "assets" / "python_docs" / "documents" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return project


def write(project: Path, models: str) -> None:
    (project / "assets" / "python_docs" / "defs.yaml").write_text(HEAD + models, "utf-8")


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_reported_with_its_line_and_what_would_be_right(mistake: str, project: Path) -> None:
    body, line, messages = MISTAKES[mistake]
    write(project, body)
    result = run_in(project, "dg", "check", "yaml", "assets/python_docs", check=False)
    shown = result.stdout + result.stderr
    assert result.returncode == 1
    assert f"defs.yaml:{line} " in shown
    for message in messages:
        assert message in shown


def test_llmops_run_downloads_a_model_and_needs_no_hub_afterwards(
    project: Path, httpserver: HTTPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = FakeHub(httpserver, tiny_model(tmp_path / "served", window=32))
    use_hub(monkeypatch, hub.url, tmp_path / "cache")
    write(project, f"        hub: {REPOSITORY}\n        revision: v1\n        prompts: {{query: 'query: '}}\n")
    assert run_in(project, "dg", "check", "yaml", "assets/python_docs").returncode == 0
    assert run_in(project, "dg", "check", "defs").returncode == 0
    assert hub.requests == 0  # loading the code location asks no hub
    first = run_in(project, "llmops", "run", "notes")
    assert f"model mine: downloading {REPOSITORY} from {hub.url}" in first.stderr
    use_hub(monkeypatch, "http://127.0.0.1:9", tmp_path / "cache")
    again = run_in(project, "llmops", "run", "notes")
    assert "downloading" not in again.stderr
    use_hub(monkeypatch, "http://127.0.0.1:9", tmp_path / "empty")
    offline = run_in(project, "llmops", "run", "notes", check=False)
    assert offline.returncode == 1
    assert f"error: model mine: {REPOSITORY} is not in the local cache and cannot be downloaded" in offline.stderr
    assert f"hf download {REPOSITORY} --revision v1" in offline.stderr
    assert "Traceback" not in offline.stderr
