"""The local engine gives the vectors that sentence-transformers gives, in the order of the texts, and counts them."""

from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer

from llmops_pipelines.embedding.model_folder import ModelFolder
from llmops_pipelines.embedding.torch_embedder import TorchEmbedder
from tests.embedding.model_copies import copy_of, edit

LONG = "The moon pulls the sea and the sea follows. " * 200
TEXTS = [
    "A forager tells the others where flowers are by a waggle dance on the comb.",
    LONG,
    "",
    "bread",
    "   \n\t ",
    "Žluťoučký kůň úpěl ďábelské ódy 🐎",
    "Bread rises because yeast turns sugar into carbon dioxide. " * 12,
    LONG + "And this end is beyond the window.",
    "bread",
]


def encode(folder: Path, texts: list[str], prompt: str = "") -> np.ndarray:
    reference = SentenceTransformer(
        str(folder), device="cpu", local_files_only=True, model_kwargs={"dtype": torch.float32}
    )
    return reference.encode([prompt + text for text in texts], normalize_embeddings=True)


def cosines(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


@pytest.fixture(scope="module")
def exact(model: ModelFolder) -> TorchEmbedder:
    return TorchEmbedder(model, precision="fp32", device="cpu")


def test_fp32_gives_the_vectors_of_sentence_transformers(exact: TorchEmbedder) -> None:
    found = exact.embed(TEXTS, "document").vectors
    assert found.dtype == np.float32
    assert cosines(found, encode(exact.model.folder, TEXTS)).min() > 1 - 1e-3
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1.0, atol=1e-5)


def test_what_is_beyond_the_window_does_not_count(exact: TorchEmbedder) -> None:
    found = exact.embed(TEXTS, "document")
    assert [i for i, cut in enumerate(found.truncated) if cut] == [1, 7]
    np.testing.assert_allclose(found.vectors[1], found.vectors[7], atol=1e-6)
    # The text without its special tokens is tokenised by the reference's tokenizer.
    tokenizer = SentenceTransformer(str(exact.model.folder), device="cpu", local_files_only=True).tokenizer
    assert found.tokens == [len(tokenizer(text, truncation=False)["input_ids"]) for text in TEXTS]


def test_results_come_in_the_order_of_the_texts(exact: TorchEmbedder) -> None:
    texts = [f"{'word ' * (i * 7 % 50)}number {i}" for i in range(80)]
    together = exact.embed(texts, "document").vectors
    for i in range(0, 80, 11):
        alone = exact.embed([texts[i]], "document").vectors
        assert cosines(alone, together[i : i + 1])[0] > 1 - 1e-5


def test_bf16_is_near_fp32(model: ModelFolder, exact: TorchEmbedder) -> None:
    half = TorchEmbedder(model, precision="bf16", device="cpu")
    found = half.embed(TEXTS, "document").vectors
    deviation = cosines(found, exact.embed(TEXTS, "document").vectors)
    assert deviation.min() > 0.999
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1.0, atol=1e-5)
    assert (half.numerics, exact.numerics) == ("torch/cpu/bf16", "torch/cpu/fp32")
    assert half.fingerprint == exact.fingerprint


def test_the_embedder_counts_what_goes_through_the_model(model: ModelFolder) -> None:
    counted = TorchEmbedder(model, precision="fp32", device="cpu")
    assert counted.embed([], "document").vectors.shape == (0, 384)
    done: list[int] = []
    documents = counted.embed(TEXTS, "document", done.append)
    counted.embed(["bread", "tides"], "query")
    assert (counted.count.documents, counted.count.queries) == (9, 2)
    # [CLS] bread [SEP], and the same for tides; what is cut is not counted.
    assert counted.count.tokens == sum(min(tokens, 256) for tokens in documents.tokens) + 3 + 3
    assert done[-1] == 9
    assert done == sorted(set(done))


def test_the_prompt_of_a_use_is_put_before_its_texts(model: ModelFolder, tmp_path: Path) -> None:
    prompts = {"query": "question: ", "document": ""}
    copied = copy_of(model, tmp_path / "model")
    edit(copied, "config_sentence_transformers.json", lambda c: c.update(prompts=prompts))
    embedder = TorchEmbedder(copied, precision="fp32", device="cpu")
    queries = embedder.embed(["why do tides rise"], "query")
    documents = embedder.embed(["why do tides rise"], "document")
    assert cosines(queries.vectors, encode(model.folder, ["why do tides rise"], "question: "))[0] > 1 - 1e-5
    assert cosines(documents.vectors, encode(model.folder, ["why do tides rise"]))[0] > 1 - 1e-5
    assert queries.tokens[0] == documents.tokens[0] + 2
    assert cosines(queries.vectors, documents.vectors)[0] < 0.99
