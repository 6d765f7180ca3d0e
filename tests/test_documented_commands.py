"""The commands and files of README and CONTRIBUTING: run, in order, in a copy of the project with a smaller corpus."""

import os
import re
import subprocess
import textwrap
from pathlib import Path

import pytest

from tests.conftest import PROJECT
from tests.project_copy import BIN, copy_project

BLOCK = re.compile(r"^ *```(?P<language>\w+)(?: file=(?P<file>\S+))?\n(?P<body>.*?)^ *```$", re.MULTILINE | re.DOTALL)
# What does not end by itself, or is the suite that runs this test: the browser test starts the UI.
ELSEWHERE = {"make ui", "make test", "source .venv/bin/activate"}
TIMEOUT = 600


def blocks(document: str) -> list[tuple[str, str | None, str]]:
    """(language, file, body) of every fenced block, in order."""
    text = (PROJECT / document).read_text("utf-8")
    return [(found["language"], found["file"], textwrap.dedent(found["body"])) for found in BLOCK.finditer(text)]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy whose python_docs reads one small package, with the environment's own interpreter as `.venv`."""
    project = copy_project(tmp_path_factory.mktemp("documented") / "project")
    definition = project / "assets" / "python_docs" / "defs.yaml"
    definition.write_text(
        definition.read_text("utf-8").replace("[dagster, pandas, pyarrow, lancedb]", "[pyarrow]"), "utf-8"
    )
    (project / "Makefile").write_text((PROJECT / "Makefile").read_text("utf-8"), "utf-8")
    (project / ".venv" / "bin").mkdir(parents=True)
    for program in ("python", "llmops", "dg"):
        (project / ".venv" / "bin" / program).symlink_to(BIN / program)
    (project / ".venv" / ".installed").touch()
    return project


def run(command: str, project: Path) -> None:
    environment = {
        **{name: value for name, value in os.environ.items() if name not in ("DAGSTER_HOME", "LLMOPS_LAKE")},
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "PYTHONPATH": str(project),
    }
    done = subprocess.run(
        command, shell=True, cwd=project, env=environment, capture_output=True, text=True, timeout=TIMEOUT, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_what_is_written_works(document: str, project: Path) -> None:
    for leftover in ("handbook", "handbook_tables"):
        subprocess.run(["rm", "-rf", str(project / "assets" / leftover)], check=True)
    ran = 0
    for language, file, body in blocks(document):
        if file:
            (project / file).parent.mkdir(parents=True, exist_ok=True)
            (project / file).write_text(body, "utf-8")
        elif language == "sh":
            for line in body.strip().splitlines():
                command = line.split("  #")[0].strip()
                if command not in ELSEWHERE:
                    run(command, project)
                    ran += 1
    assert ran >= 8


def test_the_readme_opens_with_the_two_commands_that_set_everything_up() -> None:
    language, _, body = blocks("README.md")[0]
    assert language == "sh"
    assert [line.split("  #")[0].strip() for line in body.strip().splitlines()] == ["make run", "make test"]


def test_every_link_to_a_file_leads_to_one() -> None:
    for document in [
        "README.md",
        "CONTRIBUTING.md",
        *(p.relative_to(PROJECT).as_posix() for p in PROJECT.glob("docs/*.md")),
    ]:
        text = (PROJECT / document).read_text("utf-8")
        for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", text):
            assert ((PROJECT / document).parent / target).exists(), f"{document}: {target}"
