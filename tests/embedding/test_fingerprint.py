"""The identity of a model: what changes it and what does not."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmops_pipelines.embedding.model_folder import BUNDLED_SHA256, ModelFolder, bundled_model
from tests.embedding.model_copies import WEIGHTS, copy_of, damage_weights, edit

Change = Callable[[Any], Any]

CHANGES: dict[str, tuple[str, Change]] = {
    "pooling": ("1_Pooling/config.json", lambda c: c.update(pooling_mode_cls_token=True)),
    "maximum length": ("sentence_bert_config.json", lambda c: c.update(max_seq_length=128)),
    "prompts": ("config_sentence_transformers.json", lambda c: c.update(prompts={"query": "query: "})),
    "a module less": ("modules.json", lambda c: c.pop()),
    "another kind of module": ("modules.json", lambda c: c[2].update(type="sentence_transformers.models.Dropout")),
    "vocabulary": ("tokenizer.json", lambda c: c["model"]["vocab"].update(qwertzuiop=30522)),
    "normaliser": ("tokenizer.json", lambda c: c["normalizer"].update(lowercase=False)),
    "architecture": ("config.json", lambda c: c.update(hidden_act="relu")),
}

SAME: dict[str, tuple[str, Change]] = {
    "truncation of the tokenizer": ("tokenizer.json", lambda c: c.update(truncation={"max_length": 99})),
    "padding of the tokenizer": ("tokenizer.json", lambda c: c.update(padding=None)),
    "name of a module": ("modules.json", lambda c: c[1].update(name="pooling")),
    "where the model came from": ("config.json", lambda c: c.update(_name_or_path="/home/me")),
    "version that saved it": ("config.json", lambda c: c.update(transformers_version="99.0")),
    "empty prompts": ("config_sentence_transformers.json", lambda c: c.update(prompts={"query": "", "document": ""})),
}


def test_the_bundled_model_is_known(model: ModelFolder) -> None:
    assert model.key == "all-minilm-l6-v2-" + model.fingerprint[:8]
    assert (model.dimension, model.max_tokens, model.prompts) == (384, 256, {})
    assert model.expected_sha256 == BUNDLED_SHA256
    assert bundled_model().fingerprint == model.fingerprint == FINGERPRINT


# Changes only with a deliberate change of what the fingerprint covers: every vector is then made anew.
FINGERPRINT = "b7f002baa6a5abd83e5cd1388d98d41e64f34131856cae18cf3cf17e205f6e4c"


@pytest.mark.parametrize("what", CHANGES)
def test_the_fingerprint_changes_with(what: str, model: ModelFolder, tmp_path: Path) -> None:
    changed = copy_of(model, tmp_path / "model")
    edit(changed, *CHANGES[what])
    assert changed.fingerprint != model.fingerprint


def test_the_fingerprint_changes_with_a_single_bit_of_the_weights(model: ModelFolder, tmp_path: Path) -> None:
    changed = copy_of(model, tmp_path / "model")
    damage_weights(changed)
    assert changed.fingerprint != model.fingerprint


@pytest.mark.parametrize("what", SAME)
def test_the_fingerprint_does_not_change_with(what: str, model: ModelFolder, tmp_path: Path) -> None:
    changed = copy_of(model, tmp_path / "model")
    edit(changed, *SAME[what])
    assert changed.fingerprint == model.fingerprint


def test_path_file_times_and_files_beside_the_model_do_not_count(model: ModelFolder, tmp_path: Path) -> None:
    moved = copy_of(model, tmp_path / "elsewhere" / "under another name")
    (moved.folder / WEIGHTS).unlink()
    shutil.copyfile(model.folder / WEIGHTS, moved.folder / WEIGHTS)
    (moved.folder / "README.md").write_text("Another description.", "utf-8")
    (moved.folder / "notes.txt").write_text("Mine.", "utf-8")
    for path in moved.folder.rglob("*"):
        os.utime(path, (1, 1))
    assert moved.fingerprint == model.fingerprint


def test_the_key_carries_name_and_fingerprint(model: ModelFolder, tmp_path: Path) -> None:
    renamed = ModelFolder("mine", model.folder)
    assert renamed.key == f"mine-{model.fingerprint[:8]}"
    shorter = copy_of(renamed, tmp_path / "model")
    edit(shorter, "sentence_bert_config.json", lambda c: c.update(max_seq_length=64))
    assert shorter.max_tokens == 64
    assert shorter.key == f"mine-{shorter.fingerprint[:8]}" != renamed.key
