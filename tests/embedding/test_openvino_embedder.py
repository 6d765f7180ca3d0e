"""The engine that OpenVINO compiles gives the vectors that torch gives."""

import subprocess
import sys

import numpy as np
import pytest

from llmops_pipelines.embedding.model_folder import ModelError, ModelFolder
from llmops_pipelines.embedding.openvino_embedder import OpenVinoEmbedder
from llmops_pipelines.embedding.torch_embedder import TorchEmbedder
from llmops_pipelines.orchestration.corpus import Corpus
from llmops_pipelines.storage import Lake

TEXTS = ["", "bees", "A forager tells the others where flowers are.", "naïve café 東京", "yeast " * 300]


@pytest.mark.parametrize(("precision", "deviation"), [("fp32", 1e-5), ("bf16", 1e-3)])
def test_vectors_are_those_of_torch(model: ModelFolder, precision: str, deviation: float) -> None:
    expected = TorchEmbedder(model, "fp32").embed(TEXTS, "document")
    embedder = OpenVinoEmbedder(model, precision)
    found = embedder.embed(TEXTS, "document")
    assert (found.vectors * expected.vectors).sum(axis=1) == pytest.approx(np.ones(len(TEXTS)), abs=deviation)
    assert np.linalg.norm(found.vectors, axis=1) == pytest.approx(np.ones(len(TEXTS)), abs=1e-5)
    assert (found.tokens, found.truncated) == (expected.tokens, expected.truncated)
    assert embedder.fingerprint == model.fingerprint
    assert embedder.numerics == f"openvino/cpu/{precision}"
    assert embedder.count.documents == len(TEXTS)


def test_it_is_chosen_in_yaml(corpus: Corpus, lake: Lake) -> None:
    section = corpus.settings.embeddings.model_copy(update={"engine": "openvino"})
    chosen = Corpus(corpus.settings.model_copy(update={"embeddings": section}), corpus.folder)
    embedder = chosen.embedder(corpus.base_model.key, lake)
    assert isinstance(embedder, OpenVinoEmbedder)
    assert embedder is not corpus.embedder(corpus.base_model.key, lake)


def test_without_openvino_the_error_says_what_to_install(model: ModelFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(ModelError, match=r"llmops-pipelines\[openvino\]"):
        OpenVinoEmbedder(model).embed(["bees"], "query")


def test_nothing_is_reported_to_its_makers() -> None:
    program = (
        "import sys; from llmops_pipelines.embedding.openvino_embedder import _openvino; _openvino(); "
        "print(sys.modules['openvino_telemetry'], 'openvino.tools.ovc.telemetry_stub' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["None", "True"]
