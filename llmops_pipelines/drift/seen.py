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
    rounds of calls that there is no such model. `quiet` are the families of the change that was open which two rounds show
    no more, and it is not `renamed` where they say to be who was accepted. `answers` are those of the last look, packed,
    where they show a change.
    """

    verdict: DriftVerdict
    reason: str
    alarms: Sequence[str] = ()
    families: Sequence[Family] = ()
    examples: Sequence[dict[str, str]] = ()
    identity: Identity | None = None
    gone: bool = False
    quiet: Sequence[str] = ()
    renamed: bool = True
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

    quiet, renamed = set[str](), True
    try:
        first = look()
        if draws[0].gone:
            look()
        judged = judge(proof(), first, look)
        if current.episode is not None and judged.verdict == DriftVerdict.UNCHANGED and len(draws) == 1:
            tested = current.alarms & {one.name for one in first.families}
            renamed = _renamed(draws[0], reference, current)
            if tested <= first.quiet and not renamed and (tested or not current.alarms):
                second = look()
                quiet = tested & second.quiet
                renamed = bool(second.unmeasured) or _renamed(draws[-1], reference, current)
            left = ", ".join(sorted(current.alarms - quiet)) or "its name"
            said = f"not shown to be over: {left}" if renamed or current.alarms - quiet else "twice: the change is over"
            judged = replace(judged, reason=f"{judged.reason}; {said}")
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
        sorted(quiet) if judged.verdict == DriftVerdict.UNCHANGED else (),
        renamed or judged.verdict != DriftVerdict.UNCHANGED,
        probe.packed(draws[-1].answers) if judged.verdict.changed and families else None,
        sum((drawn.spent for drawn in draws), NOTHING),
    )


def _renamed(drawn: Drawn, reference: Reference, current: State) -> bool:
    """Whether a draw says that it is not who was accepted, or does not tell a name by which the open change was proven."""
    proving = current.identity.changed_names(reference.identity) if current.identity else set()
    told = {name for name, values in drawn.identity.names.items() if values}
    return bool(proving - told or drawn.identity.changes(reference.identity))
