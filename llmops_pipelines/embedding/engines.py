"""The engines by name, and one embedder a model and process."""

from functools import lru_cache
from typing import Literal

from llmops_pipelines.embedding.configured import EmbeddingModel
from llmops_pipelines.embedding.embedder import Embedder
from llmops_pipelines.embedding.hosted_embedder import shared_hosted_embedder
from llmops_pipelines.embedding.hosted_model import HostedModel
from llmops_pipelines.embedding.model_folder import ModelFolder
from llmops_pipelines.embedding.openvino_embedder import OpenVinoEmbedder
from llmops_pipelines.embedding.torch_embedder import Precision, TorchEmbedder

Engine = Literal["torch", "openvino"]


def embedder_of(model: EmbeddingModel, precision: Precision = "auto", engine: Engine = "torch") -> Embedder:
    """The embedder of any model; `precision` and `engine` are for those that run here."""
    if isinstance(model, HostedModel):
        return shared_hosted_embedder(model)
    return shared_embedder(model, precision, engine)


def shared_embedder(model: ModelFolder, precision: Precision = "auto", engine: Engine = "torch") -> TorchEmbedder:
    """One embedder a fingerprint and process: the assets of a run share what was loaded."""
    return _loaded_once(model, model.fingerprint, precision, engine)


@lru_cache(maxsize=4)
def _loaded_once(model: ModelFolder, fingerprint: str, precision: Precision, engine: Engine) -> TorchEmbedder:
    return OpenVinoEmbedder(model, precision) if engine == "openvino" else TorchEmbedder(model, precision)
