"""What is kept of an upstream model: its references and its observations, rows that are only ever added.

The order of rows is that of their numbers, which they claim by their keys: a clock that is set back changes nothing.
"""

import datetime
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from llmops_pipelines.drift.drawn import Drawn, Spent
from llmops_pipelines.drift.identity import Identity, identity_of
from llmops_pipelines.drift.verdict import DriftVerdict, Family
from llmops_pipelines.storage.append_only import AppendOnly
from llmops_pipelines.storage.lake import Lake
from llmops_pipelines.storage.upstream_schemas import OBSERVATIONS, REFERENCES, UPSTREAM

if TYPE_CHECKING:
    from llmops_pipelines.drift.seen import Seen

ANSWERS = "answers"


@dataclass(frozen=True)
class Reference:
    """What a model answered when it was accepted. `answers` are packed by the probe that asked.

    `fingerprint` is that of the embedder then. `accepts` is the number of what it does from then on, None where it does what
    it did before. `corpus` is the one whose evaluation accepted it, None where a person did.
    """

    reference_id: str
    sequence: int
    at: datetime.datetime
    identity: Identity
    probes: str
    answers: bytes
    fingerprint: str | None
    accepts: int | None
    corpus: str | None
    requested_by: str
    reason: str
    calls: int
    tokens: int
    usd: float


@dataclass(frozen=True)
class Observation:
    """One look at a model, or the attempt of one: its verdict, and the change that it belongs to.

    `families` are the tests of the look that decided, `alarms` the names of those that changed. An episode is one change: it
    begins with the observation that `opens` it. `quiet` are families of the change that was open which both looks could have
    seen, and did not; `renamed` is false where both say to be who was accepted. The look began when `began_after` was the
    newest observation. `fingerprint` is the embedder's.
    """

    sequence: int
    at: datetime.datetime
    reference_id: str | None
    tiers: tuple[str, ...]
    began_after: int
    verdict: DriftVerdict
    reason: str
    identity: Identity | None
    episode: int | None
    opens: bool
    quiet: tuple[str, ...]
    renamed: bool
    gone: bool
    alarms: tuple[str, ...]
    families: tuple[Family, ...]
    examples: tuple[dict[str, str], ...]
    fingerprint: str | None
    spent: Spent
    requested_by: str

    @property
    def changed(self) -> bool:
        """Whether it says that the model is another one, or gone."""
        return self.verdict.changed or self.gone


@dataclass(frozen=True)
class Accepted:
    """What is kept of an acceptance besides what was drawn; `packed` are its answers. The fields are those of Reference."""

    packed: bytes
    probes: str
    fingerprint: str | None
    accepts: int | None
    corpus: str | None
    requested_by: str
    reason: str


@dataclass(frozen=True)
class Observed:
    """What is kept of a look besides what was seen. The fields are those of Observation."""

    reference_id: str | None
    tiers: tuple[str, ...]
    began_after: int
    fingerprint: str | None
    episode: int | None
    opens: bool
    requested_by: str


class History:
    """The rows of the upstream model `name` in `lake`."""

    def __init__(self, lake: Lake, name: str) -> None:
        self.name = name
        self._references = AppendOnly(lake, f"{UPSTREAM}.{name}.references", REFERENCES)
        self._observations = AppendOnly(lake, f"{UPSTREAM}.{name}.observations", OBSERVATIONS)

    def references(self) -> list[Reference]:
        """All references, oldest first; the last is what is compared with."""
        return [_reference(row) for row in _ordered(self._references.rows())]

    def observations(self) -> list[Observation]:
        """All observations, oldest first."""
        columns = [name for name in OBSERVATIONS.names if name != ANSWERS]
        return [_observation(row) for row in _ordered(self._observations.rows(columns))]

    def answers_of(self, episode: int) -> bytes | None:
        """What was answered, packed, at the first look at a change that was measured; None where none was."""
        rows = _ordered(self._observations.rows(["sequence", "episode", ANSWERS]))
        return next((row[ANSWERS] for row in rows if row["episode"] == episode and row[ANSWERS]), None)

    def accept(self, drawn: Drawn, accepted: Accepted) -> Reference:
        """Append a reference."""
        about = asdict(accepted)
        row = {
            **{name: value for name, value in about.items() if name != "packed"},
            "answers": accepted.packed,
            "identity": drawn.identity.as_json(),
            **{name: getattr(drawn.spent, name) for name in ("calls", "failed", "tokens", "usd")},
        }
        return _reference(_appended(self._references, "reference_id", "a{:04}", lambda: row))

    def observe(self, seen: "Seen", belongs: Callable[[Sequence[Observation]], Observed]) -> Observation:
        """Append an observation. What it `belongs` to is asked anew for each number that is tried, of all before it."""
        content = {
            "verdict": str(seen.verdict),
            "reason": seen.reason,
            "identity": seen.identity.as_json() if seen.identity else None,
            "gone": seen.gone,
            "quiet": json.dumps(list(seen.quiet)),
            "renamed": seen.renamed,
            "alarms": json.dumps(list(seen.alarms)),
            "families": json.dumps([asdict(family) for family in seen.families]),
            "examples": json.dumps(list(seen.examples) if seen.changed else [], ensure_ascii=False),
            **asdict(seen.spent),
        }

        def row() -> dict[str, Any]:
            observed = asdict(belongs(self.observations()))
            kept = observed["episode"] is None or (not observed["opens"] and self.answers_of(observed["episode"]))
            answers = None if kept else seen.answers
            return {**content, **observed, "tiers": ",".join(observed["tiers"]), ANSWERS: answers}

        return _observation(_appended(self._observations, "observation_id", "o{:06}", row))


def _appended(table: AppendOnly, key: str, name: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What `make` gives with the next number, its name as key, and the time. Several processes may append at once.

    The number is taken before `make` looks: where somebody was faster, it is taken and made again.
    """
    while True:
        sequence = 1 + max((one["sequence"] for one in table.rows(["sequence"])), default=0)
        at = datetime.datetime.now(datetime.UTC)
        row = {**make(), key: name.format(sequence), "sequence": sequence, "at": at}
        if table.insert(row):
            return row


def _ordered(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: row["sequence"])


def _reference(row: dict[str, Any]) -> Reference:
    same = [name for name in Reference.__dataclass_fields__ if name != "identity"]
    return Reference(**{name: row[name] for name in same}, identity=identity_of(row["identity"]))


def _observation(row: dict[str, Any]) -> Observation:
    same = (
        *("sequence", "at", "reference_id", "began_after", "reason", "episode", "opens", "renamed", "gone"),
        *("fingerprint", "requested_by"),
    )
    return Observation(
        **{name: row[name] for name in same},
        tiers=tuple(row["tiers"].split(",")),
        verdict=DriftVerdict(row["verdict"]),
        identity=identity_of(row["identity"]) if row["identity"] else None,
        alarms=tuple(json.loads(row["alarms"])),
        quiet=tuple(json.loads(row["quiet"])),
        families=tuple(Family(**family) for family in json.loads(row["families"])),
        examples=tuple(json.loads(row["examples"])),
        spent=Spent(*(row[name] for name in Spent.__dataclass_fields__)),
    )
