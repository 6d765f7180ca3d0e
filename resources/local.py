"""On one machine: the lake in a folder, every step in the process of its run."""

import os

import dagster as dg

from llmops_pipelines.orchestration.io_manager import LakeIOManager
from llmops_pipelines.resources.home import state_folder
from llmops_pipelines.resources.lake import LakeResource


def definitions() -> dg.Definitions:
    """The lake is `lake/` in the state folder, or where LLMOPS_LAKE says, relative to that folder."""
    uri = os.environ.get("LLMOPS_LAKE", "lake")
    lake = LakeResource(uri=uri if "://" in uri else str(state_folder() / uri))
    return dg.Definitions(
        resources={"lake": lake, "io_manager": LakeIOManager(lake=lake)}, executor=dg.in_process_executor
    )
