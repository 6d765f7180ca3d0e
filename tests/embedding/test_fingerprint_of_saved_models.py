"""The identity of a folder as sentence-transformers writes it: each thing that changes vectors, and nothing else."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmops_pipelines.embedding.model_folder import ModelFolder
from tests.embedding.model_copies import edit
from tests.embedding.tiny_models import tiny_model

Edit = tuple[str, Callable[[Any], Any]]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    folder = tmp_path_factory.mktemp("saved") / "model"
    return ModelFolder("tiny", tiny_model(folder, dense=8, prompts={"query": "query: ", "passage": "passage: "}))


@pytest.fixture
def copied(saved: ModelFolder, tmp_path: Path) -> ModelFolder:
    shutil.copytree(saved.folder, tmp_path / "copy")
    return ModelFolder("tiny", tmp_path / "copy")


COUNTS: dict[str, Edit] = {
    "pooling": ("1_Pooling/config.json", lambda c: c.update(pooling_mode="cls")),
    "a second pooling": ("1_Pooling/config.json", lambda c: c.update(pooling_mode=["mean", "max"])),
    "the prompt in pooling": ("1_Pooling/config.json", lambda c: c.update(include_prompt=False)),
    "activation": ("2_Dense/config.json", lambda c: c.update(activation_function="torch.nn.modules.linear.Identity")),
    "normalisation": ("modules.json", lambda c: c.pop()),
    "order of modules": ("modules.json", lambda c: c.append(c.pop(1))),
    "arguments of a module": ("modules.json", lambda c: c[1].update(kwargs=["task"])),
    "window": ("tokenizer_config.json", lambda c: c.update(model_max_length=20)),
    "window of older files": ("sentence_bert_config.json", lambda c: c.update(max_seq_length=20)),
    "window by processing": (
        "sentence_bert_config.json",
        lambda c: c.update(processing_kwargs={"text": {"max_length": 9}}),
    ),
    "positions below the window": ("config.json", lambda c: c.update(max_position_embeddings=16)),
    "lower-casing": ("sentence_bert_config.json", lambda c: c.update(do_lower_case=True)),
    "settings of the tokenizer": ("tokenizer_config.json", lambda c: c.update(do_lower_case=False)),
    "vocabulary": ("tokenizer.json", lambda c: c["model"]["vocab"].update(bread=999)),
    "special tokens": ("tokenizer.json", lambda c: c["added_tokens"][0].update(lstrip=True)),
    "activation of the encoder": ("config.json", lambda c: c.update(hidden_act="relu")),
    "epsilon": ("config.json", lambda c: c.update(layer_norm_eps=1e-5)),
    "prompt of questions": ("config_sentence_transformers.json", lambda c: c["prompts"].update(query="q: ")),
    "prompt of passages": ("config_sentence_transformers.json", lambda c: c["prompts"].update(passage="p: ")),
    "no prompt": ("config_sentence_transformers.json", lambda c: c.pop("prompts")),
    "truncated vectors": ("config_sentence_transformers.json", lambda c: c.update(truncate_dim=4)),
}

COUNTS_NOT: dict[str, Edit] = {
    "versions": ("config_sentence_transformers.json", lambda c: c.update(__version__={"transformers": "99"})),
    "similarity function": ("config_sentence_transformers.json", lambda c: c.update(similarity_fn_name="dot")),
    "kind of model": ("config_sentence_transformers.json", lambda c: c.pop("model_type")),
    "a prompt of another task": (
        "config_sentence_transformers.json",
        lambda c: c["prompts"].update(clustering="topic: "),
    ),
    "origin": ("config.json", lambda c: c.update(_name_or_path="/home/me")),
    "version that saved it": ("config.json", lambda c: c.update(transformers_version="99.0")),
    "precision": ("config.json", lambda c: c.update(dtype="bfloat16", torch_dtype="bfloat16")),
    "caching": ("config.json", lambda c: c.update(use_cache=True)),
    "training": ("config.json", lambda c: c.update(hidden_dropout_prob=0.5, initializer_range=0.5)),
    "labels of a classifier": ("config.json", lambda c: c.update(id2label={"0": "A"}, label2id={"A": 0})),
    "padding": ("tokenizer_config.json", lambda c: c.update(padding_side="left", is_local=False)),
    "truncation of the tokenizer": ("tokenizer.json", lambda c: c.update(truncation=None, padding=None)),
    "names of modules": ("modules.json", lambda c: [m.update(name=f"module {m['idx']}") for m in c]),
    "the package of a module": (
        "modules.json",
        lambda c: c[1].update(type="sentence_transformers.models.Pooling"),
    ),
    "pooling as older releases write it": (
        "1_Pooling/config.json",
        lambda c: (c.clear(), c.update(word_embedding_dimension=16, pooling_mode_mean_tokens=True)),
    ),
    "defaults left unsaid": ("sentence_bert_config.json", lambda c: c.clear()),
    "defaults left unsaid in normalisation": ("3_Normalize/config.json", lambda c: c.clear()),
}


@pytest.mark.parametrize("what", COUNTS)
def test_the_fingerprint_changes_with(what: str, saved: ModelFolder, copied: ModelFolder) -> None:
    edit(copied, *COUNTS[what])
    assert copied.fingerprint != saved.fingerprint


@pytest.mark.parametrize("what", COUNTS_NOT)
def test_the_fingerprint_does_not_change_with(what: str, saved: ModelFolder, copied: ModelFolder) -> None:
    edit(copied, *COUNTS_NOT[what])
    assert copied.fingerprint == saved.fingerprint


@pytest.mark.parametrize("file", ["model.safetensors", "2_Dense/model.safetensors"])
def test_the_fingerprint_changes_with_a_bit_of_any_modules_weights(
    file: str, saved: ModelFolder, copied: ModelFolder
) -> None:
    weights = bytearray((copied.folder / file).read_bytes())
    weights[-1] ^= 1
    (copied.folder / file).write_bytes(weights)
    assert copied.fingerprint != saved.fingerprint


@pytest.mark.parametrize(
    "file",
    [
        "README.md",
        ".gitattributes",
        "vocab.txt",
        "pytorch_model.bin",
        "checkpoint-9/model.safetensors",
        "onnx/model.onnx",
    ],
)
def test_files_that_are_not_read_do_not_count(file: str, saved: ModelFolder, copied: ModelFolder) -> None:
    (copied.folder / file).parent.mkdir(exist_ok=True)
    (copied.folder / file).write_text("something else", "utf-8")
    assert copied.fingerprint == saved.fingerprint


def test_the_form_of_json_and_the_name_of_a_modules_folder_do_not_count(
    saved: ModelFolder, copied: ModelFolder
) -> None:
    for path in copied.folder.rglob("*.json"):
        content = json.loads(path.read_text("utf-8"))
        turned = dict(reversed(content.items())) if isinstance(content, dict) else content
        path.write_text(json.dumps(turned, indent=7), "utf-8")
    (copied.folder / "1_Pooling").rename(copied.folder / "Pooling")
    edit(copied, "modules.json", lambda c: c[1].update(path="Pooling"))
    assert copied.fingerprint == saved.fingerprint


def test_weights_in_several_files_are_those_of_the_index(saved: ModelFolder, copied: ModelFolder) -> None:
    (copied.folder / "model.safetensors").rename(copied.folder / "model-00001-of-00001.safetensors")
    index = copied.folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a": "model-00001-of-00001.safetensors"}}), "utf-8")
    (copied.folder / "model-of-somebody-else.safetensors").write_text("beside it", "utf-8")
    sharded = copied.fingerprint
    (copied.folder / "model-of-somebody-else.safetensors").unlink()
    assert ModelFolder("tiny", copied.folder).fingerprint == sharded != saved.fingerprint


def test_the_name_is_part_of_the_key_only(saved: ModelFolder) -> None:
    renamed = ModelFolder("other", saved.folder)
    assert renamed.fingerprint == saved.fingerprint
    assert renamed.key == f"other-{saved.fingerprint[:8]}"
