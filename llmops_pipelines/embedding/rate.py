"""How fast this machine embeds with a model: from its own account, or by a trial."""

import os
import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from llmops_pipelines.embedding.embedder import Embedder
from llmops_pipelines.storage.snapshot import Snapshot, among

RUNS = 5
LEAST_TOKENS = 2_000  # of a run: in a smaller one commits take the time
TRIAL_TEXTS = 64


@dataclass(frozen=True)
class Rate:
    """Tokens a second, and how that is known."""

    tokens_per_second: float
    measured: str


@lru_cache(maxsize=1)
def machine() -> str:
    """The processor and the cores that may be used: what a rate belongs to."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text("utf-8").splitlines()
        model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), model)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{model}, {cores} cores"


def accounted_rate(runs: Snapshot | None, fingerprint: str) -> Rate | None:
    """The rate of the model's newest runs on this machine; None where it has not embedded here."""
    if runs is None:
        return None
    here = runs.arrow(
        ["at", "tokens", "seconds"], f"{among('fingerprint', [fingerprint])} AND {among('machine', [machine()])}"
    )
    newest = [row for row in here.sort_by([("at", "descending")]).to_pylist() if row["tokens"] >= LEAST_TOKENS][:RUNS]
    if not newest:
        return None
    tokens, seconds = (sum(row[name] for row in newest) for name in ("tokens", "seconds"))
    return Rate(tokens / seconds, f"in {len(newest)} runs on this machine, the last on {newest[0]['at']:%Y-%m-%d}")


def tried_rate(embedder: Embedder, lengths: Sequence[int]) -> Rate | None:
    """The rate of a trial on at most 64 made texts, of about `lengths` tokens; None where there are none."""
    if not lengths:
        return None
    ordered = sorted(lengths)
    chosen = ordered[:: max(1, len(ordered) // TRIAL_TEXTS)][:TRIAL_TEXTS]
    embedder.embed([], "document")
    before, started = embedder.count.tokens, time.perf_counter()
    embedder.embed(["and " * length for length in chosen], "document")
    seconds = time.perf_counter() - started
    return Rate((embedder.count.tokens - before) / seconds, f"in a trial on {len(chosen)} made texts just now")
