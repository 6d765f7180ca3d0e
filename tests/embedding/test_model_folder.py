"""Model folders that cannot be used are refused with what to do."""

from pathlib import Path

import pytest

from llmops_pipelines.embedding.model_folder import BUNDLED_SHA256, ModelError, ModelFolder
from llmops_pipelines.embedding.torch_embedder import TorchEmbedder
from tests.embedding.model_copies import WEIGHTS, copy_of, damage_weights, edit


def test_damaged_weights_are_refused_with_both_hashes(model: ModelFolder, tmp_path: Path) -> None:
    copied = copy_of(model, tmp_path / "model")
    damage_weights(copied)
    damaged = ModelFolder(model.name, copied.folder, BUNDLED_SHA256)
    with pytest.raises(ModelError, match=rf"has sha256 [0-9a-f]{{64}}, expected {BUNDLED_SHA256}.*reinstall"):
        _ = damaged.fingerprint


def test_damaged_weights_never_reach_the_engine(model: ModelFolder, tmp_path: Path) -> None:
    copied = copy_of(model, tmp_path / "model")
    damage_weights(copied)
    with pytest.raises(ModelError, match=f"expected {BUNDLED_SHA256}"):
        TorchEmbedder(ModelFolder(model.name, copied.folder, BUNDLED_SHA256)).embed(["a text"], "document")


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=f"model mine: there is no file {tmp_path}/nowhere/modules.json"):
        _ = ModelFolder("mine", tmp_path / "nowhere").fingerprint


@pytest.mark.parametrize("missing", ["modules.json", "tokenizer.json", "config.json"])
def test_a_missing_file_is_named(model: ModelFolder, tmp_path: Path, missing: str) -> None:
    copied = copy_of(model, tmp_path / "model")
    (copied.folder / missing).unlink()
    with pytest.raises(ModelError, match=f"there is no file .*/{missing}"):
        _ = copied.fingerprint


def test_pickled_weights_are_refused(model: ModelFolder, tmp_path: Path) -> None:
    copied = copy_of(model, tmp_path / "model")
    (copied.folder / WEIGHTS).rename(copied.folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match="holds no safetensors weights; pickled weights are not loaded"):
        TorchEmbedder(copied).embed(["a text"], "document")


def test_a_file_that_is_not_json_is_named(model: ModelFolder, tmp_path: Path) -> None:
    copied = copy_of(model, tmp_path / "model")
    (copied.folder / "modules.json").write_text("[{", "utf-8")
    with pytest.raises(ModelError, match=r"modules\.json is not JSON"):
        _ = copied.fingerprint


def test_weights_that_torch_cannot_read_are_an_error_of_the_model(model: ModelFolder, tmp_path: Path) -> None:
    copied = copy_of(model, tmp_path / "model")
    (copied.folder / WEIGHTS).unlink()
    (copied.folder / WEIGHTS).write_bytes(b"not weights")
    with pytest.raises(ModelError, match="cannot be loaded"):
        TorchEmbedder(copied).embed(["a text"], "document")


def test_without_a_declared_window_the_architecture_gives_it(model: ModelFolder, tmp_path: Path) -> None:
    copied = copy_of(model, tmp_path / "model")
    (copied.folder / "sentence_bert_config.json").unlink()
    assert copied.max_tokens == 512
    edit(copied, "config.json", lambda c: c.update(max_position_embeddings=64))
    assert ModelFolder("mine", copied.folder).max_tokens == 64
