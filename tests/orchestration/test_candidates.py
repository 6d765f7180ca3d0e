"""The automation of candidates: a new key is requested as a whole, once, and nothing else is."""

from pathlib import Path

import dagster as dg
import pytest

from llmops_pipelines.orchestration.corpus import Corpus
from llmops_pipelines.orchestration.lifecycle import lifecycle
from llmops_pipelines.orchestration.settings import CorpusSettings
from llmops_pipelines.orchestration.stages import CANDIDATE_STAGES, SOURCE_STAGES
from llmops_pipelines.resources.lake import LakeResource


class Ticks:
    """Ticks of the automation of one corpus on an instance in memory."""

    def __init__(self, folder: Path, instance: dg.DagsterInstance) -> None:
        raw = {"name": "articles", "source": {"type": "directory", "uri": "documents"}}
        self.corpus = Corpus(CorpusSettings.model_validate(raw), folder)
        bound = dg.Definitions(resources={"lake": LakeResource(uri=str(folder / "lake"))})
        self.definitions = dg.Definitions.merge(lifecycle(self.corpus), bound)
        self.instance = instance
        self.cursor = None
        self.checked: set[tuple[str, str | None]] = set()

    def tick(self) -> list[tuple[str, str]]:
        """What is requested now: stage and key."""
        way = [self.corpus.key(stage) for stage in CANDIDATE_STAGES]
        result = dg.evaluate_automation_conditions(
            self.definitions, self.instance, asset_selection=dg.AssetSelection.assets(*way), cursor=self.cursor
        )
        self.cursor = result.cursor
        return [
            (stage, key)
            for stage in CANDIDATE_STAGES
            for key in sorted(result.get_requested_partitions(self.corpus.key(stage)))
            if key is not None
        ]

    def add(self, key: str) -> None:
        assert self.corpus.embedding_model.name
        self.instance.add_dynamic_partitions(self.corpus.embedding_model.name, [key])

    def materialise(self, *stages: str, key: str | None = None, passed: bool = True) -> None:
        for stage in stages:
            asset = self.corpus.key(stage)
            self.instance.report_runless_asset_event(dg.AssetMaterialization(asset, partition=key))
            if (stage, key) in self.checked:  # an event without a run can be reported once
                continue
            self.checked.add((stage, key))
            for definition in self.definitions.assets or ():
                for spec in getattr(definition, "check_specs", ()):
                    if spec.asset_key == asset:
                        self.instance.report_runless_asset_event(
                            dg.AssetCheckEvaluation(asset, spec.name, passed, metadata={}, partition=key)
                        )


@pytest.fixture
def ticks(tmp_path: Path) -> Ticks:
    ticks = Ticks(tmp_path, dg.DagsterInstance.ephemeral())
    ticks.add("base-1")
    assert ticks.tick() == []  # an empty home is the life job's
    ticks.materialise(*SOURCE_STAGES)
    ticks.materialise(*CANDIDATE_STAGES, key="base-1")
    assert ticks.tick() == []
    return ticks


def test_exactly_the_new_key_is_requested_and_once(ticks: Ticks) -> None:
    ticks.add("tuned-1")
    assert ticks.tick() == [(stage, "tuned-1") for stage in CANDIDATE_STAGES]
    assert ticks.tick() == []
    ticks.materialise(*CANDIDATE_STAGES, key="tuned-1")
    assert ticks.tick() == []
    assert ticks.tick() == []


def test_a_key_that_waits_when_the_sensor_is_switched_on_is_requested_once(tmp_path: Path) -> None:
    ticks = Ticks(tmp_path, dg.DagsterInstance.ephemeral())
    ticks.add("base-1")
    ticks.materialise(*SOURCE_STAGES)
    ticks.materialise(*CANDIDATE_STAGES, key="base-1")
    ticks.add("tuned-1")
    assert ticks.tick() == [(stage, "tuned-1") for stage in CANDIDATE_STAGES]
    assert ticks.tick() == []


def test_a_candidate_that_stays_half_built_stalls_no_other(ticks: Ticks) -> None:
    ticks.add("tuned-1")
    assert ticks.tick()
    ticks.materialise("embeddings", key="tuned-1")
    ticks.add("tuned-2")
    assert ticks.tick() == [(stage, "tuned-2") for stage in CANDIDATE_STAGES]


def test_the_nightly_run_of_another_model_requests_nothing(ticks: Ticks) -> None:
    ticks.add("tuned-1")
    assert ticks.tick()
    ticks.materialise(*CANDIDATE_STAGES, key="tuned-1")
    ticks.tick()
    ticks.materialise(*SOURCE_STAGES)
    assert ticks.tick() == []
    ticks.materialise(*CANDIDATE_STAGES, key="base-1")
    assert ticks.tick() == []


def test_a_new_key_waits_while_a_check_of_the_chunks_has_failed(tmp_path: Path) -> None:
    ticks = Ticks(tmp_path, dg.DagsterInstance.ephemeral())
    ticks.add("base-1")
    ticks.tick()
    ticks.materialise(*SOURCE_STAGES, passed=False)
    ticks.materialise(*CANDIDATE_STAGES, key="base-1")
    ticks.tick()
    ticks.add("tuned-1")
    assert ticks.tick() == []


def test_the_sensor_ships_stopped_and_targets_the_way_of_a_candidate(ticks: Ticks) -> None:
    sensors = {sensor.name: sensor for sensor in ticks.definitions.sensors or ()}
    sensor = sensors["articles_candidates"]
    assert isinstance(sensor, dg.AutomationConditionSensorDefinition)
    assert sensor.default_status == dg.DefaultSensorStatus.STOPPED
