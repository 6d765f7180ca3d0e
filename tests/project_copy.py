"""A copy of the project that a test may change: what git tracks, run with the environment's own interpreter."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.conftest import PROJECT

BIN = Path(sys.executable).parent
COPIED = (
    "llmops_pipelines",
    "assets",
    "resources",
    "deploy",
    "pyproject.toml",
    "dagster.yaml",
    "workspace.yaml",
    "README.md",
)


def copy_project(target: Path) -> Path:
    """Copy what the code location needs to `target`."""
    target.mkdir(parents=True)
    for name in COPIED:
        source = PROJECT / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(source, target / name)
    return target


def run_in(
    project: Path, *command: str, lake: Path | None = None, check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run a command of the virtual environment in `project`, which comes before the installed one on the path."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(project),
        "DAGSTER_HOME": str(project / ".dagster_home"),
        "LLMOPS_LAKE": str(lake or project / "lake"),
        "COLUMNS": "200",
        "PATH": f"{BIN}:{os.environ['PATH']}",
    }
    (project / ".dagster_home").mkdir(exist_ok=True)
    program, *arguments = command
    result = subprocess.run(
        [str(BIN / program) if (BIN / program).exists() else program, *arguments],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if check and result.returncode:
        raise AssertionError(f"{' '.join(command)} ended with {result.returncode}:\n{result.stdout}\n{result.stderr}")
    return result
