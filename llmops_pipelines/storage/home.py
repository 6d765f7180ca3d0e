"""Where state is kept on one machine: beside the project, or in the working folder where the project is installed."""

import os
import sysconfig
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent.parent


def state_folder() -> Path:
    """The folder that `lake/` and `.dagster_home/` are made in, and that relative paths are relative to."""
    installed = Path(sysconfig.get_path("purelib")).resolve() == PROJECT or PROJECT.name == "site-packages"
    return Path.cwd() if installed else PROJECT


def lake_uri() -> str:
    """The lake of this machine: what LLMOPS_LAKE says, relative to the state folder, or `lake/` in that."""
    uri = os.environ.get("LLMOPS_LAKE", "lake")
    return uri if "://" in uri else str(state_folder() / uri)
