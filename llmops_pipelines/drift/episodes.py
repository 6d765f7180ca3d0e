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
    `alarms` are all families that changed in the open episode, `gone` says that its endpoint has no such model.
    """

    reference: Reference | None = None
    accepted: int = 0
    episode: int | None = None
    alarms: frozenset[str] = frozenset()
    identity: Identity | None = None
    gone: bool = False

    @property
    def behaviour(self) -> int:
        """The number of what the model does now. Accepting it leaves the number: what was measured by it stays true.

        What is gone does nothing, and is taken for what was accepted.
        """
        return self.accepted if self.episode is None or self.gone else self.episode


def state(references: Sequence[Reference], observations: Sequence[Observation]) -> State:
    """The state of a model by its rows, oldest first. Observations of an earlier reference say nothing any more.

    An episode ends where a look that could have seen it sees nothing: one that began after the episode was seen last, that
    was told who answers, and whose families are those that alarmed, or more. What could not be measured ends none.
    """
    accepted = next((one.accepts for one in reversed(references) if one.accepts is not None), 0)
    last = references[-1] if references else None
    found = clean = State(last, accepted)
    seen_last = 0
    for one in observations:
        if last is None or one.reference_id != last.reference_id:
            continue
        if one.episode is not None:
            same = one.episode == found.episode
            # What is gone, or told no name, is not known to do otherwise than before.
            alarms = frozenset(one.alarms) | (found.alarms if same or one.gone else frozenset())
            identity = one.identity or (found.identity if same else None)
            found, seen_last = State(last, accepted, one.episode, alarms, identity, one.gone), one.sequence
        elif one.began_after >= seen_last and ends(found, one):
            found = clean
    return found


def ends(current: State, look: Observation) -> bool:
    """Whether `look` sees that the episode of `current` is over."""
    told = current.identity is None or (
        look.identity is not None and look.identity.names.keys() >= current.identity.names.keys()
    )
    families = {family.name for family in look.families}
    return look.verdict == DriftVerdict.UNCHANGED and told and current.alarms <= families


def next_episode(references: Sequence[Reference], observations: Sequence[Observation]) -> int:
    """The number of a change that has none yet."""
    return 1 + max(
        (number or 0 for number in (*(r.accepts for r in references), *(o.episode for o in observations))), default=0
    )


def episode_of(
    current: State, number: int, changed: bool, identity: Identity | None, gone: bool
) -> tuple[int | None, bool]:
    """The episode of the look that comes next, and whether it opens it, as `number`.

    A change while one is open is another one only where the model says that it is yet another, or is gone or back.
    """
    if not changed:
        return None, False
    if current.episode is not None and current.gone == gone and not _other(current.identity, identity):
        return current.episode, False
    return number, True


def _other(before: Identity | None, now: Identity | None) -> bool:
    return before is not None and now is not None and bool(now.changes(before))
