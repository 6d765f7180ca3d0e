"""One tick: a model asked its probes, and again where that is needed, and what was seen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from llmops_pipelines.drift.drawn import Compared, Drawn, Probe, Progress, Spent
from llmops_pipelines.drift.episodes import State
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
    rounds of calls that there is no such model. The change that was open is `over` where two rounds show it no more.
    `answers` are those of the last look, packed, where they show a change.
    """

    verdict: DriftVerdict
    reason: str
    alarms: Sequence[str] = ()
    families: Sequence[Family] = ()
    examples: Sequence[dict[str, str]] = ()
    identity: Identity | None = None
    gone: bool = False
    over: bool = False
    answers: bytes | None = None
    spent: Spent = NOTHING

    @property
    def changed(self) -> bool:
        """Whether the model is another one, or gone."""
        return self.verdict.changed or self.gone


def see(
    probe: Probe,
    reference: Reference,
    current: State,
    tiers: tuple[Tier, ...],
    shared: Mapping[str, int],
    progress: Progress,
) -> Seen:
    """What the model does now against `reference`. What cannot be asked is unmeasured: nothing that it does is raised.

    What alarms is asked again, and so is what shows no more of the change that is open in `current`: a change that is seen
    in most looks only is none that ends and begins again. `shared` are how many looks share a level, by family.
    """
    accepted = probe.unpacked(reference.answers)
    draws: list[Drawn] = []
    compared: list[Compared] = []

    def look() -> Look:
        draws.append(probe.draw(tiers, False, progress))
        found = probe.compared(accepted, draws[-1])
        compared.append(replace(found, look=replace(found.look, shared=shared)))
        return compared[-1].look

    def proof() -> list[str]:
        return list(dict.fromkeys(said for drawn in draws for said in drawn.identity.changes(reference.identity)))

    over = False
    try:
        first = look()
        if draws[0].gone:
            look()
        judged = judge(proof(), first, look)
        if current.episode is not None and judged.verdict == DriftVerdict.UNCHANGED and len(draws) == 1:
            over = _shows_it_over(first, draws[0], reference, current)
            over = over and _shows_it_over(look(), draws[-1], reference, current)
            said = "twice: the change is over" if over else "but that the change is over is not shown"
            judged = replace(judged, reason=f"{judged.reason}, {said}")
        problem = ""
    except ModelError as error:
        judged, problem = Judged(DriftVerdict.UNMEASURED, str(error), []), str(error)
    if proof() and judged.verdict != DriftVerdict.IDENTITY_CHANGED:
        judged = replace(
            judged, verdict=DriftVerdict.IDENTITY_CHANGED, reason="; ".join(filter(None, [*proof(), problem]))
        )
    why = next((drawn.problem for drawn in draws if drawn.problem), "")
    unanswered = judged.verdict == DriftVerdict.UNMEASURED and why and why not in judged.reason
    told: Identity | None = None
    for drawn in draws:
        if drawn.identity.known:
            told = told.merged(drawn.identity) if told else drawn.identity
    families = compared[-1].look.families if compared else ()
    return Seen(
        judged.verdict,
        f"{judged.reason}: {why}" if unanswered else judged.reason,
        judged.confirmed,
        families,
        compared[-1].examples if compared else (),
        told,
        len(draws) > 1 and all(drawn.gone for drawn in draws),
        over and judged.verdict == DriftVerdict.UNCHANGED,
        probe.packed(draws[-1].answers) if judged.verdict.changed and families else None,
        sum((drawn.spent for drawn in draws), NOTHING),
    )


def _shows_it_over(look: Look, drawn: Drawn, reference: Reference, current: State) -> bool:
    """Whether a look could have seen the change that is open, and did not: by what it does, and by what it says it is."""
    proving = reference.identity.names.keys() & (current.identity.names.keys() if current.identity else set())
    told = {name for name, values in drawn.identity.names.items() if values}
    return look.quiet(current.alarms) and proving <= told and not drawn.identity.changes(reference.identity)
