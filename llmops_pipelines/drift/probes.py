"""What an upstream model is asked again and again: fixed texts, prompts and graded items. `probe_files` reads them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, Literal

from llmops_pipelines.storage.identity import value_hash

Tier = Literal["vectors", "tokens", "graded", "texts"]
TIERS: dict[str, tuple[Tier, ...]] = {"embedder": ("vectors",), "llm": ("tokens", "graded", "texts")}
FAMILIES: dict[Tier, tuple[str, ...]] = {
    "vectors": ("queries", "documents"),
    "tokens": ("tokens",),
    "graded": ("content", "format"),
    "texts": ("text", "length", "refusal"),
}
FEWEST_CALLS = 5  # repeats of a reference


class ProbeError(ValueError):
    """A probe file that cannot be used. The message names the file, the place, and what would be right."""


@dataclass(frozen=True)
class EmbedderProbes:
    """Texts and queries for an embedding model, each asked `calls` times a look and twice as often for a reference.

    `loss` is the share of the first ten results that may be others without it counting as a change, `jitter` the share that
    threads, batches and engines change by themselves: the greater of the two is the floor of an effect.
    """

    name: str
    version: int
    texts: Mapping[str, tuple[str, ...]]  # by kind
    queries: tuple[str, ...]
    calls: int
    loss: float
    jitter: float

    @property
    def documents(self) -> list[str]:
        """The texts of all kinds, in their order."""
        return [text for texts in self.texts.values() for text in texts]

    @property
    def floor(self) -> float:
        """The least loss of the first ten that counts as a change."""
        return max(self.loss, self.jitter)

    @cached_property
    def identity(self) -> str:
        """Differs where anything in the file differs, 64 hex digits."""
        return value_hash(asdict(self))

    def size(self, tiers: tuple[Tier, ...]) -> int:
        """The texts that one look embeds."""
        return self.calls * (len(self.documents) + len(self.queries))


@dataclass(frozen=True)
class Item:
    """A prompt whose answer is graded: `content` says how its content is found, `format` what its form must be.

    `format` is a regular expression that the whole answer must match, `json`, or None where no form is asked for.
    `others` are wrong phrases that the content must not hold.
    """

    id: str
    category: str
    prompt: str
    content: str
    answer: Any
    format: str | None = None
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class LLMProbes:
    """Prompts for a large language model, in three tiers; a reference asks each `calls` times as often as a look.

    `tokens` are answered with one word and asked `repeats` times a look, `items` are graded, `texts` ask for free text.
    `floors` are the least effects that count as a change, by family.
    """

    name: str
    version: int
    calls: int
    floors: Mapping[str, float]
    tokens: tuple[str, ...]
    repeats: int
    items: tuple[Item, ...]
    texts: tuple[str, ...]
    max_tokens: Mapping[str, int] = field(default_factory=dict)  # of an answer, by tier

    @cached_property
    def identity(self) -> str:
        """Differs where anything in the file differs, 64 hex digits."""
        return value_hash(asdict(self))

    def size(self, tiers: tuple[Tier, ...]) -> int:
        """The requests that one look at `tiers` sends."""
        by_tier = {"tokens": len(self.tokens) * self.repeats, "graded": len(self.items), "texts": len(self.texts)}
        return sum(by_tier[tier] for tier in tiers)


Probes = EmbedderProbes | LLMProbes
