"""On one machine: the lake in a folder, every step in the process of its run."""

import dagster as dg

from llmops_pipelines.orchestration.io_manager import LakeIOManager
from llmops_pipelines.resources.lake import LakeResource
from llmops_pipelines.storage.home import lake_uri


def definitions() -> dg.Definitions:
    """The lake is `lake/` in the state folder, or where LLMOPS_LAKE says, relative to that folder."""
    lake = LakeResource(uri=lake_uri())
    return dg.Definitions(
        resources={"lake": lake, "io_manager": LakeIOManager(lake=lake)}, executor=dg.in_process_executor
    )
