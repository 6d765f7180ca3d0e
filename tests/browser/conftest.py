"""`llmops ui` on a copy of the project with a small corpus and an empty DAGSTER_HOME, and a real Chromium to look at it."""

import os
import re
import select
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import ConsoleMessage, Locator, Page, sync_playwright

from llmops_pipelines.storage import Lake
from tests.project_copy import BIN, copy_project

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
START_SECONDS, STOP_SECONDS = 180, 60
RUN_MILLISECONDS = 480_000


@dataclass(frozen=True)
class UI:
    """A running `llmops ui`: where it answers, the project that it serves and its lake."""

    url: str
    project: Path
    environment: dict[str, str]
    lake: Lake


@dataclass
class Chromium:
    """One page of a browser, and the errors that it wrote to its console."""

    page: Page
    errors: list[str] = field(default_factory=list)

    def keep_error(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(f"{message.location['url']}: {message.text}")

    def screenshot(self, name: str) -> None:
        """Save what is shown now in the folder that LLMOPS_SCREENSHOTS names."""
        folder = os.environ.get("LLMOPS_SCREENSHOTS")
        if folder:
            self.page.screenshot(path=Path(folder) / f"{name}.png", animations="disabled")


def metadata(page: Page, key: str) -> Locator:
    """The cell of a metadata value on an asset's page."""
    table = page.get_by_role("table").filter(has=page.get_by_text("Timestamp", exact=True))
    row = table.get_by_role("row").filter(has=page.get_by_role("cell", name=key, exact=True))
    return row.get_by_role("cell").nth(2)


def run_outcome(page: Page) -> str:
    """The word by which the page of the run that was just launched names its end, once it has ended."""
    page.wait_for_url("**/runs/*")
    ended = page.get_by_text(re.compile("^(Success|Failure|Canceled)$")).first
    ended.wait_for(timeout=RUN_MILLISECONDS)
    return ended.inner_text()


@pytest.fixture(scope="module")
def ui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UI]:
    folder = tmp_path_factory.mktemp("ui")
    project = copy_project(folder / "project")
    settings = project / "assets" / "python_docs" / "defs.yaml"
    smaller, replaced = re.subn(r"packages: \[.*\]", "packages: [pyarrow]", settings.read_text("utf-8"))
    assert replaced == 1
    # Enough for a training: the test questions are learned from, the checkpoint is chosen on few.
    recipe = (
        "{loss: multiple_negatives_ranking, learning_rate: 5.0e-5, epochs: 6, seed: 7, min_dev: 3, min_neighbours: 0.0}"
    )
    tuning = f"  training_set: {{dev_share: 0.3}}\n  fine_tuned_model: {recipe}\n"
    settings.write_text(f"{smaller.rstrip()}\n{tuning}", "utf-8")
    questions = settings.parent / "evaluation" / "written.jsonl"
    questions.write_text(questions.read_text("utf-8").replace('"part": "test"', '"part": "train"'), "utf-8")

    with serving(project, folder) as served:
        yield served


@contextmanager
def serving(project: Path, folder: Path) -> Iterator[UI]:
    """`llmops ui` on `project`, with an empty DAGSTER_HOME and lake in `folder`."""
    home, lake = folder / "dagster_home", folder / "lake"
    home.mkdir()
    ours = {"PYTHONPATH": str(project), "DAGSTER_HOME": str(home), "LLMOPS_LAKE": str(lake)}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("DAGSTER_", "LLMOPS_"))}
    environment = inherited | ours
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    with _running(["ui", "--port", str(port)], project, environment, folder / "ui.log", f"{url}/server_info"):
        yield UI(url, project, environment, Lake(str(lake)))


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    if not CHROMIUM.exists():
        reason = f"there is no {CHROMIUM}: install the package chromium"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        shown = Chromium(browser.new_page(viewport={"width": 1600, "height": 1000}))
        shown.page.on("console", shown.keep_error)
        shown.page.on("pageerror", lambda error: shown.errors.append(str(error)))
        yield shown
        browser.close()


@contextmanager
def _running(
    arguments: list[str], project: Path, environment: dict[str, str], log: Path, ready: str
) -> Iterator[subprocess.Popen[bytes]]:
    """The llmops command in a process group of its own, from its first answer to the end of its last process."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [BIN / "llmops", *arguments],
            cwd=project,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    home = environment["DAGSTER_HOME"]
    try:
        _wait_until_ready(process, ready, log)
        yield process
    finally:
        # As Ctrl-C in a terminal does: to the whole group.
        os.killpg(process.pid, signal.SIGINT)
        _wait_for_end(_processes_of(home))
        if _processes_of(home):
            os.killpg(process.pid, signal.SIGKILL)
            _wait_for_end(_processes_of(home))
        process.wait(STOP_SECONDS)
        assert _processes_of(home) == []


def _wait_until_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                assert answer.status == 200
                return
        except (urllib.error.URLError, TimeoutError):
            try:
                process.wait(0.2)
            except subprocess.TimeoutExpired:
                continue
            break
    pytest.fail(f"{url} does not answer; the log of llmops ui:\n{log.read_text('utf-8')}")


def _processes_of(home: str) -> list[int]:
    """The processes that have `home` as their DAGSTER_HOME, whichever group they are in."""
    wanted = f"DAGSTER_HOME={home}\0".encode()
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and wanted in (entry / "environ").read_bytes():
                found.append(int(entry.name))
        except (OSError, PermissionError):
            continue  # it has ended meanwhile, or belongs to somebody else
    return found


def _wait_for_end(pids: list[int]) -> None:
    deadline = time.monotonic() + STOP_SECONDS
    for pid in pids:
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        select.select([handle], [], [], max(0.0, deadline - time.monotonic()))
        os.close(handle)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
