"""An upstream model: what is observed of it, and how it is accepted. Nothing but an acceptance makes a new reference."""

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from llmops_pipelines.drift.drawn import Drawn, Probe, Progress
from llmops_pipelines.drift.episodes import State, episode_of, next_episode, state
from llmops_pipelines.drift.history import Accepted, History, Observation, Observed, Reference
from llmops_pipelines.drift.probes import Tier
from llmops_pipelines.drift.seen import Seen, see
from llmops_pipelines.drift.verdict import LEVEL, MOST_FAILED, DriftVerdict
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
        """Look at the model, and again where the first look alarms; keep what was found.

        Several may look at once: to which change a look belongs is decided when it is kept, by all that was kept before.
        """
        begun = self.history.observations()
        reference, level = self.state().reference, look_level(begun, tiers)
        problem = self._unusable(reference)
        if problem or reference is None:
            seen = Seen(DriftVerdict.UNMEASURED, problem)
        else:
            seen = see(self.probe, reference, tiers, level, progress)
        began_after = begun[-1].sequence if begun else 0

        def belongs(observations: Sequence[Observation]) -> Observed:
            references = self.history.references()
            current = state(references, observations)
            stale = current.reference is not None and reference is not None and current.reference != reference
            changed = seen.changed and not stale  # by a reference that is no more, it says nothing
            number = next_episode(references, observations)
            episode, opens = episode_of(current, number, changed, seen.identity, seen.gone)
            return Observed(reference and reference.reference_id, tiers, began_after, episode, opens, level, by)

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

        What it does keeps its number where it is what it did: that of the last reference, or of the change that is open.
        What cannot be shown to be either, as after the probes were edited, has a number of its own. `judged` are the corpus
        and the change by whose evaluation it is accepted, None where a person does. Raises UpstreamError where too many
        calls fail for a reference, or the model is not in that change any more, ModelError where it cannot be used.
        """
        before = self.state()
        drawn = self.probe.draw(tiers, True, progress)
        spent = drawn.spent
        if spent.failed > MOST_FAILED * spent.calls:
            raise UpstreamError(
                f"{self.name} is not accepted: {spent.failed:,} of {spent.calls:,} calls had no answer, at most "
                f"{MOST_FAILED:.0%} may. {drawn.problem}"
            )
        references, observations = self.history.references(), self.history.observations()
        current = state(references, observations)
        differs = self._differs(before.reference, drawn)
        if judged and (current.episode, differs) != (judged[1], True):
            raise UpstreamError(f"{self.name} is not what was evaluated any more: it is observed and evaluated again")
        number = current.episode if current.episode and not current.gone else next_episode(references, observations)
        return self.history.accept(
            drawn,
            Accepted(
                packed=self.probe.packed(drawn.answers),
                probes=self.probe.probes.identity,
                fingerprint=self.fingerprint(),
                accepts=number if differs else None,
                corpus=judged[0] if judged else None,
                requested_by=by,
                reason=reason,
            ),
        )

    def _differs(self, reference: Reference | None, drawn: Drawn) -> bool:
        """Whether a draw is not what `reference` was, or cannot be shown to be. The first reference differs from nothing."""
        if reference is None:
            return False
        if reference.probes != self.probe.probes.identity or drawn.identity.changes(reference.identity):
            return True
        look = self.probe.compared(self.probe.unpacked(reference.answers), drawn, LEVEL).look
        return bool(look.alarms or look.unmeasured)

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


def look_level(
    observations: Sequence[Observation], tiers: Sequence[str], now: datetime.datetime | None = None
) -> float:
    """The level of the next look: LEVEL shared with the looks at any of `tiers` of the last 24 hours.

    Bonferroni over a rolling day: of n looks a day each has an n-th. On the first day of n looks the k-th has a k-th, which
    is more by the harmonic number of n. A time that lies ahead, after a clock was set back, counts as of now.
    """
    since = (now or datetime.datetime.now(datetime.UTC)) - datetime.timedelta(days=1)
    return LEVEL / (1 + sum(one.at > since and bool(set(one.tiers) & set(tiers)) for one in observations))
