"""Maintenance of a whole corpus: what readers, releases and other corpora have stays; what nobody names goes in time."""

import datetime
from pathlib import Path

import dagster as dg
import pytest

from llmops_pipelines.orchestration.corpus import Corpus
from llmops_pipelines.orchestration.pools import held_pool
from llmops_pipelines.orchestration.serving import released_searcher
from llmops_pipelines.orchestration.settings import CorpusSettings
from llmops_pipelines.orchestration.stages.maintenance import maintain_corpus
from llmops_pipelines.release.manifest import ReleaseError
from llmops_pipelines.release.releases import Releases
from llmops_pipelines.storage import Lake
from llmops_pipelines.storage.identity import text_hash
from tests.dagster_runs import definitions, metadata, promote, released_figures, run_job
from tests.index.hand_made import HandMade
from tests.release.made import release

NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)
BEFORE = {"bees": ["Bees live in colonies."], "tides": ["The moon pulls the sea."]}
AFTER = {"bees": ["Bees live in colonies."]}


def state(lake: Lake) -> dict[str, object]:
    """What readers of every table see."""
    found = {name: snapshot for name in lake.names() if (snapshot := lake.published(name))}
    return {name: (s.count(), s.data_version, s.inputs, s.summary) for name, s in found.items()}


def versions(lake: Lake) -> dict[str, int]:
    return {name: len(lake.database.open_table(name).list_versions()) for name in lake.names()}


@pytest.fixture
def small(tmp_path: Path) -> Corpus:
    """The corpus whose tables are made by hand."""
    raw = {"name": "c", "source": {"type": "directory", "uri": "documents"}}
    return Corpus(CorpusSettings.model_validate(raw), tmp_path)


def stored(lake: Lake) -> set[str]:
    snapshot = lake.published("c.embeddings")
    assert snapshot is not None
    return set(snapshot.arrow(["content_hash"])["content_hash"].to_pylist())


def test_vectors_of_text_that_is_gone_are_kept_within_the_window_and_deleted_after_it(
    small: Corpus, lake: Lake
) -> None:
    made = HandMade(lake)
    made.build(BEFORE)
    made.build(AFTER)
    bees, tides = text_hash("Bees live in colonies."), text_hash("The moon pulls the sea.")
    done = maintain_corpus(small, lake, NOW + 6 * DAY)
    assert sum(one.deleted for one in done) == 0
    assert stored(lake) == {bees, tides}
    done = maintain_corpus(small, lake, NOW + 8 * DAY)
    assert {one.table: one.deleted for one in done if one.deleted} == {"c.embeddings": 1}
    assert stored(lake) == {bees}


def test_other_corpora_are_not_touched(small: Corpus, lake: Lake) -> None:
    HandMade(lake).build(BEFORE)
    others = ["c2.chunks", "other.c.chunks", "cc"]
    for name in others:
        HandMade(lake).build(BEFORE, table=name)
        HandMade(lake).build(AFTER, table=name)
    before = versions(lake)
    done = maintain_corpus(small, lake, NOW + 30 * DAY)
    assert {one.table for one in done} == {"c.chunks", "c.clean_documents", "c.embeddings", "c.index"}
    after = versions(lake)
    assert {name: after[name] for name in others} == {name: before[name] for name in others}


def test_a_table_whose_stage_runs_is_left_for_the_next_time(
    small: Corpus, lake: Lake, instance: dg.DagsterInstance
) -> None:
    HandMade(lake).build(BEFORE)
    with held_pool(instance, "a run of the life job", small.pool("chunks"), 0) as held:
        assert held
        done = maintain_corpus(small, lake, NOW, lambda pool: held_pool(instance, "maintenance", pool, 0))
        assert {one.table: one.note for one in done if one.note} == {"c.chunks": "chunks is running"}
    done = maintain_corpus(small, lake, NOW, lambda pool: held_pool(instance, "maintenance", pool, 0))
    assert [one.note for one in done] == [""] * 4
    assert instance.event_log_storage.get_concurrency_run_ids() == set()


def test_releases_that_no_rollback_may_name_go_with_their_versions(tmp_path: Path, lake: Lake) -> None:
    raw = {"name": "c", "source": {"type": "directory", "uri": "documents"}, "release": {"keep": 2}}
    corpus = Corpus(CorpusSettings.model_validate(raw), tmp_path)
    made, releases = HandMade(lake), Releases(lake, "c")
    for number in range(4):
        release(made, releases, {"bees": [f"There are {number} bees."]})
    maintain_corpus(corpus, lake, NOW + 6 * DAY)
    assert len([standing for standing in releases.standings() if standing.nameable]) == 4
    done = {one.table: one for one in maintain_corpus(corpus, lake, NOW + 8 * DAY)}
    assert {"c.releases", "c.verdicts"} <= done.keys()
    assert [one.note for one in done.values()] == [""] * len(done)
    assert [bool(standing.invalid) for standing in releases.standings()] == [True, True, False, False]
    assert releases.complaints() == []
    releases.rollback("me", "back")
    with pytest.raises(ReleaseError, match=r"r0002 to go back to \(invalid: version .* is no longer there\)"):
        releases.rollback("me", "further", "r0002")


def test_everything_that_is_released_stays_searchable_and_can_be_evaluated(
    corpus: Corpus, articles: Path, instance: dg.DagsterInstance, lake: Lake
) -> None:
    assert run_job(corpus, instance, lake.uri).success
    first = released_figures(corpus, lake, "dev")
    (articles / "documents" / "tides.md").unlink()
    assert run_job(corpus, instance, lake.uri).success
    assert promote(corpus, instance, lake.uri).success
    before, sizes = state(lake), versions(lake)

    recorded = run_job(corpus, instance, lake.uri, "maintenance")
    assert recorded.success
    found = metadata(recorded)["maintenance"]
    assert found["versions before"] == sum(sizes.values())
    assert found["not_compacted"] == 0
    assert f"| {corpus.name}.chunks |" in found["tables"]
    assert state(lake) == before
    again = metadata(run_job(corpus, instance, lake.uri, "maintenance"))["maintenance"]
    assert again["done"].startswith("nothing")
    assert again["bytes before"] == again["bytes after"] == found["bytes after"]

    done = maintain_corpus(corpus, lake, NOW + 30 * DAY)
    assert [one.note for one in done] == [""] * len(done)
    assert sum(versions(lake).values()) < sum(sizes.values())
    assert {name: values for name, values in state(lake).items() if ".embeddings." not in name} == {
        name: values for name, values in before.items() if ".embeddings." not in name
    }
    assert released_searcher(corpus, lake)[1].search("insects that dance", limit=1)[0].doc_id == "bees.md"
    Releases(lake, corpus.name).rollback("me", "to the release made before maintenance")
    _, searcher = released_searcher(corpus, lake)
    assert searcher.search("why does the sea rise with the moon", limit=1)[0].doc_id == "tides.md"
    assert [s.headline.mean for s in released_figures(corpus, lake, "dev")] == [s.headline.mean for s in first]


def test_it_is_no_part_of_the_life_job_and_its_schedule_ships_stopped(corpus: Corpus, lake: Lake) -> None:
    defined = definitions(corpus, lake.uri)
    assert corpus.key("maintenance") not in defined.resolve_job_def("articles_life").asset_layer.selected_asset_keys
    selected = defined.resolve_job_def("articles_maintenance").asset_layer.selected_asset_keys
    assert selected == {corpus.key("maintenance")}
    schedule = defined.resolve_schedule_def("articles_maintenance")
    assert (schedule.cron_schedule, schedule.default_status) == ("0 5 * * 0", dg.DefaultScheduleStatus.STOPPED)
