"""The engine of a hosted model: its endpoint asked for batches by several threads. One request is in hosted_endpoint.py."""

import random
import threading
import time
from collections.abc import Callable, Sequence
from functools import lru_cache

from llmops_pipelines.embedding.batches import batches, estimated_tokens
from llmops_pipelines.embedding.embedder import Embedded, EmbedderCount, Use
from llmops_pipelines.embedding.hosted_answer import Answer
from llmops_pipelines.embedding.hosted_call import HostedCall
from llmops_pipelines.embedding.hosted_endpoint import Endpoint
from llmops_pipelines.embedding.hosted_model import HostedModel
from llmops_pipelines.embedding.hosted_retries import Patience


class HostedEmbedder:
    """A hosted model that is ready to be called; the first call reads the key and connects.

    `Embedded.tokens` are the endpoint's: exact for a text that is sent by itself, else its request's tokens in proportion
    to the texts' bytes. A text that may be over the window is sent by itself, and is truncated where the endpoint counts
    as many tokens as the window has; most endpoints refuse such a text instead.
    """

    def __init__(
        self,
        model: HostedModel,
        sleep: Callable[[float], object] | None = None,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.model = model
        self.count = EmbedderCount()
        self.answered_by: str | None = None  # the model that the last answer named
        self.told: dict[str, set[str]] = {}  # all that answers said of who gave them, by name: another one is drift
        self._sleep = sleep
        self._lock = threading.Lock()
        self._endpoint = Endpoint(model)
        self._patience = Patience(model.max_retry_seconds, clock, jitter)

    @property
    def fingerprint(self) -> str:
        return self.model.fingerprint

    @property
    def dimension(self) -> int:
        return self.model.dimension

    @property
    def max_tokens(self) -> int:
        return self.model.max_tokens

    @property
    def numerics(self) -> str:
        """The engine and the model that the endpoint says it answers with."""
        return f"openai/{self.answered_by or self.model.model}"

    def embed(self, texts: Sequence[str], use: Use, progress: Callable[[int], None] = lambda done: None) -> Embedded:
        """The vectors of `texts`, the model's prompt for `use` put before each.

        Raises HostedModelError where the endpoint cannot be used, TextsRefusedError where single texts cannot be
        embedded; both carry the vectors that were made.
        """
        _ = self._endpoint.hosted.client
        prompt = self.model.prompt(use)
        tokens = [estimated_tokens(prompt + text) for text in texts]
        planned = list(batches(tokens, self.model.batch_texts, self.model.batch_tokens, self.max_tokens))
        call = HostedCall(self._endpoint, self._patience, texts, prompt, tokens, self._paid, self._sent, self._sleep)
        try:
            call.run(planned, progress)
        finally:
            with self._lock:
                if use == "query":
                    self.count.queries += call.made
                else:
                    self.count.documents += call.made
        return call.embedded()

    def _sent(self) -> None:
        with self._lock:
            self.count.requests += 1

    def _paid(self, answer: Answer, estimated: int) -> int:
        """Counts the tokens of an answer, usable or not: the provider does so too. Estimated where it says nothing."""
        tokens = estimated if answer.tokens is None else answer.tokens
        with self._lock:
            self.count.tokens += tokens
            self.count.usd += self.model.usd(tokens)
            self.answered_by = answer.answered_by or self.answered_by
            for name, value in (*answer.versions, *((("model", answer.answered_by),) if answer.answered_by else ())):
                self.told.setdefault(name, set()).add(value)
        return tokens


@lru_cache(maxsize=16)
def shared_hosted_embedder(model: HostedModel) -> HostedEmbedder:
    """One embedder a model and process, so that all who ask it share its connections and keep to its rate limits."""
    return HostedEmbedder(model)
