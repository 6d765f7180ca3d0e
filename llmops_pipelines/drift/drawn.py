"""What a round of calls to an upstream model gave, and how it is asked and compared: one protocol for all its kinds."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from llmops_pipelines.drift.identity import Identity
from llmops_pipelines.drift.probes import Probes, Tier
from llmops_pipelines.drift.verdict import Look

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Spent:
    """What calls cost. `calls` were wanted, `failed` of them had no answer; US dollars are 0 where there is no price."""

    calls: int
    failed: int
    tokens: int
    usd: float
    seconds: float

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(*(one + two for one, two in zip(vars(self).values(), vars(other).values(), strict=True)))


@dataclass(frozen=True)
class Cost:
    """What calls would cost: `tokens` are estimated, and at most so many where answers may be shorter."""

    calls: int
    tokens: int
    usd: float


@dataclass(frozen=True)
class Drawn:
    """The answers of a model: `answers` are of the kind of the probe that asked. `problem` says why calls failed.

    `gone` says that the endpoint has no such model any more.
    """

    answers: Any
    identity: Identity
    spent: Spent
    problem: str = ""
    gone: bool = False


@dataclass(frozen=True)
class Compared:
    """A look with examples of what changed, for people."""

    look: Look
    examples: list[dict[str, str]] = field(default_factory=list)


class Probe(Protocol):
    """Asks one model its probes."""

    @property
    def probes(self) -> Probes: ...

    def draw(self, tiers: tuple[Tier, ...], reference: bool, progress: Progress) -> Drawn:
        """The answers of one look, or those that a reference needs. Raises ModelError where the model cannot be used."""
        ...

    def cost(self, tiers: tuple[Tier, ...], reference: bool) -> Cost:
        """What one look, or a reference, would cost."""
        ...

    def power(self, reference: Any, drop: float) -> float:
        """How likely a tick notices that a share `drop` of its quality is lost: of right answers, or of what is found."""
        ...

    def compared(self, reference: Any, drawn: Drawn) -> Compared:
        """A look against the answers of a reference."""
        ...

    def lacking(self, answers: Any) -> str:
        """Why answers are not enough for a reference, in words; empty where they are."""
        ...

    def packed(self, answers: Any) -> bytes:
        """Answers as a reference stores them."""
        ...

    def unpacked(self, content: bytes) -> Any:
        """What `packed` packed."""
        ...
