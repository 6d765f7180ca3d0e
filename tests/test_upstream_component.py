"""An upstream model added by `dg scaffold defs` and named by a corpus: it loads, and mistakes are said where they are."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.project_copy import copy_project, run_in

COMPONENT = "llmops_pipelines.components"


def declare(project: Path, place: str, kind: str, **attributes: Any) -> None:
    folder = project / "assets" / place
    folder.mkdir(parents=True, exist_ok=True)
    content = {"type": f"{COMPONENT}.{kind}", "attributes": attributes}
    (folder / "defs.yaml").write_text(yaml.safe_dump(content, sort_keys=False), "utf-8")


def handbook(project: Path, **embeddings: Any) -> None:
    declare(
        project,
        "handbook",
        "CorpusLifecycle",
        name="handbook",
        source={"type": "directory", "uri": "documents"},
        embeddings=embeddings,
    )
    documents = project / "assets" / "handbook" / "documents"
    documents.mkdir(exist_ok=True)
    (documents / "leave.md").write_text("# Leave\n\nEveryone has thirty days of leave a year.\n", "utf-8")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return copy_project(tmp_path / "project")


def checked(project: Path, place: str) -> subprocess.CompletedProcess[str]:
    return run_in(project, "dg", "check", "yaml", f"assets/{place}", check=False)


def test_a_scaffolded_model_is_named_by_a_corpus_observed_and_accepted(project: Path) -> None:
    run_in(project, "dg", "scaffold", "defs", f"{COMPONENT}.UpstreamModel", "upstream/minilm")
    handbook(project, models=[{"upstream": "minilm"}])
    run_in(project, "dg", "check", "yaml")
    run_in(project, "dg", "check", "defs")
    run_in(project, "llmops", "run", "handbook", "--json")
    (model,) = json.loads(run_in(project, "llmops", "models", "--json").stdout)
    assert (model["name"], model["state"]) == ("minilm", "never accepted")
    assert len(model["dependents"]) == 1
    assert model["dependents"][0].startswith("handbook all-minilm-l6-v2-")
    run_in(project, "llmops", "models", "accept", "minilm")
    found = json.loads(run_in(project, "llmops", "models", "observe", "minilm", "--json").stdout)
    assert (found["verdict"], found["change"], found["blocked"]) == ("unchanged", None, "")
    (model,) = json.loads(run_in(project, "llmops", "models", "--json").stdout)
    assert model["identity"].startswith("fingerprint ")
    listed = run_in(project, "dg", "list", "defs", "--json").stdout
    wanted = ("upstream_minilm_observe", "upstream_minilm_accept", "upstream_minilm_vectors")
    for name in ("upstream/minilm", *wanted, "handbook_reevaluation", "handbook_reevaluations"):
        assert f'"{name}"' in listed, name


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ({"role": "embedder", "model": {"name": "x", "base_url": "http://127.0.0.1/v1", "model": "m"}}, "dimension"),
        ({"role": "llm", "model": {"base_url": "http://127.0.0.1/v1"}}, "model"),
        ({"role": "llm", "model": {"base_url": "http://127.0.0.1/v1", "model": "m", "dimension": 3}}, "dimension"),
        ({"role": "oracle", "model": "bundled"}, "oracle"),
        ({"role": "embedder", "model": "bundled", "schedules": {"graded": "hourly"}}, "hourly"),
    ],
)
def test_a_mistake_in_the_yaml_is_named_by_its_line(project: Path, attributes: dict[str, Any], said: str) -> None:
    declare(project, "upstream/mine", "UpstreamModel", name="mine", **attributes)
    result = checked(project, "upstream/mine")
    assert result.returncode
    assert said in result.stdout + result.stderr
    assert "defs.yaml:" in result.stdout + result.stderr


@pytest.mark.parametrize(
    ("models", "said"),
    [
        ([{"upstream": "nobody"}], "assets/upstream/nobody/defs.yaml cannot be loaded"),
        ([{"upstream": "chat"}], "the upstream model chat is no embedder but an llm"),
    ],
)
def test_a_corpus_that_names_what_is_not_there_says_so(project: Path, models: list[Any], said: str) -> None:
    declare(
        project,
        "upstream/chat",
        "UpstreamModel",
        name="chat",
        role="llm",
        model={"base_url": "http://127.0.0.1/v1", "model": "m"},
    )
    handbook(project, models=models)
    result = run_in(project, "llmops", "models", check=False)
    assert result.returncode == 1
    assert said in " ".join(result.stderr.split())


def test_probes_of_ones_own_are_read_and_a_mistake_in_them_is_named(project: Path) -> None:
    probes = project / "assets" / "upstream" / "minilm" / "probes"
    declare(
        project,
        "upstream/minilm",
        "UpstreamModel",
        name="minilm",
        role="embedder",
        model="bundled",
        probes="probes/mine.yaml",
    )
    probes.mkdir()
    mine = {"asks": "embedder", "name": "mine", "version": 1, "loss": 0.05, "jitter": 0.01}
    file = probes / "mine.yaml"
    file.write_text(yaml.safe_dump({**mine, "texts": {"short": ["a", "b"]}, "queries": ["c"]}), "utf-8")
    shown = run_in(project, "llmops", "models", "probes", "minilm", "--json").stdout
    assert json.loads(shown)["cost"][0] == {"what": "look", "tier": "vectors", "calls": 15, "tokens": 15, "usd": 0.0}
    file.write_text(yaml.safe_dump({**mine, "texts": {"short": ["a", "a"]}, "queries": ["c"]}), "utf-8")
    result = run_in(project, "dg", "check", "defs", check=False)
    assert result.returncode
    assert "the text 'a' is there twice" in result.stdout + result.stderr
