"""The result of one gate: what an asset must pass before what it wrote is published."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

NAMED_ROWS = 20


@dataclass(frozen=True)
class GateResult:
    """One gate's verdict with its numbers. `metadata` holds JSON values only; a failed gate names the offending rows.

    A gate that is not `blocking` is about something else than the rows that are published: they are, whatever it says.
    """

    name: str
    passed: bool
    metadata: dict[str, Any] = field(default_factory=dict)
    description: str = ""
    blocking: bool = True

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class GateFailedError(RuntimeError):
    """A gate that failed before anything could be written."""

    def __init__(self, gate: GateResult) -> None:
        super().__init__(f"{gate.name}: {gate.description}")
        self.gate = gate


def offenders_gate(name: str, offenders: Sequence[str], description: str, **numbers: Any) -> GateResult:
    """A gate that passes where `offenders` is empty, and else names the first of them."""
    named = {"offending": sorted(offenders)[:NAMED_ROWS]} if offenders else {}
    return GateResult(name, not offenders, {"failures": len(offenders), **numbers, **named}, description)
