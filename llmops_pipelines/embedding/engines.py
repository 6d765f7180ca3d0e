"""The local engines by name, and one embedder a model and process."""

from functools import lru_cache
from typing import Literal

from llmops_pipelines.embedding.model_folder import ModelFolder
from llmops_pipelines.embedding.openvino_embedder import OpenVinoEmbedder
from llmops_pipelines.embedding.torch_embedder import Precision, TorchEmbedder

Engine = Literal["torch", "openvino"]


def shared_embedder(model: ModelFolder, precision: Precision = "auto", engine: Engine = "torch") -> TorchEmbedder:
    """One embedder a fingerprint and process: the assets of a run share what was loaded."""
    return _loaded_once(model, model.fingerprint, precision, engine)


@lru_cache(maxsize=4)
def _loaded_once(model: ModelFolder, fingerprint: str, precision: Precision, engine: Engine) -> TorchEmbedder:
    return OpenVinoEmbedder(model, precision) if engine == "openvino" else TorchEmbedder(model, precision)
