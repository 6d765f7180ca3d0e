"""How a run says that it repairs: its tag, which the job of a corpus carries and its stages look for."""

import dagster as dg

REPAIR_TAG = "llmops/repair"


def is_repair(context: dg.AssetExecutionContext) -> bool:
    """Whether this run repairs: stages do their work again though their inputs are what they were."""
    return REPAIR_TAG in context.run.tags
