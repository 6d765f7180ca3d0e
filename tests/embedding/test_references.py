"""References of models: what a release carries leads to the same model, without YAML and without a secret."""

import json
from pathlib import Path

import pytest

from llmops_pipelines.embedding.hosted_model import HostedModel
from llmops_pipelines.embedding.model_folder import ModelError, ModelFolder
from llmops_pipelines.embedding.references import reference, referenced_model, registered_reference
from llmops_pipelines.embedding.registry import Registry
from llmops_pipelines.storage import Lake
from tests.embedding.tiny_models import tiny_model

HOSTED = HostedModel(
    name="hosted",
    model="text-embedding-3-small",
    base_url="https://localhost/v1",
    dimension=8,
    max_tokens=512,
    query_prompt="query: ",
    api_key_env="THE_KEY",
    usd_per_million_tokens=0.02,
)


@pytest.fixture
def registry(lake: Lake) -> Registry:
    return Registry.beside(lake, "c")


def through_json(registry: Registry, found: dict[str, object]) -> object:
    return referenced_model(json.loads(json.dumps(found)), registry)


def test_the_bundled_model_is_found_wherever_its_package_is(model: ModelFolder, registry: Registry) -> None:
    assert reference(model) == {"kind": "bundled"}
    assert through_json(registry, reference(model)) == model


def test_a_folder_is_found_with_the_prompts_that_were_configured(
    tmp_path: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    made = ModelFolder("tiny", tiny_model(tmp_path / "tiny"))
    configured = ModelFolder("tiny", Path("tiny"), query_prompt="query: ", document_prompt="")
    found = through_json(registry, reference(configured))
    assert isinstance(found, ModelFolder)
    assert (found.folder, found.prompt("query")) == (tmp_path / "tiny", "query: ")
    assert found.fingerprint == configured.fingerprint != made.fingerprint


def test_a_hosted_model_is_found_without_its_key(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THE_KEY", "sk-secret")
    assert "sk-secret" not in json.dumps(reference(HOSTED))
    assert through_json(registry, reference(HOSTED)) == HOSTED


def test_a_tuned_model_is_found_in_the_registry_beside_the_lake(tmp_path: Path, registry: Registry, lake: Lake) -> None:
    model = ModelFolder("tuned", tiny_model(tmp_path / "tuned"))
    entry = registry.add(model, {})
    found = referenced_model(registered_reference(entry), registry)
    assert found.fingerprint == model.fingerprint
    assert str(found.where).startswith(lake.uri)
    with pytest.raises(ModelError, match=f"{model.fingerprint[:8]} is no longer in .*: restore its folder"):
        referenced_model(registered_reference(entry), Registry.beside(lake, "other"))


@pytest.mark.parametrize("unknown", [{"kind": "quantum"}, {"kind": "hosted", "colour": "blue"}, {"kind": "folder"}, {}])
def test_what_another_release_of_the_package_wrote_is_named(registry: Registry, unknown: dict[str, object]) -> None:
    with pytest.raises(ModelError, match="this release of llmops-pipelines"):
        referenced_model(unknown, registry)
