"""The instance of deploy/dagster.yaml on a real PostgreSQL: the life of a corpus is run, recorded and read back."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg2
import pytest
from dagster_postgres.utils import DagsterPostgresException

from llmops_pipelines.orchestration.corpus import Corpus
from llmops_pipelines.orchestration.lifecycle import lifecycle
from llmops_pipelines.orchestration.partitions import register_keys
from llmops_pipelines.resources.lake import LakeResource
from tests.conftest import ARTICLES, PROJECT
from tests.postgres.conftest import Server

STAGES = [
    "documents",
    "clean_documents",
    "chunks",
    "embeddings",
    "vector_index",
    "evaluation",
    "evaluation_report",
    "release",
]
PARTITIONED = STAGES[3:]


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


@pytest.fixture
def definitions(corpus: Corpus, tmp_path: Path) -> dg.Definitions:
    resources = {"lake": LakeResource(uri=str(tmp_path / "lake"))}
    return dg.Definitions.merge(
        lifecycle(corpus), dg.Definitions(resources=resources, executor=dg.in_process_executor)
    )


def run_life(definitions: dg.Definitions, instance: dg.DagsterInstance, key: str) -> dg.ExecuteInProcessResult:
    return definitions.resolve_job_def("articles_life").execute_in_process(instance=instance, partition_key=key)


def metadata_by_stage(result: dg.ExecuteInProcessResult) -> dict[str, dict[str, Any]]:
    return {
        event.materialization.asset_key.path[-1]: {k: v.value for k, v in event.materialization.metadata.items()}
        for event in result.get_asset_materialization_events()
    }


def work_done(metadata: Mapping[str, Mapping[str, Any]]) -> list[int]:
    """What a run added, embedded and asked the model for."""
    counted = {name: "added" for name in STAGES[:3]} | {"embeddings": "embedded", "evaluation": "questions_embedded"}
    return [metadata[stage][name] for stage, name in counted.items()]


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
    corpus: Corpus, definitions: dg.Definitions, instance: dg.DagsterInstance, home: Path
) -> None:
    assert register_keys(corpus, instance) == corpus.model_keys()
    [key] = corpus.model_keys()
    first = run_life(definitions, instance, key)
    # Five documents of one chunk each, and the three questions of the dev part.
    assert work_done(metadata_by_stage(first)) == [len(ARTICLES), 5, 5, 5, 3]

    with dg.DagsterInstance.from_config(str(home)) as reader:
        assert reader.get_dynamic_partitions("articles_embedding_model") == [key]
        record = reader.get_run_record_by_id(first.run_id)
        assert record is not None and record.dagster_run.status == dg.DagsterRunStatus.SUCCESS
        events = [entry.dagster_event for entry in reader.all_logs(first.run_id) if entry.dagster_event]
        ended = [event.step_key for event in events if event.event_type == dg.DagsterEventType.STEP_SUCCESS]
        assert sorted(ended) == sorted(f"articles__{stage}" for stage in STAGES)
        declared = {check for asset in definitions.assets or [] for check in asset.check_keys}
        checks = {
            event.asset_check_evaluation_data.asset_check_key: event.asset_check_evaluation_data.passed
            for event in events
            if event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION
        }
        assert len(declared) == 27
        assert checks == dict.fromkeys(declared, True)
        for stage in STAGES:
            event = reader.get_latest_materialization_event(corpus.key(stage))
            assert event is not None and event.asset_materialization is not None
            assert event.run_id == first.run_id
            assert event.asset_materialization.partition == (key if stage in PARTITIONED else None)
            read = {name: value.value for name, value in event.asset_materialization.metadata.items()}
            assert read == metadata_by_stage(first)[stage]
        for stage in PARTITIONED:
            assert reader.get_materialized_partitions(corpus.key(stage)) == {key}

        second = run_life(definitions, reader, key)
    assert all(found["done"].startswith("nothing: ") for found in metadata_by_stage(second).values())
    assert work_done(metadata_by_stage(second)) == [0, 0, 0, 0, 0]
    identities = [
        {event.materialization.asset_key: event.materialization.tags["dagster/data_version"] for event in events}
        for events in (first.get_asset_materialization_events(), second.get_asset_materialization_events())
    ]
    assert len(identities[0]) == len(STAGES)
    assert identities[0] == identities[1]
    assert instance.get_runs_count() == 2


def test_password_is_in_no_description_or_record_of_the_instance(
    corpus: Corpus,
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    server: Server,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    register_keys(corpus, instance)
    job = definitions.resolve_job_def("articles_rollback")
    # Nothing is released, so the run fails: an exception with its stack is recorded as well.
    result = job.execute_in_process(instance=instance, raise_on_error=False)
    assert not result.success
    described = [instance.info_str(), repr(instance.info_dict()), repr(instance.get_ref().to_dict())]
    recorded = [entry.to_json() for entry in instance.all_logs(result.run_id)]
    printed = [caplog.text, *capfd.readouterr()]
    assert "DAGSTER_POSTGRES_PASSWORD" in described[2]
    assert any("ReleaseError" in entry for entry in recorded)
    assert [text for text in [*described, *recorded, *printed] if server.password in text] == []


def test_wrong_password_is_refused_without_being_told(
    home: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_POSTGRES_PASSWORD", "not-the-password")
    with pytest.raises(DagsterPostgresException) as raised, dg.DagsterInstance.from_config(str(home)):
        pass
    told = [str(raised.value), str(raised.value.__cause__), str(raised.value.__context__)]
    assert "password authentication failed" in " ".join(told)
    assert "not-the-password" not in " ".join(told)
