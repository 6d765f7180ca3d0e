"""SIGKILL at every step of a release, a rollback and a withdrawal: the row is there, whole, or it is not.

A process kills itself where it enters or leaves the functions that write, and between them is killed at any moment.
"""

import multiprocessing
import os
import random
import shutil
import signal
import sys
from collections.abc import Callable
from multiprocessing.context import ForkServerProcess
from multiprocessing.synchronize import Event
from pathlib import Path
from types import FrameType

import pytest

from llmops_pipelines.release.ledger import pin
from llmops_pipelines.release.manifest import Release
from llmops_pipelines.release.releases import Releases
from llmops_pipelines.storage import Lake
from tests.index.hand_made import HandMade
from tests.release.made import ONE, THREE, TWO, manifest, release
from tests.verdicts import judge

STEPS = ("_append", "point_tag", "insert", "_created")  # what writes, and what calls it
PRELOADED = ["lance", "lancedb", "tests.faults.test_killed_release"]
ACTIONS = ("first", "release", "rollback", "withdrawal")
LAST = 1_000_000


class Start:
    """A lake in which the action can be done, as often as one likes: copied for each kill."""

    def __init__(self, folder: Path, action: str) -> None:
        self.folder = folder
        self.action = action
        lake = Lake(str(folder))
        made, releases = HandMade(lake), Releases(lake, "c")
        if action != "first":
            release(made, releases, ONE)
        if action in ("rollback", "withdrawal"):
            release(made, releases, TWO)
        self.wanted = manifest(made.build(THREE)[1])
        if action == "release":
            judge(releases, self.wanted)
        self.before = releases.history()

    def act(self, uri: str) -> Release:
        releases = Releases(Lake(uri), "c")
        if self.action == "rollback":
            return releases.rollback("me", "two is wrong")
        if self.action == "withdrawal":
            return releases.withdraw("me", "two is wrong")
        return releases.release(self.wanted, "me", "because")


def act_until(start: Start, uri: str, step: int, begun: Event) -> None:
    """Do the action, and be killed at step number `step`; exits with 0 where there are not as many."""
    passed = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal passed
        ours = "llmops_pipelines" in frame.f_code.co_filename and frame.f_code.co_name in STEPS
        if ours and event in ("call", "return"):
            passed += 1
            if passed > step:
                os.kill(os.getpid(), signal.SIGKILL)

    begun.set()
    sys.setprofile(count)
    start.act(uri)
    sys.setprofile(None)


@pytest.fixture(scope="module", params=ACTIONS)
def start(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Start:
    return Start(tmp_path_factory.mktemp("start") / request.param, request.param)


@pytest.fixture
def process() -> Callable[[Start, str, int], tuple[ForkServerProcess, Event]]:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)

    def made(start: Start, uri: str, step: int) -> tuple[ForkServerProcess, Event]:
        begun = context.Event()
        started = context.Process(target=act_until, args=(start, uri, step, begun), daemon=True)
        started.start()
        return started, begun

    return made


def require_whole(start: Start, lake: Lake) -> bool:
    """That nothing incomplete is in force, or on record; returns whether the row of the action is."""
    releases = Releases(lake, "c")
    assert releases.complaints() == []
    history = releases.history()
    assert history[: len(start.before)] == start.before
    done = len(history) > len(start.before)
    assert len(history) <= len(start.before) + 1
    current = releases.in_force()
    if done:
        added = history[-1]
        contents = {
            "first": start.wanted.identity,
            "release": start.wanted.identity,
            "rollback": start.before[0].manifest.identity if start.before else "",
            "withdrawal": start.before[0].manifest.identity if start.before else "",
        }
        assert current is not None
        assert current.manifest.identity == contents[start.action]
        assert added.action == ("release" if start.action == "first" else start.action)
    else:
        assert current == (start.before[-1] if start.before else None)
    if current:
        assert lake.tags("c.index").get(pin(current.manifest)) == current.manifest.index_version
        assert releases.open_index(current).count() == 1
    return done


def goes_on(start: Start, lake: Lake, done: bool) -> bool:
    """Whether the row is there once it is asked for again, where what was killed had not written it."""
    if not done:
        start.act(lake.uri)
    return require_whole(start, lake)


def test_at_every_step_the_row_is_there_whole_or_not_at_all(
    start: Start, process: Callable[[Start, str, int], tuple[ForkServerProcess, Event]], tmp_path: Path
) -> None:
    outcomes: list[bool] = []
    for step in range(LAST):
        lake = Lake(str(tmp_path / f"lake{step}"))
        shutil.copytree(start.folder, lake.uri)
        killed, _ = process(start, lake.uri, step)
        killed.join()
        if killed.exitcode == 0:
            break
        assert killed.exitcode == -signal.SIGKILL
        outcomes.append(require_whole(start, lake))
        assert goes_on(start, lake, outcomes[-1])
        shutil.rmtree(lake.uri)
    assert outcomes == sorted(outcomes), "what is on record does not go away"
    assert set(outcomes) == {False, True}, "it was killed before the row and after it"


def test_at_any_moment_the_row_is_there_whole_or_not_at_all(
    start: Start, process: Callable[[Start, str, int], tuple[ForkServerProcess, Event]], tmp_path: Path
) -> None:
    seed = random.randrange(1_000_000)
    drawn = random.Random(seed)
    for number in range(6):
        lake = Lake(str(tmp_path / f"lake{number}"))
        shutil.copytree(start.folder, lake.uri)
        killed, begun = process(start, lake.uri, LAST)
        begun.wait()
        killed.join(drawn.uniform(0, 0.3))
        killed.kill()
        killed.join()
        done = require_whole(start, lake)
        assert goes_on(start, lake, done), f"drawn by seed {seed}"
        shutil.rmtree(lake.uri)
