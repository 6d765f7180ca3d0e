"""On one machine: the lake in a folder, every step in the process of its run."""

import os
from pathlib import Path

import dagster as dg

from llmops_pipelines.orchestration.io_manager import LakeIOManager
from llmops_pipelines.resources.lake import LakeResource

PROJECT = Path(__file__).resolve().parent.parent


def definitions() -> dg.Definitions:
    """The lake is `lake/` beside the project, or where LLMOPS_LAKE says (a relative path is relative to the project)."""
    uri = os.environ.get("LLMOPS_LAKE", "lake")
    lake = LakeResource(uri=uri if "://" in uri else str(PROJECT / uri))
    return dg.Definitions(
        resources={"lake": lake, "io_manager": LakeIOManager(lake=lake)}, executor=dg.in_process_executor
    )
