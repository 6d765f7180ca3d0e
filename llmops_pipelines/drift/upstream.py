"""An upstream model: what is observed of it, and how it is accepted. Nothing but an acceptance makes a new reference."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from llmops_pipelines.drift.drawn import Compared, Drawn, Probe, Progress, Spent
from llmops_pipelines.drift.episodes import State, episode_of, state
from llmops_pipelines.drift.history import CHANGED, History, Observation, Reference
from llmops_pipelines.drift.probes import Tier
from llmops_pipelines.drift.verdict import LEVEL, MOST_FAILED, DriftVerdict, Judged, Look, judge
from llmops_pipelines.embedding.model_folder import ModelError
from llmops_pipelines.storage.lake import Lake

NOTHING = Spent(0, 0, 0, 0.0, 0.0)


class UpstreamError(RuntimeError):
    """A model that cannot be accepted. The message says why, and what to do."""


@dataclass(frozen=True)
class Upstream:
    """The upstream model `name` in `lake`, and the probe that asks it."""

    name: str
    lake: Lake
    probe: Probe

    @property
    def history(self) -> History:
        return History(self.lake, self.name)

    def state(self) -> State:
        """In which state the model is, by what was observed."""
        return state(self.history.references(), self.history.observations())

    def observe(self, tiers: tuple[Tier, ...], by: str, progress: Progress = lambda done, total: None) -> Observation:
        """Look at the model, and again where the first look alarms; keep what was found.

        Nothing that the model does is raised: a model that cannot be asked is an observation that is `unmeasured`.
        """
        current = self.state()
        reference, level = current.reference, look_level(self.history.observations(), tiers)
        problem = self._unusable(reference)
        if problem or reference is None:
            return self._keep(tiers, by, level, Judged(DriftVerdict.UNMEASURED, problem, []), [], [], current)
        answers = self.probe.unpacked(reference.answers)
        draws: list[Drawn] = []
        compared: list[Compared] = []

        def look() -> Look:
            draws.append(self.probe.draw(tiers, False, progress))
            compared.append(self.probe.compared(answers, draws[-1], level))
            return compared[-1].look

        try:
            first = look()
            judged = judge(draws[0].identity.changes(reference.identity), first, look)
        except ModelError as error:
            judged = Judged(DriftVerdict.UNMEASURED, str(error), [])
        why = next((drawn.problem for drawn in draws if drawn.problem), "")
        if judged.verdict == DriftVerdict.UNMEASURED and why and why not in judged.reason:
            judged = Judged(judged.verdict, f"{judged.reason}: {why}", judged.looks)
        return self._keep(tiers, by, level, judged, draws, compared, current)

    def accept(
        self, tiers: tuple[Tier, ...], by: str, reason: str, progress: Progress = lambda done, total: None
    ) -> Reference:
        """Make what the model is and answers now the reference that it is compared with from now on.

        Raises UpstreamError where too many calls fail for a reference, ModelError where the model cannot be used.
        """
        current = self.state()
        drawn = self.probe.draw(tiers, True, progress)
        spent = drawn.spent
        if spent.failed > MOST_FAILED * spent.calls:
            raise UpstreamError(
                f"{self.name} is not accepted: {spent.failed:,} of {spent.calls:,} calls had no answer, at most "
                f"{MOST_FAILED:.0%} may. {drawn.problem}"
            )
        packed = self.probe.packed(drawn.answers)
        return self.history.accept(drawn, packed, self.probe.probes.identity, current.episode, by, reason)

    def _unusable(self, reference: Reference | None) -> str:
        accept = f"`llmops models accept {self.name}`"
        if reference is None:
            return f"there is no reference to compare with: look at what the model answers, then {accept}"
        if reference.probes != self.probe.probes.identity:
            return (
                f"the probes {self.probe.probes.name} were edited after reference {reference.reference_id} was made: undo "
                f"that, or make a new reference with {accept}"
            )
        return ""

    def _keep(
        self,
        tiers: tuple[Tier, ...],
        by: str,
        level: float,
        judged: Judged,
        draws: Sequence[Drawn],
        compared: Sequence[Compared],
        current: State,
    ) -> Observation:
        history = self.history
        identity = draws[-1].identity if draws and draws[-1].identity.known else None
        gone = any(drawn.gone for drawn in draws)
        changed = judged.verdict in CHANGED or gone
        episode, opens = episode_of(current, history.observations(), changed, identity, gone)
        look = compared[-1].look if compared else None
        return history.observe(
            {
                "reference_id": current.reference and current.reference.reference_id,
                "tiers": tiers,
                "verdict": judged.verdict,
                "reason": judged.reason,
                "identity": identity,
                "episode": episode,
                "opens": opens,
                "gone": gone,
                "alarms": [family.name for family in look.alarms] if look and changed else [],
                "families": look.families if look else [],
                "examples": compared[-1].examples if compared and changed else [],
                "level": level,
                "spent": sum((drawn.spent for drawn in draws), NOTHING),
                "requested_by": by,
            }
        )


def look_level(
    observations: Sequence[Observation], tiers: Sequence[str], now: datetime.datetime | None = None
) -> float:
    """The level of the next look: LEVEL shared with the looks at `tiers` of the last 24 hours.

    Bonferroni over a rolling day: of n looks a day each has an n-th. On the first day of n looks the k-th has a k-th, which
    is more by the harmonic number of n.
    A time that lies ahead, after a clock was set back, counts as of now.
    """
    since = (now or datetime.datetime.now(datetime.UTC)) - datetime.timedelta(days=1)
    return LEVEL / (1 + sum(one.at > since and set(one.tiers) == set(tiers) for one in observations))
