"""The instance of deploy/dagster.yaml on a real PostgreSQL: the life of a corpus is run, recorded and read back."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import dagster as dg
import psycopg2
import pytest
from dagster_postgres.utils import DagsterPostgresException

from llmops_pipelines.orchestration.corpus import Corpus
from llmops_pipelines.orchestration.partitions import register_keys
from llmops_pipelines.orchestration.stages import CANDIDATE_STAGES, RELEASE
from llmops_pipelines.storage import Lake
from tests.conftest import PROJECT
from tests.dagster_runs import STAGES, checks, failure, metadata, run_job
from tests.postgres.conftest import Server

PARTITIONED = [*CANDIDATE_STAGES, RELEASE]


@pytest.fixture
def home(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A DAGSTER_HOME with the deployed dagster.yaml, and the environment that names a new database."""
    database = f"dagster_{tmp_path.name}"
    server.create_database(database)
    for name, value in server.environment(database).items():
        monkeypatch.setenv(name, value)
    folder = tmp_path / "dagster_home"
    folder.mkdir()
    shutil.copyfile(PROJECT / "deploy" / "dagster.yaml", folder / "dagster.yaml")
    return folder


@pytest.fixture
def instance(home: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.from_config(str(home)) as made:
        yield made


def work_done(result: dg.ExecuteInProcessResult) -> dict[str, int]:
    """How many rows the stages added, and how many texts the model embedded."""
    counted = dict.fromkeys(STAGES[:3], "added") | {"embeddings": "embedded", "evaluation": "questions_embedded"}
    found = metadata(result)
    return {stage: found[stage][name] for stage, name in counted.items()}


def data_versions(result: dg.ExecuteInProcessResult) -> dict[str, str]:
    return {
        event.materialization.asset_key.path[-1]: event.materialization.tags["dagster/data_version"]
        for event in result.get_asset_materialization_events()
    }


def test_every_storage_of_the_instance_is_the_database_of_the_environment(
    instance: dg.DagsterInstance, server: Server, home: Path
) -> None:
    storages = (instance.run_storage, instance.event_log_storage, instance.schedule_storage)
    assert [storage.postgres_url.split(":")[0] for storage in storages] == ["postgresql+psycopg2"] * 3
    database = f"dagster_{home.parent.name}"
    login = server.environment(database)
    with closing(
        psycopg2.connect(
            host="127.0.0.1",
            port=server.port,
            user=login["DAGSTER_POSTGRES_USER"],
            password=server.password,
            dbname=database,
        )
    ) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        assert {"runs", "event_logs", "dynamic_partitions", "job_ticks"} <= {name for (name,) in cursor.fetchall()}
    assert list(home.rglob("*.db")) == []


def test_life_is_read_back_from_a_second_instance_and_a_second_run_does_nothing(
    corpus: Corpus, lake: Lake, instance: dg.DagsterInstance, home: Path
) -> None:
    assert register_keys(corpus, instance, lake) == corpus.model_keys()
    [key] = corpus.model_keys()
    first = run_job(corpus, instance, lake.uri)
    assert first.success
    # Five documents of one chunk each, and the three questions of the dev part.
    assert list(work_done(first).values()) == [5, 5, 5, 5, 3]

    with dg.DagsterInstance.from_config(str(home)) as reader:
        assert reader.get_dynamic_partitions("articles_embedding_model") == [key]
        record = reader.get_run_record_by_id(first.run_id)
        assert record is not None and record.dagster_run.status == dg.DagsterRunStatus.SUCCESS
        events = [entry.dagster_event for entry in reader.all_logs(first.run_id) if entry.dagster_event]
        ended = [event.step_key for event in events if event.event_type == dg.DagsterEventType.STEP_SUCCESS]
        assert sorted(ended) == sorted(f"articles__{stage}" for stage in STAGES)
        evaluated = [
            event.asset_check_evaluation_data
            for event in events
            if event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION
        ]
        read_checks = {f"{found.asset_key.path[-1]}:{found.check_name}": found.passed for found in evaluated}
        assert read_checks == checks(first)
        assert list(read_checks.values()) == [True] * 40
        for stage in STAGES:
            event = reader.get_latest_materialization_event(corpus.key(stage))
            assert event is not None and event.asset_materialization is not None
            assert event.run_id == first.run_id
            assert event.asset_materialization.partition == (key if stage in PARTITIONED else None)
            read = {name: value.value for name, value in event.asset_materialization.metadata.items()}
            assert read == metadata(first)[stage]
        for stage in PARTITIONED:
            assert reader.get_materialized_partitions(corpus.key(stage)) == {key}
        second = run_job(corpus, reader, lake.uri)

    assert second.success
    assert [found["done"].split(":")[0] for found in metadata(second).values()] == ["nothing"] * len(STAGES)
    assert list(work_done(second).values()) == [0, 0, 0, 0, 0]
    assert data_versions(second) == data_versions(first)
    assert instance.get_runs_count() == 2


def test_password_is_in_no_description_or_record_of_the_instance(
    corpus: Corpus, lake: Lake, instance: dg.DagsterInstance, server: Server, capfd: pytest.CaptureFixture[str]
) -> None:
    # Nothing is released, so the run fails: an exception with its stack is recorded as well.
    result = run_job(corpus, instance, lake.uri, "rollback")
    assert "ReleaseError" in failure(result)
    described = [instance.info_str(), repr(instance.info_dict()), repr(instance.get_ref().to_dict())]
    recorded = [entry.to_json() for entry in instance.all_logs(result.run_id)]
    assert "DAGSTER_POSTGRES_PASSWORD" in described[-1]
    assert any("ReleaseError" in entry for entry in recorded)
    assert [text for text in [*described, *recorded, *capfd.readouterr()] if server.password in text] == []


def test_wrong_password_is_refused_without_being_told(
    home: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_POSTGRES_PASSWORD", "not-the-password")
    with pytest.raises(DagsterPostgresException) as raised, dg.DagsterInstance.from_config(str(home)):
        pass
    told = [str(raised.value), str(raised.value.__cause__), str(raised.value.__context__)]
    assert "password authentication failed" in " ".join(told)
    assert "not-the-password" not in " ".join(told)
