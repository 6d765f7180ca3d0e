"""What embedding would cost before it is done, by cause, and the budget that stops it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from llmops_pipelines.embedding.rate import Rate
from llmops_pipelines.storage.schemas import CAUSES
from llmops_pipelines.storage.snapshot import Snapshot


@dataclass(frozen=True)
class Work:
    """Texts to embed and their tokens; seconds and US dollars are None where no rate or price is known."""

    texts: int
    tokens: int
    seconds: float | None
    usd: float | None


@dataclass(frozen=True)
class Plan:
    """What one model would embed. `distinct` = `reused` + texts of `total`; `deleted` texts are wanted no longer.

    `by_cause` has the causes that occur. `rate` says how `seconds` was estimated.
    """

    model: str
    distinct: int
    reused: int
    deleted: int
    by_cause: dict[str, Work]
    total: Work
    rate: Rate | None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Budget:
    """The most that one run may embed; None is no bound."""

    tokens: int | None = None
    minutes: float | None = None
    usd: float | None = None

    def exceeded(self, plan: Plan) -> list[str]:
        """What of the budget `plan` exceeds, in words. What cannot be estimated exceeds nothing."""
        work = plan.total
        found = []
        if self.tokens is not None and work.tokens > self.tokens:
            found.append(f"{work.tokens:,} tokens, {self.tokens:,} are allowed")
        if self.minutes is not None and work.seconds is not None and work.seconds > 60 * self.minutes:
            found.append(f"{work.seconds / 60:.1f} minutes, {self.minutes:g} are allowed")
        if self.usd is not None and work.usd is not None and work.usd > self.usd:
            found.append(f"{work.usd:.4f} US dollars, {self.usd:g} are allowed")
        return found


def plan_embeddings(
    model: str,
    max_tokens: int,
    usd_per_million_tokens: float | None,
    chunks: Snapshot,
    cause_of: Mapping[str, str],
    deleted: int,
    rate: Rate | None,
) -> Plan:
    """The plan of embedding the texts of `chunks` that have a cause, under a model that reads `max_tokens` of a text.

    Tokens are those of the chunker's tokenizer: another model counts a little differently.
    """
    tokens = {row["content_hash"]: min(row["tokens"], max_tokens) for row in chunks.rows(["content_hash", "tokens"])}
    wanted: dict[str, list[int]] = {}
    for content_hash, cause in cause_of.items():
        wanted.setdefault(cause, []).append(tokens[content_hash])

    def work(lengths: Sequence[int]) -> Work:
        seconds = sum(lengths) / rate.tokens_per_second if rate else None
        usd = sum(lengths) * usd_per_million_tokens / 1e6 if usd_per_million_tokens is not None else None
        return Work(len(lengths), sum(lengths), seconds, usd)

    return Plan(
        model=model,
        distinct=len(tokens),
        reused=len(tokens) - len(cause_of),
        deleted=deleted,
        by_cause={cause: work(wanted[cause]) for cause in CAUSES if cause in wanted},
        total=work([length for lengths in wanted.values() for length in lengths]),
        rate=rate,
    )
