"""The probe of a model, by what it is: a folder, an endpoint of embeddings, or one of chat."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from llmops_pipelines.drift.identity import Identity, local_identity, told_identity
from llmops_pipelines.drift.probes import EmbedderProbes, LLMProbes
from llmops_pipelines.drift.reply_probe import ReplyProbe
from llmops_pipelines.drift.vector_probe import VectorProbe
from llmops_pipelines.embedding.configured import ConfiguredModel, located
from llmops_pipelines.embedding.embedder import Embedder
from llmops_pipelines.embedding.engines import embedder_of, shared_embedder
from llmops_pipelines.embedding.hosted_embedder import HostedEmbedder
from llmops_pipelines.embedding.hosted_model import HostedModel
from llmops_pipelines.embedding.model_folder import ModelFolder, bundled_model
from llmops_pipelines.generation.chat_endpoint import ChatEndpoint
from llmops_pipelines.generation.hosted_llm import HostedLLM

if TYPE_CHECKING:
    import numpy as np

# A look that cannot be made says so within minutes; what embeds a corpus waits longer.
MAX_RETRIES, MAX_RETRY_SECONDS = 2, 30.0

Model = TypeVar("Model", HostedModel, HostedLLM)


def vector_probe(probes: EmbedderProbes, model: ConfiguredModel) -> VectorProbe:
    """Asks an embedding model, as it is when it is asked; a hosted one by a new client, which hears who answers."""

    def embedder() -> Embedder:
        found = located(model)
        return HostedEmbedder(_hurried(found)) if isinstance(found, HostedModel) else embedder_of(found)

    def identify(asked: Embedder) -> Identity:
        if isinstance(asked, HostedEmbedder):
            return told_identity(asked.told)
        found = located(model)
        assert isinstance(found, ModelFolder)
        return local_identity(found)

    price = model.usd_per_million_tokens if isinstance(model, HostedModel) else None
    return VectorProbe(probes, embedder, identify, price or 0.0)


def reply_probe(probes: LLMProbes, model: HostedLLM) -> ReplyProbe:
    """Asks a large language model; its free texts are compared by their vectors under the bundled model."""

    def embed(texts: Sequence[str]) -> "np.ndarray":
        return shared_embedder(bundled_model()).embed(texts, "document").vectors

    return ReplyProbe(probes, ChatEndpoint(_hurried(model)), embed)


def _hurried(model: Model) -> Model:
    return replace(
        model,
        max_retries=min(model.max_retries, MAX_RETRIES),
        max_retry_seconds=min(model.max_retry_seconds, MAX_RETRY_SECONDS),
    )
