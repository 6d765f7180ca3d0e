"""Folders that sentence-transformers writes today are read as it reads them, and give the vectors that it gives."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer

from llmops_pipelines.embedding.model_folder import ModelError, ModelFolder
from llmops_pipelines.embedding.torch_embedder import TorchEmbedder
from tests.embedding.model_copies import edit
from tests.embedding.tiny_models import tiny_model

E5 = {"query": "query: ", "passage": "passage: "}
TEXTS = ["the moon", "The sea, the SEA and the moon", "", "x", "the moon pulls the sea " * 10]

SHAPES: dict[str, dict[str, Any]] = {
    "plain": {},
    "a window of its own": {"window": 12},
    "a window wider than the positions": {"window": 500},
    "classification token": {"pooling": "cls"},
    "two poolings": {"pooling": ("cls", "mean")},
    "last token": {"pooling": "lasttoken"},
    "weighted mean": {"pooling": "weightedmean"},
    "a dense layer": {"dense": 8},
    "truncated vectors": {"truncate_dim": 6},
    "prompts": {"prompts": E5},
    "prompts left out of pooling": {"prompts": E5, "include_prompt": False},
    "prompts left out of a weighted mean": {"prompts": E5, "include_prompt": False, "pooling": "weightedmean"},
    "SentencePiece": {"architecture": "xlm-roberta", "prompts": E5},
    "SentencePiece, prompts left out of pooling": {
        "architecture": "xlm-roberta",
        "prompts": E5,
        "include_prompt": False,
    },
}


def reference(folder: Path) -> SentenceTransformer:
    return SentenceTransformer(str(folder), device="cpu", local_files_only=True, model_kwargs={"dtype": torch.float32})


@pytest.mark.parametrize("shape", SHAPES)
def test_a_saved_model_is_read_as_its_library_reads_it(shape: str, tmp_path: Path) -> None:
    folder = tiny_model(tmp_path / "model", **SHAPES[shape])
    model, expected = ModelFolder("tiny", folder), reference(folder)
    assert model.max_tokens == expected.max_seq_length
    assert model.dimension == expected.get_embedding_dimension()
    embedder = TorchEmbedder(model, precision="fp32", device="cpu")
    for use, name in (("document", "passage"), ("query", "query")):
        prompt = expected.prompts.get(name) or ""
        assert model.prompt(use) == prompt
        wanted = expected.encode(TEXTS, prompt=prompt or None, normalize_embeddings=True)
        np.testing.assert_allclose(embedder.embed(TEXTS, use).vectors, wanted, atol=1e-5)


def test_leaving_the_prompt_out_of_pooling_gives_other_vectors(tmp_path: Path) -> None:
    folder = tiny_model(tmp_path / "model", prompts=E5)
    with_prompt = ModelFolder("tiny", folder)
    vectors = TorchEmbedder(with_prompt, "fp32", "cpu").embed(TEXTS[:1], "query").vectors
    edit(with_prompt, "1_Pooling/config.json", lambda c: c.update(include_prompt=False))
    without = ModelFolder("tiny", folder)
    assert without.fingerprint != with_prompt.fingerprint
    assert np.abs(TorchEmbedder(without, "fp32", "cpu").embed(TEXTS[:1], "query").vectors - vectors).max() > 1e-3


def test_saving_the_bundled_model_again_keeps_its_window_and_dimension(model: ModelFolder, tmp_path: Path) -> None:
    reference(model.folder).save_pretrained(str(tmp_path / "again"))
    again = ModelFolder("again", tmp_path / "again")
    settings = json.loads((again.folder / "sentence_bert_config.json").read_text("utf-8"))
    assert "max_seq_length" not in settings
    assert (again.max_tokens, again.dimension, again.licence) == (256, 384, "apache-2.0")


def test_lower_casing_asked_for_by_the_model_is_done(tmp_path: Path) -> None:
    folder = tiny_model(tmp_path / "model", architecture="xlm-roberta")
    (folder / "sentence_bert_config.json").rename(folder / "sentence_xlm-roberta_config.json")
    edit(
        ModelFolder("tiny", folder),
        "sentence_xlm-roberta_config.json",
        lambda c: c.update(do_lower_case=True, max_seq_length=9),
    )
    model = ModelFolder("tiny", folder)
    assert model.max_tokens == reference(folder).max_seq_length == 9
    found = TorchEmbedder(model, "fp32", "cpu").embed(TEXTS, "document").vectors
    np.testing.assert_allclose(found, reference(folder).encode(TEXTS, normalize_embeddings=True), atol=1e-5)


def test_configured_prompts_take_the_place_of_the_models_own(tmp_path: Path) -> None:
    folder = tiny_model(tmp_path / "model", prompts=E5)
    own = ModelFolder("tiny", folder)
    none = ModelFolder("tiny", folder, query_prompt="", document_prompt="")
    other = ModelFolder("tiny", folder, query_prompt="find: ")
    assert [own.prompt("query"), own.prompt("document")] == ["query: ", "passage: "]
    assert [none.prompt("query"), none.prompt("document")] == ["", ""]
    assert [other.prompt("query"), other.prompt("document")] == ["find: ", "passage: "]
    assert len({own.fingerprint, none.fingerprint, other.fingerprint}) == 3
    assert ModelFolder("tiny", folder, query_prompt="query: ").fingerprint == own.fingerprint
    wanted = reference(folder).encode(TEXTS, prompt="find: ", normalize_embeddings=True)
    np.testing.assert_allclose(TorchEmbedder(other, "fp32", "cpu").embed(TEXTS, "query").vectors, wanted, atol=1e-5)


CARDS = {
    "---\nlicense: mit\n---\n# A model\n": "mit",
    "---\nlicense: [mit, apache-2.0]\n---\n": "mit, apache-2.0",
    "---\nlicense: other\nlicense_name: gemma\n---\n": "gemma",
    "---\nlanguage: en\n---\n": "unknown",
    "---\n: [\n---\n": "unknown",
    "# A model\nlicense: mit\n": "unknown",
    "": "unknown",
}


@pytest.mark.parametrize("card", CARDS)
def test_the_licence_is_that_of_the_model_card(card: str, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(card, "utf-8")
    assert ModelFolder("mine", tmp_path).licence == CARDS[card]


def test_without_a_model_card_the_licence_is_unknown(tmp_path: Path) -> None:
    assert ModelFolder("mine", tmp_path).licence == "unknown"


def test_pickled_weights_of_a_further_module_are_refused(tmp_path: Path) -> None:
    folder = tiny_model(tmp_path / "model", dense=8)
    (folder / "2_Dense" / "model.safetensors").rename(folder / "2_Dense" / "pytorch_model.bin")
    with pytest.raises(ModelError, match="2_Dense holds no safetensors weights; pickled weights are not loaded"):
        _ = ModelFolder("tiny", folder).fingerprint


@pytest.mark.parametrize(
    "kind", ["sentence_transformers.models.StaticEmbedding", "sentence_transformers.models.Router"]
)
def test_a_model_that_is_no_transformer_is_refused(kind: str, tmp_path: Path) -> None:
    folder = tiny_model(tmp_path / "model")
    edit(ModelFolder("tiny", folder), "modules.json", lambda c: c[0].update(type=kind))
    with pytest.raises(ModelError, match="does not begin with a Transformer module"):
        _ = ModelFolder("tiny", folder).fingerprint


def test_an_adapter_without_its_base_is_refused(tmp_path: Path) -> None:
    folder = tiny_model(tmp_path / "model")
    (folder / "adapter_config.json").write_text("{}", "utf-8")
    with pytest.raises(ModelError, match=r"is an adapter.*merge_and_unload"):
        _ = ModelFolder("tiny", folder).fingerprint


def test_a_dense_layer_works_on_bf16_weights(tmp_path: Path) -> None:
    model = ModelFolder("tiny", tiny_model(tmp_path / "model", dense=8))
    found = TorchEmbedder(model, "bf16", "cpu").embed(TEXTS, "document").vectors
    exact = TorchEmbedder(model, "fp32", "cpu").embed(TEXTS, "document").vectors
    assert (found * exact).sum(axis=1).min() > 0.99
