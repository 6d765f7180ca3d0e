"""Where state is kept on one machine: beside the project, or in the working folder where the project is installed."""

import sysconfig
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent.parent


def state_folder() -> Path:
    """The folder that `lake/` and `.dagster_home/` are made in, and that relative paths are relative to."""
    installed = Path(sysconfig.get_path("purelib")).resolve() == PROJECT or PROJECT.name == "site-packages"
    return Path.cwd() if installed else PROJECT
