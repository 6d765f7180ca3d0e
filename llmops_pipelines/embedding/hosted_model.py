"""A model behind an OpenAI-compatible endpoint and its identity. Nothing here opens a connection or reads a key."""

from dataclasses import dataclass
from functools import cached_property

from llmops_pipelines.embedding.embedder import Use
from llmops_pipelines.embedding.partial import EmbeddingError
from llmops_pipelines.storage.identity import value_hash


class HostedModelError(EmbeddingError):
    """A hosted model that cannot be called, or that answers with something else than its vectors.

    `gone` says that its endpoint has no such model.
    """

    gone = False


@dataclass(frozen=True)
class HostedModel:
    """The model `model` of the endpoint `base_url`. It has no tokenizer here, so that it cannot be the base model.

    `dimension` is what its vectors must have; it is sent along where `send_dimensions` says that the endpoint takes it.
    `api_key_env` names the environment variable that holds the key, None where the endpoint wants none.
    """

    name: str
    model: str
    base_url: str
    dimension: int
    max_tokens: int
    epoch: int = 1
    query_prompt: str | None = None
    document_prompt: str | None = None
    api_key_env: str | None = None
    send_dimensions: bool = False
    usd_per_million_tokens: float | None = None
    batch_texts: int = 256
    batch_tokens: int = 100_000  # as estimated, see batches.py
    concurrency: int = 4
    timeout_seconds: float = 60.0
    max_retries: int = 8
    max_retry_seconds: float = 600.0  # between the first failure of a batch and giving it up

    folder = None  # nothing of it is on this machine

    @cached_property
    def fingerprint(self) -> str:
        """sha256 over model id, dimension, window, prompts and epoch (64 hex digits).

        Nobody can hash the weights: that they are others is for a person to say, by raising `epoch`. The endpoint is
        left out, because the same model is moved to a gateway, a region or another host without changing its vectors;
        where a new endpoint has another model under the same id, raise `epoch`. Key, price and limits change no vector,
        and neither does `send_dimensions`, as the dimension that it leads to is declared.
        """
        return value_hash(
            {
                "hosted": self.model,
                "dimension": self.dimension,
                "max_tokens": self.max_tokens,
                "prompts": [self.prompt("document"), self.prompt("query")],
                "epoch": self.epoch,
            }
        )

    @property
    def key(self) -> str:
        """The partition key: the name and the first eight digits of the fingerprint."""
        return f"{self.name}-{self.fingerprint[:8]}"

    @property
    def where(self) -> str:
        return self.base_url

    @property
    def licence(self) -> str:
        return "terms of its provider"

    def prompt(self, use: Use) -> str:
        """What is put before a text."""
        return (self.query_prompt if use == "query" else self.document_prompt) or ""

    def usd(self, tokens: int) -> float:
        """The price of `tokens`, 0 where none is configured."""
        return tokens * (self.usd_per_million_tokens or 0.0) / 1e6
