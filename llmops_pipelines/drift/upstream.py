"""An upstream model: what is observed of it, and how it is accepted. Nothing but an acceptance makes a new reference."""

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from llmops_pipelines.drift.drawn import Drawn, Probe, Progress
from llmops_pipelines.drift.episodes import State, episode_of, next_episode, state
from llmops_pipelines.drift.history import Accepted, History, Observation, Observed, Reference
from llmops_pipelines.drift.probes import FAMILIES, Tier
from llmops_pipelines.drift.seen import Seen, see
from llmops_pipelines.drift.verdict import MOST_FAILED, DriftVerdict
from llmops_pipelines.embedding.model_folder import ModelError
from llmops_pipelines.storage.lake import Lake


class UpstreamError(RuntimeError):
    """A model that cannot be accepted. The message says why, and what to do."""


@dataclass(frozen=True)
class Upstream:
    """The upstream model `name` in `lake`, and the probe that asks it.

    `fingerprint` gives that of an embedder as it is configured, by which its vectors are known; None for what has none.
    """

    name: str
    lake: Lake
    probe: Probe
    fingerprint: Callable[[], str | None] = lambda: None

    @property
    def history(self) -> History:
        return History(self.lake, self.name)

    def state(self) -> State:
        """In which state the model is, by what was observed."""
        return state(self.history.references(), self.history.observations())

    def observe(self, tiers: tuple[Tier, ...], by: str, progress: Progress = lambda done, total: None) -> Observation:
        """Look at the model, and again where the first look alarms or shows an open change no more; keep what was found.

        Several may look at once: to which change a look belongs is decided when it is kept, by all that was kept before.
        """
        begun = self.history.observations()
        current = self.state()
        reference = current.reference
        problem = self._unusable(reference)
        if problem or reference is None:
            seen = Seen(DriftVerdict.UNMEASURED, problem)
        else:
            seen = see(self.probe, reference, current, tiers, looks_sharing(begun, tiers), progress)
        began_after = begun[-1].sequence if begun else 0
        fingerprint = self._fingerprint()

        def belongs(observations: Sequence[Observation]) -> Observed:
            references = self.history.references()
            current = state(references, observations)
            stale = current.reference is not None and reference is not None and current.reference != reference
            changed = seen.changed and not stale  # by a reference that is no more, it says nothing
            number = next_episode(references, observations)
            episode, opens = episode_of(current, number, changed, seen.identity, seen.gone, began_after)
            return Observed(reference and reference.reference_id, tiers, began_after, fingerprint, episode, opens, by)

        return self.history.observe(seen, belongs)

    def accept(
        self,
        tiers: tuple[Tier, ...],
        by: str,
        reason: str,
        progress: Progress = lambda done, total: None,
        judged: tuple[str, int] | None = None,
    ) -> Reference:
        """Make what the model is and answers now the reference that it is compared with from now on.

        What it does keeps its number where fresh calls show that it is what it was: as in the last reference, or as observed
        when the change that is open began. What cannot be shown to be either, as after the probes were edited, has a number
        of its own. `judged` are the corpus and the change by whose evaluation it is accepted, None where a person does.
        Raises UpstreamError where there are too few answers for a reference, or fresh calls do not show the change that was
        evaluated, ModelError where the model cannot be used.
        """
        drawn = self.probe.draw(tiers, True, progress)
        spent, lacking = drawn.spent, self.probe.lacking(drawn.answers)
        if spent.failed > MOST_FAILED * spent.calls:
            lacking = f"{spent.failed:,} of {spent.calls:,} calls had no answer, at most {MOST_FAILED:.0%} may"
        if lacking:
            raise UpstreamError(f"{self.name} is not accepted: {lacking}. {drawn.problem}".strip())
        references, observations = self.history.references(), self.history.observations()
        current = state(references, observations)
        faster = [one for one in references if judged and one.accepts == judged[1]]
        if faster:  # another corpus's evaluation of the same change
            return faster[-1]
        observed = self._as_observed(current, drawn, judged is not None)
        if judged and not (current.episode == judged[1] and observed):
            raise UpstreamError(
                f"{self.name} is not accepted: its answers are not those of change {judged[1]} any more, which was "
                f"evaluated. Look at it again; `llmops models accept {self.name}` takes what it is then"
            )
        changed = judged is not None or self._differs(current.reference, drawn)
        number = current.episode if observed else next_episode(references, observations)
        return self.history.accept(
            drawn,
            Accepted(
                packed=self.probe.packed(drawn.answers),
                probes=self.probe.probes.identity,
                fingerprint=self.fingerprint(),
                accepts=number if changed else None,
                corpus=judged[0] if judged else None,
                requested_by=by,
                reason=reason,
            ),
        )

    def _as_observed(self, current: State, drawn: Drawn, measured: bool) -> bool:
        """Whether a draw is what was observed when the change that is open began; `measured` asks for more than its names.

        The draw is the reference, and the first look at the change that was measured is what is compared with it.
        """
        if current.episode is None or current.gone or current.reference is None:
            return False
        if current.reference.probes != self.probe.probes.identity:
            return False
        if current.identity and drawn.identity.changes(current.identity):
            return False
        answers = self.history.answers_of(current.episode)
        if answers is None:
            return not measured
        opened = replace(drawn, answers=self.probe.unpacked(answers), spent=replace(drawn.spent, failed=0))
        look = self.probe.compared(drawn.answers, opened).look
        return not look.alarms and not look.unmeasured

    def _differs(self, reference: Reference | None, drawn: Drawn) -> bool:
        """Whether a draw is not what `reference` was, or cannot be shown to be. The first reference differs from nothing."""
        if reference is None:
            return False
        if reference.probes != self.probe.probes.identity or drawn.identity.changes(reference.identity):
            return True
        look = self.probe.compared(self.probe.unpacked(reference.answers), drawn).look
        return bool(look.alarms or look.unmeasured)

    def _fingerprint(self) -> str | None:
        """That of the embedder, None where it cannot be told now."""
        try:
            return self.fingerprint()
        except ModelError:
            return None

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


def looks_sharing(
    observations: Sequence[Observation], tiers: tuple[Tier, ...], now: datetime.datetime | None = None
) -> dict[str, int]:
    """How many looks share LEVEL with the next one, by family: itself, and those at the family's tier in the last 24 hours.

    Bonferroni over a rolling day: of n looks a day each has an n-th. On the first day of n looks the k-th has a k-th, which
    is more by the harmonic number of n. A time that lies ahead, after a clock was set back, counts as of now.
    """
    since = (now or datetime.datetime.now(datetime.UTC)) - datetime.timedelta(days=1)
    looks: dict[Tier, int] = {
        tier: 1 + sum(one.at > since and tier in one.tiers for one in observations) for tier in tiers
    }
    return {family: number for tier, number in looks.items() for family in FAMILIES[tier]}
