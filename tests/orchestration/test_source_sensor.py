"""The sensor on a source: one request a change, when it holds still, whatever it changed to before."""

import json
from pathlib import Path

import dagster as dg
import pytest

from llmops_pipelines.corpus.sources.protocol import Source
from llmops_pipelines.orchestration.corpus import Corpus
from llmops_pipelines.orchestration.source_sensor import source_sensor
from llmops_pipelines.resources.lake import LakeResource
from llmops_pipelines.storage import Lake
from tests.dagster_runs import definitions, run_job
from tests.orchestration.test_planning import notes, write


class Looks:
    """Looks at the sensor of a corpus one after the other, as the daemon does."""

    def __init__(self, corpus: Corpus, instance: dg.DagsterInstance, lake: Lake) -> None:
        self.corpus, self.instance, self.lake = corpus, instance, lake
        self.cursor: str | None = None
        self.keys: list[str] = []

    def __call__(self) -> dg.SensorResult | dg.SkipReason:
        context = dg.build_sensor_context(
            instance=self.instance,
            cursor=self.cursor,
            repository_def=definitions(self.corpus, self.lake.uri).get_repository_def(),
        )
        result = source_sensor(self.corpus)(context, lake=LakeResource(uri=self.lake.uri))
        assert isinstance(result, dg.SensorResult | dg.SkipReason)
        if isinstance(result, dg.SensorResult):
            self.cursor = result.cursor
            self.keys += [request.run_key or "" for request in result.run_requests or []]
        return result


@pytest.fixture
def look(tmp_path: Path, instance: dg.DagsterInstance, lake: Lake) -> Looks:
    return Looks(notes(tmp_path), instance, lake)


def test_a_change_is_requested_once_when_it_holds_still(look: Looks) -> None:
    base = look.corpus.base_model.key
    look()
    assert look.keys == [f"1/{base}"], "what it finds when it is switched on"
    look()
    write(look.corpus.folder, "first half", "new.md")
    look()
    write(look.corpus.folder, "first half and second half", "new.md")
    assert "is changing" in str(getattr(look(), "skip_reason", ""))
    assert len(look.keys) == 1
    look()
    assert look.keys == [f"1/{base}", f"2/{base}"]
    look()
    assert len(look.keys) == 2


def test_a_change_back_is_a_change(look: Looks) -> None:
    look()
    write(look.corpus.folder, "for a while", "new.md")
    look(), look()
    (look.corpus.folder / "documents" / "new.md").unlink()
    look(), look()
    assert [key.partition("/")[0] for key in look.keys] == ["1", "2", "3"]
    assert len(set(look.keys)) == 3, "Dagster runs a key once for ever"


def test_it_looks_and_reads_nothing(look: Looks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(look.corpus.source), "documents", lambda self: pytest.fail("was read"))
    look()
    assert look.lake.names() == []


def test_the_run_that_it_asks_for_runs(look: Looks) -> None:
    result = look()
    assert isinstance(result, dg.SensorResult)
    [request] = result.run_requests or []
    assert run_job(look.corpus, look.instance, look.lake.uri, model_key=request.partition_key).success
    sensor = source_sensor(look.corpus)
    assert (sensor.default_status, sensor.job_name) == (dg.DefaultSensorStatus.STOPPED, "notes_life")
    assert json.loads(look.cursor or "")["changes"] == 1


def test_a_source_that_cannot_tell_is_left_to_the_night(
    look: Looks, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Untold:
        """A source without a state."""

        documents = Source.documents

    monkeypatch.setattr(Corpus, "source", Untold())
    assert "use notes_nightly" in str(getattr(look(), "skip_message", ""))
