"""Keeps an embedder that answers otherwise from being searched with, and frees it again."""

from llmops_pipelines.drift.episodes import State
from llmops_pipelines.release.blocks import Blocks
from llmops_pipelines.storage.lake import Lake


def settle(lake: Lake, name: str, fingerprint: str, state: State) -> str:
    """Block or free `fingerprint`, by the state of the upstream model `name` that has it; returns why it is blocked.

    It is blocked while a family is changed: what an index of it holds and what a query is embedded to differ by more than
    its floor. A changed name alone blocks nothing, and what was never accepted was never measured.
    """
    blocks = Blocks(lake)
    if state.episode is None or not state.alarms:
        blocks.free(fingerprint, f"upstream/{name} is as it was accepted")
        return ""
    reason = f"upstream/{name} has changed ({', '.join(sorted(state.alarms))}; change {state.episode} of it)"
    blocks.block(fingerprint, reason)
    return reason
