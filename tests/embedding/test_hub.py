"""Models named as on a hub: downloaded once and only on demand, read from the cache afterwards."""

import socket
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from llmops_pipelines.embedding.hub import HubModel
from llmops_pipelines.embedding.model_folder import ModelError, ModelFolder
from llmops_pipelines.embedding.references import reference, referenced_model
from llmops_pipelines.embedding.registry import Registry
from llmops_pipelines.embedding.torch_embedder import TorchEmbedder
from llmops_pipelines.storage import Lake
from tests.embedding.fake_hub import COMMIT, REPOSITORY, FakeHub, use_hub
from tests.embedding.tiny_models import tiny_model

TINY = HubModel("tiny", REPOSITORY)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tiny_model(tmp_path_factory.mktemp("hub") / "model", dense=8)
    (folder / "pytorch_model.bin").write_bytes(b"pickled")
    (folder / "onnx").mkdir()
    (folder / "onnx" / "config.json").write_text("{}", "utf-8")
    (folder / "README.md").write_text("---\nlicense: mit\n---\n", "utf-8")
    return folder


@pytest.fixture
def hub(httpserver: HTTPServer, original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeHub:
    fake = FakeHub(httpserver, original)
    use_hub(monkeypatch, fake.url, tmp_path / "cache")
    return fake


def unreachable() -> str:
    """A URL on which nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def test_a_model_is_downloaded_once_and_is_the_one_of_its_folder(hub: FakeHub, original: Path) -> None:
    told: list[str] = []
    found = TINY.located(told.append)
    assert told == [f"model tiny: downloading someone/tiny from {hub.url}"]
    assert found.fingerprint == ModelFolder("tiny", original).fingerprint
    assert (found.licence, found.folder.name) == ("mit", COMMIT)
    assert "model.safetensors" in hub.asked
    assert not {"pytorch_model.bin", "onnx/config.json"} & set(hub.asked)
    before = hub.requests
    assert TINY.located(told.append) == TINY.located() == found
    assert (hub.requests, len(told)) == (before, 1)


def test_what_is_in_the_cache_needs_no_hub(hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = TINY.located(print).key
    asked = hub.requests
    assert TorchEmbedder(TINY.located()).embed(["the moon"], "query").vectors.shape == (1, 8)
    assert hub.requests == asked  # loading asks no hub either
    for offline in (True, False):
        use_hub(monkeypatch, unreachable(), tmp_path / "cache", offline)
        assert TINY.located().key == TINY.located(print).key == key


def test_a_release_finds_it_in_the_cache_by_its_reference(hub: FakeHub, lake: Lake) -> None:
    model = HubModel("tiny", REPOSITORY, query_prompt="query: ")
    registry = Registry.beside(lake, "c")
    with pytest.raises(ModelError, match="not in the local cache"):
        referenced_model(reference(model), registry)
    downloaded = model.located(print)
    assert referenced_model(reference(model), registry) == downloaded


def test_a_newer_model_on_the_hub_is_taken_on_demand_only(hub: FakeHub, tmp_path: Path) -> None:
    first = TINY.located(print)
    hub.folder = tiny_model(tmp_path / "newer", seed=1)
    assert TINY.located(print).fingerprint == first.fingerprint


def test_a_revision_is_a_model_of_its_own(hub: FakeHub) -> None:
    tagged = HubModel("tiny", REPOSITORY, "v1", query_prompt="query: ")
    with pytest.raises(ModelError, match="hf download someone/tiny --revision v1"):
        tagged.located()
    assert tagged.located(print).prompt("query") == "query: "
    with pytest.raises(ModelError, match="someone/tiny has no revision 'v9'"):
        HubModel("tiny", REPOSITORY, "v9").located(print)


def test_without_a_download_the_cache_is_all_that_is_looked_at(hub: FakeHub) -> None:
    with pytest.raises(ModelError, match=r"not in the local cache.*`llmops run`.*`hf download someone/tiny`"):
        TINY.located()
    assert hub.requests == 0


def test_an_interrupted_download_is_taken_up_again(hub: FakeHub) -> None:
    found = TINY.located(print)
    (found.folder / "model.safetensors").unlink()
    with pytest.raises(ModelError):
        _ = TINY.located().fingerprint
    told: list[str] = []
    assert TINY.located(told.append).fingerprint == found.fingerprint
    assert len(told) == 1


def test_a_model_that_the_hub_does_not_have_is_named(hub: FakeHub) -> None:
    with pytest.raises(ModelError, match=f"{hub.url} has no model someone/else.*hf auth login"):
        HubModel("mine", "someone/else").located(print)


def test_a_model_with_pickled_weights_only_is_refused(hub: FakeHub, tmp_path: Path) -> None:
    hub.folder = tiny_model(tmp_path / "pickled")
    (hub.folder / "model.safetensors").rename(hub.folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match="pickled weights are not loaded"):
        _ = TINY.located(print).fingerprint


def test_without_a_network_the_error_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = unreachable()
    use_hub(monkeypatch, url, tmp_path / "cache")
    with pytest.raises(
        ModelError, match=rf"cannot be downloaded from {url}.*`hf download someone/tiny`.*name a folder"
    ):
        TINY.located(print)
    use_hub(monkeypatch, url, tmp_path / "cache", offline=True)
    with pytest.raises(ModelError, match="HF_HUB_OFFLINE is set"):
        TINY.located(print)
