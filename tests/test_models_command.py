"""`llmops models` and its commands, for people and as JSON, on a deployment whose upstream embedder drifts."""

import json
from pathlib import Path

import dagster as dg
import pytest
from pytest_httpserver import HTTPServer
from typer.testing import CliRunner

from llmops_pipelines import project
from llmops_pipelines.cli import app
from llmops_pipelines.cli.application import out
from llmops_pipelines.drift.probe_files import load_probes
from llmops_pipelines.drift.probes import EmbedderProbes
from llmops_pipelines.orchestration.partitions import register_keys
from llmops_pipelines.resources.lake import LakeResource
from llmops_pipelines.storage import Lake
from tests.drift.upstream_models import failing
from tests.orchestration.drifting import Drifting, noisy, semantic


@pytest.fixture
def drifting(
    tmp_path: Path, http_server: HTTPServer, instance: dg.DagsterInstance, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> Drifting:
    made = Drifting(tmp_path, http_server, instance, lake)
    register_keys(made.corpus, instance, lake)
    monkeypatch.setattr(project, "upstreams", lambda: {"embed": made.model})
    monkeypatch.setattr(project, "corpora", lambda: {"glossary": made.corpus})
    monkeypatch.setattr(project, "lake", lambda: LakeResource(uri=lake.uri))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster_home"))
    monkeypatch.setattr(out, "width", 220)
    return made


def llmops(*arguments: str, status: int = 0) -> str:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == status, result.output
    return result.stdout + result.stderr


def test_a_model_from_first_look_to_acceptance(drifting: Drifting) -> None:
    (first,) = json.loads(llmops("models", "--json"))
    assert (first["identity"], first["observed"], first["state"]) == ("not known", "never", "never accepted")
    assert first["dependents"] == [f"glossary {drifting.key}"]

    found = json.loads(llmops("models", "observe", "embed", "--json"))
    assert (found["verdict"], found["calls"]) == ("unmeasured", 0)
    assert "llmops models accept embed" in found["reason"]

    said = llmops("models", "accept", "embed", "--reason", "as delivered")
    assert "before: 800 calls, at most" in said
    assert "a0001: embed is accepted as model embed-1" in said
    assert "spent: 800 calls" in said
    record = drifting.instance.fetch_observations(dg.AssetRecordsFilter(drifting.model.key), limit=1).records[0]
    assert record.asset_observation is not None
    assert record.asset_observation.metadata["reason"].value == "as delivered"

    assert "unchanged: no family shows a change above its floor" in llmops("models", "observe", "embed")
    shown = llmops("models", "probes", "embed")
    assert "a loss of 0.10 is noticed in 100% of looks" in shown
    assert "a loss of 0.30 is noticed in 100% of looks" in shown
    assert "the last look spent 400 calls" in shown


def test_a_change_is_shown_with_what_it_blocks_and_what_mending_it_costs(drifting: Drifting) -> None:
    llmops("models", "accept", "embed", "--json")
    drifting.run("glossary_life", partition_key=drifting.base, asset_selection=[drifting.corpus.key("documents")])
    drifting.server.model = noisy(2.0)
    said = llmops("models", "observe", "embed", status=1)
    assert "behaviour_changed: queries" in said
    assert "search by its vectors is blocked: upstream/embed has changed" in said
    shown = " ".join(llmops("models").split())
    for part in ("behaviour_changed", "changed: documents, queries (change 1)", "search by its vectors is blocked"):
        assert part in shown
    drifting.server.model = semantic
    llmops("models", "observe", "embed", "--tier", "vectors")
    (found,) = json.loads(llmops("models", "--json"))
    assert (found["state"], found["remarks"]) == ("as accepted", [])


def test_probes_are_drawn_from_a_corpus(drifting: Drifting, tmp_path: Path) -> None:
    file = tmp_path / "probes" / "glossary.yaml"
    assert "glossary is not cut into passages yet" in llmops("models", "draw-probes", "glossary", str(file), status=1)
    stages = [drifting.corpus.key(stage) for stage in ("documents", "clean_documents", "chunks")]
    assert drifting.run("glossary_life", partition_key=drifting.base, asset_selection=stages).success
    assert "as `probes` of an upstream model" in llmops("models", "draw-probes", "glossary", str(file))
    probes = load_probes(file)
    assert isinstance(probes, EmbedderProbes)
    assert all("This page is about the word" in text for text in probes.documents)
    assert not [text for text in probes.documents for query in probes.queries if query in text], "other passages ask"
    assert "probes are not changed in place" in llmops("models", "draw-probes", "glossary", str(file), status=1)


def test_what_is_wrong_is_said_with_what_to_do(drifting: Drifting) -> None:
    assert "there is no upstream model 'other'; there are: embed" in llmops("models", "observe", "other", status=1)
    assert "embed has no tier 'graded': its tiers are vectors" in llmops(
        "models", "observe", "embed", "--tier", "graded", status=1
    )
    drifting.server.down = failing(401)
    said = llmops("models", "accept", "embed", status=1)
    assert "embed is not accepted: 800 of 800 calls had no answer" in said
    assert "HTTP 401" in said
