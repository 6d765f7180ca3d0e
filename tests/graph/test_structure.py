"""The structure of the code: who imports whom, what loading the code location costs, and whose `assets` it is."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import assets
import resources
from tests.conftest import PROJECT

LIBRARY = PROJECT / "llmops_pipelines"
HEAVY = ("torch", "sentence_transformers", "transformers", "lancedb", "lance", "great_expectations", "ray")
# Inside the domain a package imports only those to its left.
DOMAIN = (
    "storage",
    "quality",
    "corpus",
    "embedding",
    "index",
    "evaluation",
    "tuning",
    "release",
    "generation",
    "drift",
)
LAYERS = {
    **{package: set(DOMAIN[: i + 1]) for i, package in enumerate(DOMAIN)},
    "resources": {"storage", "resources"},
    "orchestration": {*DOMAIN, "resources", "orchestration"},
    "components": {*DOMAIN, "resources", "orchestration", "components"},
}


def imported(path: Path) -> set[str]:
    """The modules that a file imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


@pytest.mark.parametrize("package", sorted(LAYERS))
def test_a_package_imports_only_its_layer_and_those_below(package: str) -> None:
    files = sorted((LIBRARY / package).rglob("*.py"))
    assert files
    for path in files:
        ours = {name.split(".")[1] for name in imported(path) if name.startswith("llmops_pipelines.")}
        assert ours <= LAYERS[package], path
        if package in DOMAIN:
            assert not any(name.split(".")[0] == "dagster" for name in imported(path)), path


def test_loading_the_code_location_imports_nothing_heavy() -> None:
    code = "import sys; from llmops_pipelines.definitions import defs; defs(); print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "dagster" in loaded
    assert [name for name in HEAVY if name in loaded] == []


def test_assets_and_resources_are_this_projects() -> None:
    assert Path(str(assets.__file__)).parent == PROJECT / "assets"
    assert Path(str(resources.__file__)).parent == PROJECT / "resources"


def test_only_the_bindings_read_the_environments_name() -> None:
    readers = {
        path.relative_to(PROJECT).as_posix()
        for folder in ("llmops_pipelines", "assets", "resources")
        for path in (PROJECT / folder).rglob("*.py")
        if 'environ.get("LLMOPS_ENV"' in path.read_text("utf-8")
    }
    assert readers == {"resources/__init__.py"}
