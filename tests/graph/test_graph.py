"""The graph that ships: a snapshot of every asset, job, sensor and schedule, and what each of them must carry."""

from typing import Any

import dagster as dg
import pytest
from syrupy.assertion import SnapshotAssertion

from llmops_pipelines.definitions import defs


@pytest.fixture(scope="module")
def repository() -> dg.RepositoryDefinition:
    definitions = defs()
    assert isinstance(definitions, dg.Definitions)
    return definitions.get_repository_def()


def test_the_graph_is_as_recorded(repository: dg.RepositoryDefinition, snapshot: SnapshotAssertion) -> None:
    graph = repository.asset_graph
    assets: dict[str, Any] = {
        key.to_user_string(): {
            "deps": sorted(parent.to_user_string() for parent in graph.get(key).parent_keys),
            "group": graph.get(key).group_name,
            "partitions": getattr(graph.get(key).partitions_def, "name", None),
            "pools": sorted(graph.get(key).pools or ()),
            "code_version": graph.get(key).code_version,
            "kinds": sorted(tag for tag in graph.get(key).tags if tag.startswith("dagster/kind/")),
            "checks": sorted(check.name for check in graph.get(key).check_keys),
        }
        for key in sorted(graph.get_all_asset_keys())
    }
    jobs = sorted(job.name for job in repository.get_all_jobs() if not job.name.startswith("__"))
    sensors = {s.name: s.default_status.value for s in repository.sensor_defs}
    schedules = {s.name: [s.cron_schedule, s.default_status.value] for s in repository.schedule_defs}
    assert {"assets": assets, "jobs": jobs, "sensors": sensors, "schedules": schedules} == snapshot


def test_every_asset_has_what_people_look_for(repository: dg.RepositoryDefinition) -> None:
    for asset in repository.assets_defs_by_key.values():
        for spec in asset.specs:
            name = spec.key.to_user_string()
            assert spec.owners, name
            assert spec.description, name
            assert spec.kinds, name
            assert spec.group_name, name
            # What is observed outside of runs is made by no code of ours.
            assert bool(spec.code_version) == bool(spec.freshness_policy) == asset.is_materializable, name
            assert {"corpus", "stage"} <= set(spec.tags), name
            assert len(spec.key.path) == 2, name


def test_gates_block_and_have_the_partitions_of_their_asset(repository: dg.RepositoryDefinition) -> None:
    graph = repository.asset_graph
    checks = [check for asset in repository.assets_defs_by_key.values() for check in asset.check_specs]
    advisory = {"documents", "queries"}  # of data_drift: what they find is for people, and holds nothing up
    assert sum(check.blocking for check in checks) == 40
    for check in checks:
        assert check.blocking != (check.name in advisory and check.asset_key.path[-1] == "data_drift"), check.name
        assert check.description, check.name
        assert check.partitions_def == graph.get(check.asset_key).partitions_def, check.name


def test_what_runs_by_itself_ships_switched_off_but_for_the_registration_of_keys(
    repository: dg.RepositoryDefinition,
) -> None:
    assert {s.name for s in repository.sensor_defs if s.default_status == dg.DefaultSensorStatus.RUNNING} == {
        "python_docs_register_models"
    }
    assert all(s.default_status == dg.DefaultScheduleStatus.STOPPED for s in repository.schedule_defs)
