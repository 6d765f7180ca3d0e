"""In production: the lake where LLMOPS_LAKE says, every step in a process of its own."""

import dagster as dg

from llmops_pipelines.orchestration.io_manager import LakeIOManager
from llmops_pipelines.resources.lake import LakeResource


def definitions() -> dg.Definitions:
    """LLMOPS_LAKE is needed when a run starts, not when the code location loads."""
    lake = LakeResource(uri=dg.EnvVar("LLMOPS_LAKE"))
    return dg.Definitions(
        resources={"lake": lake, "io_manager": LakeIOManager(lake=lake)}, executor=dg.multiprocess_executor
    )
