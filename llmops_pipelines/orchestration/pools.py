"""Holding a stage's pool from inside another step: Dagster gives an op one pool, and maintenance writes tables of all."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

POLL_SECONDS = 1.0


@contextmanager
def held_pool(instance: dg.DagsterInstance, run_id: str, pool: str, wait: float) -> Iterator[bool]:
    """Hold a slot of `pool` meanwhile; gives False where none came free within `wait` seconds.

    Steps queue for the pool as for any other. A slot whose run has ended without a word is freed as a step's is.
    """
    storage = instance.event_log_storage
    holder = f"holds {pool}"
    if not storage.supports_global_concurrency_limits:
        yield True
        return
    storage.initialize_concurrency_limit_to_default(pool)
    if pool not in storage.get_concurrency_keys():  # pools are not limited in this instance
        yield True
        return
    until = time.monotonic() + wait
    try:
        claimed = storage.claim_concurrency_slot(pool, run_id, holder).is_claimed
        while not claimed and time.monotonic() < until:
            time.sleep(POLL_SECONDS)
            claimed = storage.claim_concurrency_slot(pool, run_id, holder).is_claimed
        yield claimed
    finally:
        storage.free_concurrency_slot_for_step(run_id, holder)
