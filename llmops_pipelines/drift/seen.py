"""One tick: a model asked its probes, and again where that is needed, and what was seen."""

from collections.abc import Sequence
from dataclasses import dataclass

from llmops_pipelines.drift.drawn import Compared, Drawn, Probe, Progress, Spent
from llmops_pipelines.drift.history import Reference
from llmops_pipelines.drift.identity import Identity
from llmops_pipelines.drift.probes import Tier
from llmops_pipelines.drift.verdict import DriftVerdict, Family, Judged, Look, judge
from llmops_pipelines.embedding.model_folder import ModelError

NOTHING = Spent(0, 0, 0, 0.0, 0.0)


@dataclass(frozen=True)
class Seen:
    """A verdict with what it rests on: the `families` of the look that decided, and the names of those that are changed.

    `identity` is what the model said of itself, None where it said nothing. It is `gone` where its endpoint said in two
    rounds of calls that there is no such model.
    """

    verdict: DriftVerdict
    reason: str
    alarms: Sequence[str] = ()
    families: Sequence[Family] = ()
    examples: Sequence[dict[str, str]] = ()
    identity: Identity | None = None
    gone: bool = False
    spent: Spent = NOTHING

    @property
    def changed(self) -> bool:
        """Whether the model is another one, or gone."""
        return self.verdict.changed or self.gone


def see(probe: Probe, reference: Reference, tiers: tuple[Tier, ...], level: float, progress: Progress) -> Seen:
    """What the model does now against `reference`. What cannot be asked is unmeasured: nothing that it does is raised."""
    answers = probe.unpacked(reference.answers)
    draws: list[Drawn] = []
    compared: list[Compared] = []

    def look() -> Look:
        draws.append(probe.draw(tiers, False, progress))
        compared.append(probe.compared(answers, draws[-1], level))
        return compared[-1].look

    try:
        first = look()
        if draws[0].gone:
            look()
        judged = judge(draws[0].identity.changes(reference.identity), first, look)
    except ModelError as error:
        proof = draws[0].identity.changes(reference.identity) if draws else []
        verdict = DriftVerdict.IDENTITY_CHANGED if proof else DriftVerdict.UNMEASURED
        judged = Judged(verdict, "; ".join([*proof, str(error)]), [])
    why = next((drawn.problem for drawn in draws if drawn.problem), "")
    unanswered = judged.verdict == DriftVerdict.UNMEASURED and why and why not in judged.reason
    named = [drawn.identity for drawn in draws if drawn.identity.known]
    return Seen(
        judged.verdict,
        f"{judged.reason}: {why}" if unanswered else judged.reason,
        judged.confirmed,
        compared[-1].look.families if compared else (),
        compared[-1].examples if compared else (),
        named[-1] if named else None,
        len(draws) > 1 and all(drawn.gone for drawn in draws),
        sum((drawn.spent for drawn in draws), NOTHING),
    )
