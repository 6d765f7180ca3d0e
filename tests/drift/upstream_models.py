"""Small probes, and endpoints on 127.0.0.1 whose models change at a known moment."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from pytest_httpserver import HTTPServer
from werkzeug import Response

from llmops_pipelines.drift.asking import reply_probe, vector_probe
from llmops_pipelines.drift.history import Observation
from llmops_pipelines.drift.probes import EmbedderProbes, Item, LLMProbes, Tier
from llmops_pipelines.drift.upstream import Upstream
from llmops_pipelines.embedding.hosted_model import HostedModel
from llmops_pipelines.generation.hosted_llm import HostedLLM
from llmops_pipelines.storage.lake import Lake
from tests.embedding.fake_endpoint import DIMENSION, FakeEndpoint, embeddings, payload, vector
from tests.generation.fake_chat import FakeChat

VECTORS: tuple[Tier, ...] = ("vectors",)
FAST: tuple[Tier, ...] = ("tokens",)
GRADED: tuple[Tier, ...] = ("graded",)
TEXTS: tuple[Tier, ...] = ("texts",)
ALL: tuple[Tier, ...] = ("tokens", "graded", "texts")
EMBEDDER_PROBES = EmbedderProbes(
    "small",
    1,
    {"short": tuple(f"text number {i}" for i in range(24)), "empty": (" ",)},
    tuple(f"query number {i}" for i in range(12)),
    calls=5,
    loss=0.02,
    jitter=0.01,
)
FLOORS = {"tokens": 0.1, "content": 0.05, "format": 0.05, "text": 0.02, "length": 0.15, "refusal": 0.1}
LLM_PROBES = LLMProbes(
    "small",
    1,
    calls=5,
    floors=FLOORS,
    tokens=tuple(f"Name a colour, {i}." for i in range(6)),
    repeats=10,
    items=tuple(
        Item(f"sum-{i:03}", "arithmetic", f"What is {i} + 7?", "integer", str(i + 7), r"\d+") for i in range(60)
    ),
    texts=tuple(f"Tell me about the number {i}." for i in range(12)),
    max_tokens={"tokens": 4, "graded": 40, "texts": 100},
)

VectorOf = Callable[[str], np.ndarray]


class ChangingEmbedder:
    """An endpoint of embeddings: `model` gives the vector of a text, `name` is what it says to be."""

    def __init__(self, server: HTTPServer) -> None:
        self.endpoint = FakeEndpoint(server)
        self.model: VectorOf = vector
        self.name = "embed-1"
        self.down: Response | None = None
        self.endpoint.answer_always = self._answer

    def _answer(self, texts: list[str]) -> Response:
        if self.down:
            return self.down
        data = [{"index": i, "embedding": self.model(text).tolist()} for i, text in enumerate(texts)]
        return embeddings(payload(texts, data=data, model=self.name or None))

    def hosted(self, **changes: object) -> HostedModel:
        model = HostedModel("hosted", "embed", self.endpoint.url, DIMENSION, max_tokens=512, max_retries=0)
        return replace(model, **changes)

    def upstream(self, lake: Lake, probes: EmbedderProbes = EMBEDDER_PROBES) -> Upstream:
        return Upstream("embed", lake, vector_probe(probes, self.hosted()))


def moved(amount: float, seed: str = "moved", of: VectorOf = vector) -> VectorOf:
    """Another model, `amount` away from `of`: 0 is the same, 1 about as far as the text's own vector is long."""
    return lambda text: of(text) + amount * vector(seed + text)


def answers_of(prompt: str) -> str:
    """A model that is right: sums, one colour by prompt, and a sentence."""
    if prompt.startswith("What is"):
        return str(sum(int(word) for word in prompt.removesuffix("?").split() if word.isdigit()))
    if prompt.startswith("Name"):
        return "red"
    return f"It is a number like any other, and it is {prompt.rsplit(maxsplit=1)[-1]}"


def llm_upstream(chat: FakeChat, lake: Lake, probes: LLMProbes = LLM_PROBES) -> Upstream:
    model = HostedLLM("llm", "chat", chat.url, max_retries=0, concurrency=8)
    return Upstream("llm", lake, reply_probe(probes, model))


def failing(status: int) -> Response:
    return Response(
        json.dumps({"error": {"message": "no", "type": "server_error"}}), status, mimetype="application/json"
    )


def look(upstream: Upstream, tiers: tuple[Tier, ...] = VECTORS) -> Observation:
    return upstream.observe(tiers, "a test")


def accept(upstream: Upstream, tiers: tuple[Tier, ...] = VECTORS) -> None:
    upstream.accept(tiers, "a test", "it is good")


def changed(embedder: ChangingEmbedder, lake: Lake) -> Upstream:
    """An embedder that was accepted, is another one since, and was looked at once: its change 1 is open."""
    upstream = embedder.upstream(lake)
    accept(upstream)
    embedder.model = moved(0.5)
    assert look(upstream).opens
    return upstream


def wrong(prompt: str) -> str:
    number = answers_of(prompt)
    return str(int(number) + 1) if number.isdigit() and int(number) % 5 == 0 else number


def fenced(prompt: str) -> str:
    return f"```\n{answers_of(prompt)}\n```" if prompt.startswith("What") else answers_of(prompt)


def refusing(prompt: str) -> str:
    return "I'm sorry, but I cannot help with that." if prompt.startswith("Tell") else answers_of(prompt)


def dies_after(embedder: ChangingEmbedder, texts: int) -> None:
    """The endpoint answers so many texts and no more."""
    answered, left = embedder.endpoint.answer_always, [texts]

    def answer(asked: list[str]) -> Any:
        left[0] -= len(asked)
        return answered(asked) if left[0] >= 0 else failing(500)

    embedder.endpoint.answer_always = answer
