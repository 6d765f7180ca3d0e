"""From what was observed of an upstream model to one of four verdicts. `unmeasured` never means unchanged.

A changed identity is proof by itself. A changed behaviour needs all of three: a test that is significant after Holm's
correction over the families, an effect above the family's floor, and the same again by fresh calls. Two looks share one
reference, so that they are not independent: how often both alarm with no change is simulated, not multiplied.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from llmops_pipelines.evaluation.holm import holm

LEVEL = 0.01
MOST_FAILED = 0.05  # of the calls of a look: with more of them without an answer nothing is said
UNPARSED_LEVEL = 0.01
ROUNDING = 1e-9


class DriftVerdict(StrEnum):
    """The first three that fit, in this order, else `unchanged`."""

    IDENTITY_CHANGED = "identity_changed"
    UNMEASURED = "unmeasured"
    BEHAVIOUR_CHANGED = "behaviour_changed"
    UNCHANGED = "unchanged"

    @property
    def changed(self) -> bool:
        """Whether it says that the model is another one."""
        return self in (DriftVerdict.IDENTITY_CHANGED, DriftVerdict.BEHAVIOUR_CHANGED)


@dataclass(frozen=True)
class Family:
    """One test of a look; `effect` and `floor` are in the unit that `unit` names.

    A `one_sided` effect counts where it is positive: what finds more than the reference finds of itself lost nothing. Of
    others the size of the effect counts, whichever way it goes.
    """

    name: str
    p: float
    effect: float
    floor: float
    unit: str
    one_sided: bool = False

    @property
    def above_floor(self) -> bool:
        """Whether the effect is more than the floor; shares that are equal but for rounding are not."""
        return (self.effect if self.one_sided else abs(self.effect)) > self.floor + ROUNDING

    def __str__(self) -> str:
        return f"{self.name}: {self.effect:+.3g} {self.unit} (floor {self.floor:.3g}, p {self.p:.2g})"


@dataclass(frozen=True)
class Look:
    """What one round of calls gave: `failed` of `calls` had no answer; of the `answers` that are parsed for a content
    `unparsed` had none, against `reference_unparsed` of `reference_answers` in the reference.

    `shared` says of a family how many looks share the level with this one, where they are more than one.
    """

    families: Sequence[Family]
    calls: int
    failed: int
    answers: int = 0
    unparsed: int = 0
    reference_answers: int = 0
    reference_unparsed: int = 0
    shared: Mapping[str, int] = field(default_factory=dict)

    @property
    def unmeasured(self) -> str:
        """Why nothing can be said by it; empty where it can."""
        if not self.calls:
            return "no call was made"
        if self.failed > MOST_FAILED * self.calls:
            return f"{self.failed} of {self.calls} calls had no answer, at most {MOST_FAILED:.0%} may"
        if self._more_unparsed():
            return (
                f"{self.unparsed} of {self.answers} answers could not be parsed, of the reference's "
                f"{self.reference_unparsed} of {self.reference_answers}"
            )
        return "" if self.families else "no family could be tested"

    @property
    def alarms(self) -> list[Family]:
        """The families that are significant together and have an effect above their floor; none of too few answers."""
        if self.failed > MOST_FAILED * self.calls:
            return []
        corrected = holm({one.name: min(1.0, one.p * self.shared.get(one.name, 1)) for one in self.families})
        return [one for one in self.families if corrected[one.name] <= LEVEL and one.above_floor]

    @property
    def quiet(self) -> set[str]:
        """The families that it measured whose effect is not above their floor.

        That a family is not significant is not asked: a look may have too little level, or too few answers, to say so.
        """
        return set() if self.unmeasured else {family.name for family in self.families if not family.above_floor}

    def _more_unparsed(self) -> bool:
        """Whether more are unparsed than in the reference, by Fisher's exact test, one-sided."""
        from scipy.stats import fisher_exact

        if not self.answers or not self.reference_answers or not self.unparsed:
            return False
        table = [
            [self.unparsed, self.answers - self.unparsed],
            [self.reference_unparsed, self.reference_answers - self.reference_unparsed],
        ]
        found: Any = fisher_exact(table, alternative="greater")
        return bool(found.pvalue <= UNPARSED_LEVEL)


@dataclass(frozen=True)
class Judged:
    """A verdict with its reason in words and the looks that it rests on: the first and, after an alarm, the second.

    `confirmed` are the names of the families that alarmed in both.
    """

    verdict: DriftVerdict
    reason: str
    looks: Sequence[Look]
    confirmed: Sequence[str] = ()


def judge(identity_changes: Sequence[str], first: Look, confirm: Callable[[], Look]) -> Judged:
    """The verdict on `identity_changes` (what proves another model, in words) and the `first` look.

    `confirm` makes fresh calls; it is called after an alarm alone. Where format is a family of its own, an answer whose
    content cannot be parsed for its format is an alarm of that family, and no lack of measurement.
    """
    alarms = first.alarms
    looks = [first]
    confirmed: list[str] = []
    if alarms:
        second = confirm()
        looks.append(second)
        names = {family.name for family in alarms}
        again = [family for family in second.alarms if family.name in names]
        confirmed = [family.name for family in again]
        if again and not identity_changes:
            said = "; ".join(map(str, again))
            return Judged(DriftVerdict.BEHAVIOUR_CHANGED, f"{said}; confirmed by fresh calls", looks, confirmed)
    if identity_changes:
        return Judged(DriftVerdict.IDENTITY_CHANGED, "; ".join(identity_changes), looks, confirmed)
    for look in looks:
        if look.unmeasured:
            return Judged(DriftVerdict.UNMEASURED, look.unmeasured, looks)
    if alarms:
        said = ", ".join(family.name for family in alarms)
        return Judged(DriftVerdict.UNCHANGED, f"an alarm of {said} was not confirmed by fresh calls", looks)
    return Judged(DriftVerdict.UNCHANGED, "no family shows a change above its floor", looks)
