"""The automation of candidates: a new key is requested as a whole, once, and nothing else is. Every run is a real one."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from llmops_pipelines.orchestration.corpus import Corpus
from llmops_pipelines.orchestration.partitions import register_keys
from llmops_pipelines.orchestration.stages import CANDIDATE_STAGES, RELEASE, SOURCE_STAGES, chunks
from llmops_pipelines.quality.gates import GateResult
from llmops_pipelines.storage import Lake
from tests.dagster_runs import checks, definitions, failure, run_job
from tests.embedding.tiny_models import tiny_model
from tests.orchestration.tunable import tunable
from tests.tuning.threads import one_thread


@pytest.fixture(autouse=True, scope="module")
def single_threaded() -> Iterator[None]:
    with one_thread():
        yield


WAY = (*CANDIDATE_STAGES, RELEASE)


class Home:
    """A corpus with its lake and its Dagster instance, on which the sensor's condition is evaluated tick by tick."""

    def __init__(self, folder: Path, instance: dg.DagsterInstance, lake: Lake) -> None:
        self.folder, self.instance, self.lake = folder, instance, lake
        self.cursor = None
        self.corpus = self._corpus("tiny")
        self.base = self._register()

    def add_model(self, name: str) -> str:
        """Configure and register one more model; its key."""
        tiny_model(self.folder / name, window=48, seed=sum(name.encode()))
        self.corpus = self._corpus(*(model.name for model in self.corpus.configured), name)
        return self._register()

    def add_document(self) -> None:
        (self.folder / "documents" / "new.md").write_text("a new moon 999", "utf-8")

    def run(self, key: str, *stages: str) -> dg.ExecuteInProcessResult:
        """A run of `stages` for `key`: all of them as every night, some as in the UI."""
        return run_job(self.corpus, self.instance, self.lake.uri, "life", key, stages=stages)

    def start(self, key: str, *stages: str) -> dg.DagsterRun:
        """A run of `stages` for `key` that has made nothing yet."""
        return self.instance.create_run_for_job(
            self._definitions()
            .resolve_job_def(f"{self.corpus.name}_life")
            .get_subset(asset_selection={self.corpus.key(stage) for stage in stages} or None),
            status=dg.DagsterRunStatus.STARTED,
            tags={"dagster/partition": key},
        )

    def tick(self) -> list[tuple[str, str]]:
        """What the sensor requests now: stage and key."""
        result = dg.evaluate_automation_conditions(
            self._definitions(), self.instance, asset_selection=self.sensor().asset_selection, cursor=self.cursor
        )
        self.cursor = result.cursor
        stages = [self.corpus.key(stage) for stage in WAY]
        requested = [
            (key.path[-1], model)
            for key in stages
            for model in sorted(filter(None, result.get_requested_partitions(key)))
        ]
        assert len(requested) == result.total_requested
        return requested

    def sensor(self) -> dg.AutomationConditionSensorDefinition:
        [sensor] = [one for one in self._definitions().sensors or () if one.name == "moons_candidates"]
        assert isinstance(sensor, dg.AutomationConditionSensorDefinition)
        return sensor

    def _corpus(self, *models: str) -> Corpus:
        configured = {"models": [{"name": name, "folder": name} for name in models], "precision": "fp32"}
        return tunable(self.folder, embeddings=configured, fine_tuned_model={"epochs": 0})

    def _register(self) -> str:
        [key] = register_keys(self.corpus, self.instance, self.lake)
        return key

    def _definitions(self) -> dg.Definitions:
        return definitions(self.corpus, self.lake.uri)


@pytest.fixture
def home(tmp_path: Path, lake: Lake) -> Iterator[Home]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Home(tmp_path / "moons", instance, lake)


def way(*keys: str) -> list[tuple[str, str]]:
    return [(stage, key) for stage in WAY for key in sorted(keys)]


def test_exactly_the_new_key_is_requested_and_once(home: Home) -> None:
    assert home.tick() == []  # an empty home is the life job's
    assert home.run(home.base).success
    assert home.tick() == []
    new = home.add_model("new")
    assert home.tick() == way(new)
    assert home.tick() == []  # its run waits
    assert home.tick() == []
    taken = home.run(new, *WAY)
    assert taken.success
    assert checks(taken)["evaluation_report:verdict"] == checks(taken)["release:promoted"]
    assert home.tick() == []

    home.add_document()
    assert home.run(home.base).success  # a nightly run
    assert home.tick() == []
    assert home.run(home.base, *SOURCE_STAGES, "embeddings").success  # another one, that died
    assert home.tick() == []


def test_keys_that_wait_when_the_sensor_is_switched_on_are_requested_once(home: Home) -> None:
    new = home.add_model("new")
    assert home.run(new, *SOURCE_STAGES, "embeddings").success  # tried out in the UI: it has no report
    assert home.tick() == way(home.base, new)
    assert home.tick() == []
    assert home.tick() == []


def test_a_candidate_that_stays_half_built_is_not_tried_again_and_stalls_no_other(home: Home) -> None:
    assert home.run(home.base, *SOURCE_STAGES).success
    assert home.tick() == way(home.base)
    home.add_document()
    assert home.run(home.base, "documents", "clean_documents").success
    half_built = home.run(home.base, *CANDIDATE_STAGES)
    assert "chunks was made from other clean_documents" in failure(half_built)
    assert home.tick() == []
    new = home.add_model("new")
    assert home.tick() == way(new)
    assert home.run(home.base, *SOURCE_STAGES).success
    assert home.tick() == []


def test_a_key_whose_run_failed_before_the_sensor_was_switched_on_is_not_tried_again(home: Home) -> None:
    assert home.run(home.base, *SOURCE_STAGES).success
    home.add_document()
    assert home.run(home.base, "documents", "clean_documents").success
    assert not home.run(home.base, *CANDIDATE_STAGES).success
    assert home.tick() == []
    assert home.tick() == []


def test_a_key_that_a_run_is_making_a_report_of_is_not_requested_even_when_that_is_cancelled(home: Home) -> None:
    assert home.run(home.base, *SOURCE_STAGES).success
    by_hand = home.start(home.base, *CANDIDATE_STAGES)
    assert home.tick() == []
    home.instance.report_run_canceled(by_hand)
    assert home.tick() == []


def test_a_new_key_waits_while_the_chunks_are_being_made(home: Home) -> None:
    assert home.run(home.base, *SOURCE_STAGES).success
    new = home.add_model("new")
    nightly = home.start(home.base)
    assert home.tick() == []
    home.instance.report_run_canceled(nightly)
    assert home.tick() == []
    assert home.run(home.base, *SOURCE_STAGES).success
    assert home.tick() == way(new)


def test_a_new_key_waits_while_a_gate_of_the_chunks_fails(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    assert home.run(home.base, *SOURCE_STAGES).success
    assert home.tick() == way(home.base)
    home.add_document()
    with monkeypatch.context() as patched:
        patched.setattr(chunks, "chunk_gates", lambda *_: [GateResult("coverage", passed=False)])
        assert "coverage failed" in failure(home.run(home.base, *SOURCE_STAGES))
    new = home.add_model("new")
    assert home.tick() == []
    assert home.tick() == []
    assert home.run(home.base, *SOURCE_STAGES).success
    assert home.tick() == way(new)


def test_the_sensor_ships_stopped_and_makes_a_run_of_each_key(home: Home) -> None:
    assert home.sensor().default_status == dg.DefaultSensorStatus.STOPPED
    assert not home.sensor().emit_backfills
