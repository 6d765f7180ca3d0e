"""SIGKILL of `llmops run`: the next run buries the dead one, takes its place, and does only what was left."""

import json
import os
import signal
import subprocess
from pathlib import Path

import dagster as dg

from tests.project_copy import BIN, copy_project, run_in


def test_a_killed_run_holds_up_no_other_and_loses_nothing(tmp_path: Path) -> None:
    project = copy_project(tmp_path / "project")
    definition = project / "assets" / "python_docs" / "defs.yaml"
    smaller = definition.read_text("utf-8").replace("[dagster, pandas, pyarrow, lancedb]", "[pyarrow]")
    definition.write_text(smaller, "utf-8")
    home = project / ".dagster_home"
    home.mkdir()
    environment = {
        **os.environ,
        "PYTHONPATH": str(project),
        "DAGSTER_HOME": str(home),
        "LLMOPS_LAKE": str(project / "lake"),
    }
    killed = subprocess.Popen(
        [BIN / "llmops", "run"],
        cwd=project,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert killed.stderr is not None
    for line in killed.stderr:
        if line.startswith("chunks: published"):
            os.kill(killed.pid, signal.SIGKILL)
            break
    assert killed.wait() == -signal.SIGKILL

    summary = json.loads(run_in(project, "llmops", "run", "--json").stdout)
    assert summary["failures"] == []
    assert summary["embedded"] + summary["reused"] > 0
    assert summary["release"] == "r0001"
    with dg.DagsterInstance.from_config(str(home)) as instance:
        statuses = sorted(run.status.value for run in instance.get_runs())
        assert statuses == ["FAILURE", "SUCCESS"]
    assert list((home / "llmops_runs").iterdir()) == []
