"""What is kept of an upstream model: its references and its observations, rows that are only ever added.

The order of rows is that of their numbers, which they claim by their keys: a clock that is set back changes nothing.
"""

import datetime
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from llmops_pipelines.drift.drawn import Drawn, Spent
from llmops_pipelines.drift.identity import Identity, identity_of
from llmops_pipelines.drift.verdict import DriftVerdict, Family
from llmops_pipelines.storage.append_only import AppendOnly
from llmops_pipelines.storage.lake import Lake
from llmops_pipelines.storage.upstream_schemas import OBSERVATIONS, REFERENCES, UPSTREAM

CHANGED = (DriftVerdict.IDENTITY_CHANGED, DriftVerdict.BEHAVIOUR_CHANGED)


@dataclass(frozen=True)
class Reference:
    """What a model answered when it was accepted. `answers` are packed by the probe that asked."""

    reference_id: str
    sequence: int
    at: datetime.datetime
    identity: Identity
    probes: str
    answers: bytes
    accepts: int | None
    requested_by: str
    reason: str
    calls: int
    tokens: int
    usd: float


@dataclass(frozen=True)
class Observation:
    """One look at a model, or the attempt of one: its verdict, and the change that it belongs to.

    `families` are the tests of the look that decided, `alarms` the names of those that changed. An episode is one change: it
    begins with the observation that `opens` it.
    """

    sequence: int
    at: datetime.datetime
    reference_id: str | None
    tiers: tuple[str, ...]
    verdict: DriftVerdict
    reason: str
    identity: Identity | None
    episode: int | None
    opens: bool
    gone: bool
    alarms: tuple[str, ...]
    families: tuple[Family, ...]
    examples: tuple[dict[str, str], ...]
    level: float
    spent: Spent
    requested_by: str

    @property
    def changed(self) -> bool:
        """Whether it says that the model is another one, or gone."""
        return self.verdict in CHANGED or self.gone


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
        return [_observation(row) for row in _ordered(self._observations.rows())]

    def accept(self, drawn: Drawn, packed: bytes, probes: str, accepts: int | None, by: str, reason: str) -> Reference:
        """Append a reference."""
        row = {
            "identity": drawn.identity.as_json(),
            "probes": probes,
            "answers": packed,
            "calls": drawn.spent.calls,
            "failed": drawn.spent.failed,
            "tokens": drawn.spent.tokens,
            "usd": drawn.spent.usd,
            "accepts": accepts,
            "requested_by": by,
            "reason": reason,
        }
        return _reference(_appended(self._references, "reference_id", "a{:04}", row))

    def observe(self, found: dict[str, Any]) -> Observation:
        """Append an observation; `found` are its fields but `sequence` and `at`."""
        identity, spent = found["identity"], found["spent"]
        row = {
            **{
                name: found[name]
                for name in ("reference_id", "reason", "episode", "opens", "gone", "level", "requested_by")
            },
            **asdict(spent),
            "tiers": ",".join(found["tiers"]),
            "verdict": str(found["verdict"]),
            "identity": identity.as_json() if identity else None,
            "alarms": json.dumps(list(found["alarms"])),
            "families": json.dumps([asdict(family) for family in found["families"]]),
            "examples": json.dumps(list(found["examples"]), ensure_ascii=False),
        }
        return _observation(_appended(self._observations, "observation_id", "o{:06}", row))


def _appended(table: AppendOnly, key: str, name: str, row: dict[str, Any]) -> dict[str, Any]:
    """`row` with the next number, its name as key, and the time. Several processes may append at once."""
    while True:
        sequence = 1 + max((one["sequence"] for one in table.rows(["sequence"])), default=0)
        numbered = {**row, key: name.format(sequence), "sequence": sequence, "at": datetime.datetime.now(datetime.UTC)}
        if table.insert(numbered):
            return numbered


def _ordered(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: row["sequence"])


def _reference(row: dict[str, Any]) -> Reference:
    same = (
        "reference_id",
        "sequence",
        "at",
        "probes",
        "answers",
        "accepts",
        "requested_by",
        "reason",
        "calls",
        "tokens",
        "usd",
    )
    return Reference(**{name: row[name] for name in same}, identity=identity_of(row["identity"]))


def _observation(row: dict[str, Any]) -> Observation:
    same = ("sequence", "at", "reference_id", "reason", "episode", "opens", "gone", "level", "requested_by")
    return Observation(
        **{name: row[name] for name in same},
        tiers=tuple(row["tiers"].split(",")),
        verdict=DriftVerdict(row["verdict"]),
        identity=identity_of(row["identity"]) if row["identity"] else None,
        alarms=tuple(json.loads(row["alarms"])),
        families=tuple(Family(**family) for family in json.loads(row["families"])),
        examples=tuple(json.loads(row["examples"])),
        spent=Spent(*(row[name] for name in Spent.__dataclass_fields__)),
    )
