"""Real damage of a released corpus: named, mended by a run that Dagster records, and released again."""

from collections.abc import Callable

import dagster as dg
import numpy as np
import pytest

from llmops_pipelines.orchestration.corpus import Corpus
from llmops_pipelines.orchestration.repair import diagnose
from llmops_pipelines.orchestration.serving import released_searcher
from llmops_pipelines.orchestration.stages import CANDIDATE_STAGES, RELEASE
from llmops_pipelines.release.manifest import Manifest
from llmops_pipelines.release.releases import Releases
from llmops_pipelines.storage import Lake
from tests.dagster_runs import failure, metadata, run_job
from tests.index.damaged import copy_row, publish_as_it_is, replace_column, replace_vector

BEES = "chunk_id = 'bees.md#0'"


@pytest.fixture
def life(corpus: Corpus, instance: dg.DagsterInstance, lake: Lake) -> None:
    assert run_job(corpus, instance, lake.uri).success


@pytest.fixture
def key(corpus: Corpus) -> str:
    return corpus.model_keys()[0]


def release_damaged(corpus: Corpus, lake: Lake, key: str) -> None:
    """Publish the index as it is and put it in force: what a release is that nobody looked at."""
    table = corpus.table("vector_index", key)
    publish_as_it_is(lake, table)
    releases = Releases(lake, corpus.name)
    current, index = releases.in_force(), lake.published(table)
    assert current is not None and index is not None
    manifest = Manifest(**{**vars(current.manifest), "index_version": index.version})
    releases.repair(manifest, "somebody", "damaged")


def damages(corpus: Corpus, lake: Lake, key: str) -> dict[str, Callable[[], object]]:
    index = corpus.table("vector_index", key)
    return {
        "missing": lambda: lake.database.open_table(index).delete(BEES),
        "orphaned": lambda: copy_row(lake, index, BEES, chunk_id="ghost#0"),
        "stale": lambda: replace_column(lake, index, BEES, "content_hash", "0" * 64),
        "repeated": lambda: copy_row(lake, index, BEES),
        "not_finite": lambda: replace_vector(lake, index, BEES, lambda vector: vector * np.nan),
    }


@pytest.mark.usefixtures("life")
def test_every_kind_of_damage_is_named_mended_and_released_again(
    corpus: Corpus, instance: dg.DagsterInstance, lake: Lake, key: str
) -> None:
    assert diagnose(corpus, lake, key).damaged == []
    before = Releases(lake, corpus.name).in_force()
    assert before is not None
    index = lake.published(corpus.table("vector_index", key))
    assert index is not None
    for number, (kind, damage) in enumerate(damages(corpus, lake, key).items()):
        damage()
        release_damaged(corpus, lake, key)
        [wrong] = diagnose(corpus, lake, key).damaged
        assert wrong.found == {kind: ["ghost#0" if kind == "orphaned" else "bees.md#0"]}

        result = run_job(corpus, instance, lake.uri, "repair")
        assert result.success
        assert sorted(metadata(result)) == sorted([*CANDIDATE_STAGES, RELEASE])
        assert diagnose(corpus, lake, key).damaged == []
        release, searcher = released_searcher(corpus, lake)
        assert (release.reason, release.sequence) == ("repair", 2 * number + 3)
        assert release.manifest.identity == before.manifest.identity
        mended = lake.published(corpus.table("vector_index", key))
        assert mended is not None
        assert (mended.data_version, mended.count()) == (index.data_version, index.count())
        hits = searcher.search("honey bees live in colonies", "dense", limit=10)
        assert [hit.chunk_id for hit in hits].count("bees.md#0") == 1
        assert hits[0].chunk_id == "bees.md#0"
    assert metadata(run_job(corpus, instance, lake.uri))["release"]["done"].startswith("nothing")


@pytest.mark.usefixtures("life")
def test_damaged_embeddings_are_named_and_only_they_are_embedded_again(
    corpus: Corpus, instance: dg.DagsterInstance, lake: Lake, key: str
) -> None:
    table = corpus.table("embeddings", key)
    before = lake.published(table)
    assert before is not None
    one, two, three, four, *_ = sorted(before.arrow(["content_hash"])["content_hash"].to_pylist())
    lake.database.open_table(table).delete(f"content_hash = '{one}'")
    copy_row(lake, table, f"content_hash = '{two}'")
    replace_column(lake, table, f"content_hash = '{three}'", "fingerprint", "e" * 64)
    replace_vector(lake, table, f"content_hash = '{four}'", lambda vector: vector * 0)
    publish_as_it_is(lake, table)
    [wrong] = diagnose(corpus, lake, key).damaged
    assert wrong.found == {"missing": [one], "stale": [three], "repeated": [two], "not_finite": [four]}

    found = metadata(run_job(corpus, instance, lake.uri, "repair"))
    assert (found["embeddings"]["embedded"], found["embeddings"]["reused"]) == (4, before.count() - 4)
    assert found["release"]["done"] == "nothing: r0001 is sound"
    assert diagnose(corpus, lake, key).damaged == []
    after = lake.published(table)
    assert after is not None
    assert (after.data_version, after.count()) == (before.data_version, before.count())


@pytest.mark.usefixtures("life")
def test_a_released_version_is_looked_at_where_another_is_published(
    corpus: Corpus, instance: dg.DagsterInstance, lake: Lake, key: str
) -> None:
    table = corpus.table("vector_index", key)
    lake.database.open_table(table).delete(BEES)
    release_damaged(corpus, lake, key)
    assert run_job(corpus, instance, lake.uri, "repair").success
    releases = Releases(lake, corpus.name)
    damaged = releases.history()[1].manifest
    releases.repair(damaged, "somebody", "damaged")
    [wrong] = diagnose(corpus, lake, key).damaged
    assert (wrong.role, wrong.version, wrong.found) == (
        "released as r0004",
        damaged.index_version,
        {"missing": ["bees.md#0"]},
    )
    assert run_job(corpus, instance, lake.uri, "repair").success
    assert diagnose(corpus, lake, key).damaged == []
    assert released_searcher(corpus, lake)[0].release_id == "r0005"


def test_a_model_that_is_not_released_is_not_released_by_a_repair(
    corpus: Corpus, instance: dg.DagsterInstance, lake: Lake
) -> None:
    run_job(corpus, instance, lake.uri)
    Releases(lake, corpus.name)
    lake.database.drop_table(f"{corpus.name}.releases")
    result = run_job(corpus, instance, lake.uri, "repair")
    assert "no release of it is in force" in failure(result)
    assert Releases(lake, corpus.name).history() == []
