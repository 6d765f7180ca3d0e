"""An upstream model drifts under a daemon and PostgreSQL: one run of the right partition, whatever is killed in between."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pytest
import yaml
from pytest_httpserver import HTTPServer

from llmops_pipelines.drift.history import History, Observation
from llmops_pipelines.drift.verdict import DriftVerdict
from llmops_pipelines.orchestration.upstream.page import CAUSE_TAG, EPISODE_TAG
from llmops_pipelines.storage import Lake
from tests.drift.upstream_models import ChangingEmbedder, failing, moved
from tests.embedding.fake_endpoint import DIMENSION, vector
from tests.orchestration.glossary import WORDS
from tests.postgres.conftest import Server
from tests.project_copy import BIN, copy_project
from tests.suite_files import write_suite

SENSOR, JOB = "words_reevaluations", "upstream_served_observe"
TICK_SECONDS = 2 + 10  # between two looks of the sensor, with the daemon's own delay
# The daemon, which looks oftener than users ask, and is killed where a sensor's runs are launched and its cursor is not
# written yet, if the file is there.
DAEMON = """
import os, signal
from pathlib import Path
import dagster._daemon.sensor as sensor
from dagster._core.remote_representation.external import RemoteSensor
RemoteSensor.min_interval_seconds = 2
kept = sensor.SensorLaunchContext.update_state
def update_state(self, status, **kwargs):
    mark = Path(os.environ["KILL_MARK"])
    if mark.exists() and self.tick.run_ids:
        mark.unlink()
        os.kill(os.getpid(), signal.SIGKILL)
    return kept(self, status, **kwargs)
sensor.SensorLaunchContext.update_state = update_state
from dagster._daemon.cli import main
main()
"""


class Deployment:
    """A copy of the project with one corpus and its upstream embedder, on PostgreSQL, with a daemon that can be killed."""

    def __init__(self, folder: Path, environment: dict[str, str], embedder: ChangingEmbedder) -> None:
        self.project = copy_project(folder / "project")
        self.embedder = embedder
        home = folder / "home"
        home.mkdir()
        (home / "dagster.yaml").write_text((self.project / "deploy" / "dagster.yaml").read_text("utf-8"), "utf-8")
        self.lake = Lake(str(folder / "lake"))
        self.mark = folder / "kill"
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("LLMOPS_", "DAGSTER_"))},
            **environment,
            "DAGSTER_HOME": str(home),
            "LLMOPS_LAKE": self.lake.uri,
            "PYTHONPATH": str(self.project),
            "KILL_MARK": str(self.mark),
        }
        self.log = folder / "daemon.log"
        self._declare()

    def _declare(self) -> None:
        model = {"name": "served", "base_url": self.embedder.endpoint.url, "model": "m", "dimension": DIMENSION}
        upstream = {
            "name": "served",
            "role": "embedder",
            "model": {**model, "max_tokens": 256, "max_retries": 0},
            "reevaluation": {"cool_down_hours": 0},
        }
        corpus = {
            "name": "words",
            "source": {"type": "directory", "uri": "documents"},
            "clean_documents": {"min_characters": 1},
            "embeddings": {"models": ["bundled", {"upstream": "served"}]},
            "evaluation": {"suites": ["written.yaml"], "known_items": 0},
            "fine_tuned_model": {"epochs": 0},
        }
        for place, name, attributes in (
            ("upstream/served", "UpstreamModel", upstream),
            ("words", "CorpusLifecycle", corpus),
        ):
            folder = self.project / "assets" / place
            folder.mkdir(parents=True)
            content = {"type": f"llmops_pipelines.components.{name}", "attributes": attributes}
            (folder / "defs.yaml").write_text(yaml.safe_dump(content), "utf-8")
        words = self.project / "assets" / "words"
        (words / "documents").mkdir()
        lines = []
        for word, meaning in WORDS.items():
            (words / "documents" / f"{word}.md").write_text(
                f"# {word}\n\nThis page is about the word {word}.\n", "utf-8"
            )
            lines.append(json.dumps({"id": word, "question": meaning, "answers": [f"{word}.md"], "part": "dev"}))
        (words / "questions.jsonl").write_text("\n".join(lines), "utf-8")
        metrics = {"nDCG@10": {"direction": "higher", "role": "primary", "margin": 0.1}}
        write_suite(words, system="dense", metrics=metrics)  # all of it is the model's

    def call(self, *command: str) -> str:
        done = subprocess.run(
            [str(BIN / command[0]), *command[1:]],
            cwd=self.project,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, f"{command}:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def start(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as output:
            return subprocess.Popen(
                [sys.executable, "-c", DAEMON, "run", "-w", "workspace.yaml"],
                cwd=self.project,
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def observations(self) -> list[Observation]:
        return History(self.lake, "served").observations()


@pytest.fixture
def deployment(
    server: Server, tmp_path: Path, http_server: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Deployment, dg.DagsterInstance]]:
    http_server.clear()
    database = f"drift_{tmp_path.name}"
    server.create_database(database)
    made = Deployment(tmp_path, server.environment(database), ChangingEmbedder(http_server))
    for name, value in server.environment(database).items():
        monkeypatch.setenv(name, value)
    with dg.DagsterInstance.from_config(made.environment["DAGSTER_HOME"]) as instance:
        yield made, instance


class Watch:
    """What the daemon does, as the instance has it."""

    def __init__(self, made: Deployment, instance: dg.DagsterInstance) -> None:
        self.made, self.instance, self.begun = made, instance, time.time()

    def asked(self) -> list[dg.DagsterRun]:
        """The runs that were asked for because of a change."""
        return list(self.instance.get_runs(dg.RunsFilter(tags={CAUSE_TAG: "served"})))

    def looks(self) -> int:
        """How often the sensor has looked since the test began."""
        ticks = [
            tick
            for state in self.instance.all_instigator_state()
            if state.instigator_name == SENSOR
            for tick in self.instance.get_ticks(state.instigator_origin_id, state.selector_id)
        ]
        return sum(tick.timestamp > self.begun and tick.status.value in ("SKIPPED", "SUCCESS") for tick in ticks)

    def look_again(self, times: int = 1) -> None:
        seen = self.looks()
        until(lambda: self.looks() >= seen + times, times * TICK_SECONDS + 300, self.made)

    def observe(self) -> Observation:
        """One observation, by the job, through the daemon's queue."""
        seen = len(self.made.observations)
        self.made.call("dagster", "job", "launch", "-j", JOB, "-w", "workspace.yaml")
        until(lambda: len(self.made.observations) > seen, 300, self.made)
        return self.made.observations[-1]


def until(what: Callable[[], Any], seconds: float, made: Deployment) -> Any:
    """What `what` gives once it is true; a failure with the daemon's log where that takes longer."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := what():
            return found
        time.sleep(0.5)
    pytest.fail(f"it did not happen within {seconds:g} s:\n{made.log.read_text('utf-8', 'replace')[-5000:]}")


def knowing(text: str) -> np.ndarray:
    """A model that knows what the words mean: a page and the question that it answers are near each other."""
    known = (word for word, meaning in WORDS.items() if text.endswith((meaning, f"about the word {word}.")))
    return vector(next(known, text)) + 0.1 * vector(text)


def test_one_change_is_one_run_of_the_right_partition(deployment: tuple[Deployment, dg.DagsterInstance]) -> None:
    made, instance = deployment
    made.embedder.model = knowing
    forgetful = moved(2.0, of=knowing)
    made.call("llmops", "run", "words", "--json")
    key = json.loads(made.call("llmops", "reembed", "words", "--model", "served", "--json"))["model"]
    made.call("llmops", "models", "accept", "served")
    made.call("dagster", "sensor", "start", SENSOR, "-w", "workspace.yaml")
    watch = Watch(made, instance)
    daemon = made.start()
    try:
        assert watch.observe().verdict == DriftVerdict.UNCHANGED
        watch.look_again()
        assert watch.asked() == [], "none before the change"

        made.embedder.model = forgetful
        made.mark.touch()
        assert watch.observe().verdict == DriftVerdict.BEHAVIOUR_CHANGED
        assert daemon.wait(TICK_SECONDS + 300) == -signal.SIGKILL, "it was killed between request and cursor"
        assert len(watch.asked()) == 1

        daemon = made.start()
        done = until(lambda: [run for run in watch.asked() if run.is_finished], 600, made)
        assert [run.status for run in done] == [dg.DagsterRunStatus.SUCCESS]
        watch.look_again(2)
        (run,) = watch.asked()
        assert (run.tags["dagster/partition"], run.tags[EPISODE_TAG]) == (key, "1")
        assert {asset.path[-1] for asset in run.asset_selection or ()} == {"evaluation", "evaluation_report", "release"}

        made.embedder.down = failing(500)
        found = watch.observe()
        assert (found.verdict, found.episode) == (DriftVerdict.UNMEASURED, None)
        made.embedder.down = None
        made.embedder.model = knowing
        assert watch.observe().verdict == DriftVerdict.UNCHANGED
        made.embedder.model = forgetful
        assert watch.observe().episode == 2
        until(lambda: len(watch.asked()) == 2, TICK_SECONDS + 300, made)
        watch.look_again()
        assert {run.tags[EPISODE_TAG] for run in watch.asked()} == {"1", "2"}
        assert {run.tags["dagster/partition"] for run in watch.asked()} == {key}
    finally:
        if daemon.poll() is None:
            os.killpg(daemon.pid, signal.SIGTERM)
            daemon.wait(60)
