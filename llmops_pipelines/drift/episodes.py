"""Which change an observation belongs to: every change is one episode, however often it is looked at.

What is asked for because of a change is asked for once an episode. A model that goes from A to B, back, and to B again has
had two; a process that is killed and starts again finds the same numbers, because they are counted from the rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from llmops_pipelines.drift.history import Observation, Reference
from llmops_pipelines.drift.identity import Identity
from llmops_pipelines.drift.verdict import DriftVerdict


@dataclass(frozen=True)
class State:
    """In which state a model is: as it was accepted, or in an episode, which is one change of it.

    `accepted` is the number of the behaviour that was accepted: 0 at first, later that of the episode that was accepted.
    `alarms` are all families that changed in the open episode, `identity` all that the model said of itself in it, `gone`
    says that its endpoint has no such model. `fingerprints` are those under which an embedder was as it was accepted.
    `ended` are the last episode that ended and the number of the observation that ended it.
    """

    reference: Reference | None = None
    accepted: int = 0
    episode: int | None = None
    alarms: frozenset[str] = frozenset()
    identity: Identity | None = None
    gone: bool = False
    fingerprints: frozenset[str] = frozenset()
    ended: tuple[int, int] | None = None

    @property
    def behaviour(self) -> int:
        """The number of what the model does now. Accepting it leaves the number: what was measured by it stays true.

        What is gone does nothing, and is taken for what was accepted.
        """
        return self.accepted if self.episode is None or self.gone else self.episode


def state(references: Sequence[Reference], observations: Sequence[Observation]) -> State:
    """The state of a model by its rows, oldest first. Observations of an earlier reference say nothing any more.

    An episode ends where observations that began after it was seen last show no more of any family that changed, whatever
    tiers each asks, and one of them that the model says to be who was accepted.
    """
    accepted = next((one.accepts for one in reversed(references) if one.accepts is not None), 0)
    last = references[-1] if references else None
    fingerprints = {last.fingerprint} if last and last.fingerprint else set()
    ended: tuple[int, int] | None = None
    episode, alarms, identity, gone, seen_last, renamed = None, frozenset[str](), None, False, 0, False
    for one in observations:
        if last is None or one.reference_id != last.reference_id:
            continue
        if one.episode is not None and not (ended and one.episode == ended[0] and one.began_after < ended[1]):
            same, within = one.episode == episode, {family.name for family in one.families if not family.above_floor}
            # What was not tested, as of what is gone, is not known to do otherwise than before.
            alarms = frozenset(one.alarms) | (alarms if same else alarms - within)
            identity = identity.merged(one.identity) if same and identity else one.identity
            episode, gone, seen_last, renamed = one.episode, one.gone, one.sequence, True
        elif episode is not None and one.began_after >= seen_last:
            alarms, renamed = alarms - set(one.quiet), renamed and one.renamed
            if not alarms and not renamed:
                ended = episode, one.sequence
                episode, identity, gone = None, None, False
        elif episode is None and one.verdict == DriftVerdict.UNCHANGED and one.fingerprint:
            fingerprints.add(one.fingerprint)
    return State(last, accepted, episode, alarms, identity, gone, frozenset(fingerprints), ended)


def next_episode(references: Sequence[Reference], observations: Sequence[Observation]) -> int:
    """The number of a change that has none yet."""
    return 1 + max(
        (number or 0 for number in (*(r.accepts for r in references), *(o.episode for o in observations))), default=0
    )


def episode_of(
    current: State, number: int, changed: bool, identity: Identity | None, gone: bool, began_after: int
) -> tuple[int | None, bool]:
    """The episode of the look that comes next, and whether it opens it, as `number`.

    A change while one is open is another one only where the model says that it is yet another, or is gone or back. What a
    look saw that began before the last episode ended is that episode.
    """
    if not changed:
        return None, False
    if current.episode is not None and current.gone == gone and not _other(current, identity):
        return current.episode, False
    if current.episode is None and current.ended and began_after < current.ended[1]:
        return current.ended[0], False
    return number, True


def _other(current: State, now: Identity | None) -> bool:
    """Whether the model says to be one that neither was accepted nor is of the change that is open."""
    if current.identity is None or now is None:
        return False
    accepted = current.reference.identity.names if current.reference else {}
    # Of names that the change has not told yet none is known.
    known = {name: (*values, *accepted.get(name, ())) for name, values in current.identity.names.items()}
    return bool(now.changes(Identity(known)))
