"""What each method finds of each drift: rows of a table, and the power of the rule."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any

from benchmarks.drift.drifts import Drift
from benchmarks.drift.practical import Loss
from benchmarks.drift.rivals import RIVALS
from benchmarks.drift.thresholds import Threshold
from benchmarks.drift.ticks import RULE, TESTS_ALONE, Tick

METHODS = (RULE, TESTS_ALONE, *RIVALS)
CLEAR = 1.5  # times the floor: what is to be detected
ENOUGH = 0.9  # of the ticks of a clear drift
STATED = "weight noise"  # the kind whose power is stated: it moves all texts, whatever they are about

Alarms = Callable[[Sequence[Tick]], list[bool]]


@dataclass(frozen=True)
class Drifted:
    """A drift with what it does to a search, and the ticks after it."""

    drift: Drift
    loss: Loss
    ticks: Sequence[Tick]
    floor: float

    @property
    def expected(self) -> str:
        return self.loss.expected(self.floor)

    @property
    def detected(self) -> float:
        """The share of the ticks with the verdict of the rule."""
        return fmean(alarms_of(RULE)(self.ticks))


def alarms_of(method: str) -> Alarms:
    return lambda ticks: [tick.findings[method].alarm for tick in ticks]


def rows(drifts: Sequence[Drifted], null: Sequence[Tick], methods: Mapping[str, Alarms]) -> list[dict[str, Any]]:
    """One a drift and method; `false_alarm_rate` is the method's share of the ticks of `null`."""
    false = {name: round(fmean(alarms(null)), 4) for name, alarms in methods.items()}
    return [
        {
            "drift": one.drift.kind,
            "size": one.drift.size,
            "practical_effect": round(one.loss.greatest, 4),
            "practical_queries": round(one.loss.queries, 4),
            "practical_documents": round(one.loss.documents, 4),
            "expected": one.expected,
            "method": name,
            "detected": round(fmean(alarms(one.ticks)), 3),
            **_delay(one.ticks, alarms(one.ticks)),
            "false_alarm_rate": false[name],
            "ticks": len(one.ticks),
            "chosen_on": one.drift.chosen,
            **(_found(one.ticks) if name == RULE else {}),
        }
        for one in drifts
        for name, alarms in methods.items()
    ]


def power(drifts: Sequence[Drifted]) -> dict[str, Any]:
    """The share of the ticks of clear drifts that the rule detects, of those that no threshold was chosen on and of all."""
    clear = [one for one in drifts if one.loss.greatest >= CLEAR * one.floor]
    return {
        "power": _mean([one for one in clear if not one.drift.chosen]),
        "power_of_all_clear_drifts": _mean(clear),
        "missed_drifts": {one.drift.name: round(one.detected, 3) for one in clear if one.detected < ENOUGH},
        "stated_drift": stated([one for one in drifts if one.drift.kind == STATED]),
        "stated_of_any_kind": stated(drifts),
    }


def stated(drifts: Sequence[Drifted]) -> dict[str, Any] | None:
    """The least drift of those not chosen whose practical effect reaches that from which on the chosen ones are detected.

    `from_effect` is the least of a chosen drift from which on every chosen one is detected at `ENOUGH` of its ticks;
    `power_from_effect` is that of all others from there on.
    """
    missed = [one.loss.greatest for one in drifts if one.drift.chosen and one.detected < ENOUGH]
    seen = [one.loss.greatest for one in drifts if one.drift.chosen and one.loss.greatest > max(missed, default=0.0)]
    above = [one for one in drifts if seen and not one.drift.chosen and one.loss.greatest >= min(seen)]
    if not above:
        return None
    least = min(above, key=lambda one: one.loss.greatest)
    return {
        "drift": least.drift.name,
        "practical_effect": round(least.loss.greatest, 4),
        "power": round(least.detected, 3),
        "from_effect": round(min(seen), 4),
        "power_from_effect": _mean(above),
    }


def harmless(drifts: Sequence[Drifted]) -> float | None:
    """The share of the ticks with the verdict of the rule, of drifts that were expected to be no change."""
    return _mean([one for one in drifts if one.expected == "unchanged"])


def tuned_methods(thresholds: Sequence[Threshold]) -> dict[str, Alarms]:
    return {f"{threshold.method}, tuned": threshold.alarms for threshold in thresholds}


def _delay(ticks: Sequence[Tick], alarms: Sequence[bool]) -> dict[str, Any]:
    """The mean number of the first tick that alarms, over the references that have one, and the share that has none."""
    first: dict[int, int] = {}
    for tick, alarm in zip(ticks, alarms, strict=True):
        if alarm:
            first.setdefault(tick.reference, tick.number)
    references = {tick.reference for tick in ticks}
    return {
        "delay": round(fmean(first.values()), 2) if first else None,
        "never": round(1 - len(first) / len(references), 3),
    }


def _found(ticks: Sequence[Tick]) -> dict[str, Any]:
    return {
        "p": float(f"{median(tick.p for tick in ticks):.2g}"),
        "effect": round(fmean(tick.effect for tick in ticks), 4),
    }


def _mean(drifts: Sequence[Drifted]) -> float | None:
    return round(fmean(one.detected for one in drifts), 4) if drifts else None
