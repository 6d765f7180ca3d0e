"""The account of embedding: one row a run and model, written before each batch is committed: no vector is without it."""

import datetime
from collections.abc import Callable

from llmops_pipelines.embedding.embedder import Embedder
from llmops_pipelines.embedding.missing import Spent
from llmops_pipelines.embedding.plan import Plan
from llmops_pipelines.embedding.rate import machine
from llmops_pipelines.storage.schemas import CAUSES
from llmops_pipelines.storage.writer import Writer


def accountant(
    writer: Writer,
    run_id: str,
    attempt: int,
    plan: Plan,
    embedder: Embedder,
    usd_per_million_tokens: float | None = None,
) -> Callable[[Spent], None]:
    """What writes the row of an attempt of run `run_id`: call it with what has been spent so far."""

    def account(spent: Spent) -> None:
        row = {
            "account_id": f"{run_id}/{attempt}/{plan.model}",
            "run_id": run_id,
            "model_key": plan.model,
            "fingerprint": embedder.fingerprint,
            "at": datetime.datetime.now(datetime.UTC),
            "machine": machine(),
            "numerics": embedder.numerics,
            "distinct": plan.distinct,
            "reused": plan.reused,
            "embedded": spent.embedded,
            "deleted": plan.deleted,
            **{cause: spent.by_cause[cause] for cause in CAUSES},
            "tokens": spent.tokens,
            "seconds": spent.seconds,
            "usd": None if plan.total.usd is None else spent.usd,
        }
        writer.upsert_rows([row])

    return account
