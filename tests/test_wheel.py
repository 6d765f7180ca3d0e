"""The wheel: built, unpacked and loaded away from the checkout."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

from llmops_pipelines.orchestration.stages import STAGE_NAMES
from tests.conftest import PROJECT


def test_the_wheel_carries_all_that_the_code_location_needs(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=PROJECT,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        archive.extractall(site)
    for needed in (
        "pyproject.toml",
        "assets/python_docs/defs.yaml",
        "assets/python_docs/evaluation/written.jsonl",
        "assets/python_docs/evaluation/written.yaml",
        "llmops_pipelines/quality/suites/documents.yaml",
        "llmops_pipelines/evaluation/suites/known_items.yaml",
        "llmops_pipelines/drift/probes/embedder.yaml",
        "llmops_pipelines/drift/probes/llm.yaml",
        "llmops_pipelines/evaluation/templates/report.html.j2",
    ):
        assert needed in names
    assert not any(name.startswith(("tests/", "benchmarks/", "lake/")) for name in names)

    code = (
        "import llmops_pipelines, assets; from llmops_pipelines.definitions import defs; "
        "repository = defs().get_repository_def(); "
        "print(llmops_pipelines.__file__, assets.__file__, *(key.path[-1] for key in repository.assets_defs_by_key))"
    )
    environment = {**os.environ, "PYTHONPATH": str(site), "LLMOPS_LAKE": str(tmp_path / "lake")}
    library, graph, *stages = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    ).stdout.split()
    assert (library, graph) == (str(site / "llmops_pipelines" / "__init__.py"), str(site / "assets" / "__init__.py"))
    assert {*STAGE_NAMES, "maintenance", "data_drift", "suites", "production"} == set(stages)
