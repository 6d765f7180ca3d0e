"""Keeps an embedder that answers otherwise from being searched with, and frees it again."""

from llmops_pipelines.drift.episodes import State
from llmops_pipelines.drift.upstream import Upstream
from llmops_pipelines.release.blocks import Blocks


def settle(upstream: Upstream) -> str:
    """Block or free the vectors of an upstream embedder, as its state asks for; why they are blocked, empty where not.

    They are those of the fingerprints under which the model was as it was accepted: the reference's, and one that was
    configured since and looked at before the change. They are blocked while a family is changed: what an index of them
    holds and what a query is embedded to differ by more than its floor. A changed name alone blocks nothing, and what was
    never accepted was never measured.
    """
    blocks = Blocks(upstream.lake)
    state = upstream.state()
    while True:
        reason = _settled(blocks, upstream.name, state)
        now = upstream.state()
        if now == state:  # nobody observed or accepted it meanwhile
            return reason
        state = now


def _settled(blocks: Blocks, name: str, state: State) -> str:
    if not state.fingerprints:
        return ""
    if state.episode is None or not state.alarms or _local(state):
        for fingerprint in sorted(state.fingerprints):
            blocks.free(fingerprint, name, f"upstream/{name} is as it was accepted")
        return ""
    reason = f"upstream/{name} has changed ({', '.join(sorted(state.alarms))}; change {state.episode} of it)"
    for fingerprint in sorted(state.fingerprints):
        blocks.block(fingerprint, name, reason)
    return reason


def _local(state: State) -> bool:
    """Whether the model's files are others: then its fingerprint is, and readers refuse what does not fit by themselves."""
    assert state.reference is not None
    return "fingerprint" in state.reference.identity.names and bool(
        state.identity and state.identity.changes(state.reference.identity)
    )
