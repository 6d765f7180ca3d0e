"""The whole life of a small corpus on a real Dagster instance: what is recorded, what is done again, what is not."""

from pathlib import Path

import dagster as dg
import pytest

from llmops_pipelines.embedding.engines import shared_embedder
from llmops_pipelines.orchestration.corpus import Corpus
from llmops_pipelines.orchestration.serving import released_searcher
from llmops_pipelines.orchestration.stages.maintenance import named_versions
from llmops_pipelines.orchestration.stages.vector_index import VectorIndexSection
from llmops_pipelines.release.releases import Releases
from llmops_pipelines.storage import Lake
from tests.dagster_runs import STAGES, checks, definitions, failure, metadata, released_figures, run_job


@pytest.fixture
def life(corpus: Corpus, instance: dg.DagsterInstance, lake: Lake) -> dg.ExecuteInProcessResult:
    return run_job(corpus, instance, lake.uri)


def test_one_run_materialises_every_stage_and_passes_every_check(life: dg.ExecuteInProcessResult) -> None:
    assert life.success
    found = metadata(life)
    assert sorted(found) == sorted(STAGES)
    assert all(checks(life).values())
    assert len(checks(life)) == 40
    assert found["documents"]["dagster/row_count"] == 5
    assert found["documents"]["added"] == 5
    assert found["embeddings"]["embedded"] == found["embeddings"]["distinct"] > 0
    assert found["evaluation"]["questions"] - found["evaluation"]["unmeasured"] >= 3
    assert 0 < found["evaluation"]["nDCG@10"] <= 1
    assert Path(found["evaluation_report"]["report"]).read_text("utf-8").startswith("<!doctype html>")
    assert "data:image/png;base64," in found["evaluation_report"]["plot"]


def test_every_materialisation_carries_identity_rows_and_columns(life: dg.ExecuteInProcessResult) -> None:
    for event in life.get_asset_materialization_events():
        materialization = event.materialization
        stage = materialization.asset_key.path[-1]
        assert materialization.tags is not None
        assert len(materialization.tags["dagster/data_version"]) == 64, stage
        assert materialization.metadata["dagster/row_count"].value > 0 or stage == "training_set", stage
        assert materialization.metadata["dagster/column_schema"].value.columns, stage


def test_an_index_leads_back_to_the_documents_of_its_corpus_version(
    life: dg.ExecuteInProcessResult, corpus: Corpus, instance: dg.DagsterInstance, lake: Lake
) -> None:
    """Cleaning lost one: the source of that version has it still."""
    (corpus.folder / "documents" / "note.md").write_text("short", "utf-8")
    assert run_job(corpus, instance, lake.uri).success
    (corpus.folder / "documents" / "note.md").unlink()
    assert run_job(corpus, instance, lake.uri, stages=["documents"]).success
    index = lake.published(corpus.table("vector_index", corpus.model_keys()[0]))
    assert index is not None
    sources = corpus.index_with_sources(lake, index)
    assert sources["source"].data_version == index.summary["lineage"]["corpus_version"]
    assert sources["source"].count("doc_id = 'note.md'") == 1
    assert sources["documents"].count("doc_id = 'note.md' AND dropped = 'length'") == 1
    assert sources["source"].version in named_versions(corpus, lake)["articles.documents"]


def test_a_second_run_does_nothing_and_says_so(
    life: dg.ExecuteInProcessResult, corpus: Corpus, instance: dg.DagsterInstance, lake: Lake
) -> None:
    embedder = shared_embedder(corpus.base_model, "auto")
    before = (embedder.count.documents, embedder.count.queries)
    versions = {name: lake.newest(name).version for name in lake.names()}  # type: ignore[union-attr]
    again = run_job(corpus, instance, lake.uri)
    assert again.success
    assert (embedder.count.documents, embedder.count.queries) == before
    for stage, values in metadata(again).items():
        assert values["done"].startswith("nothing"), stage
    assert metadata(again)["embeddings"]["embedded"] == 0
    assert metadata(again)["embeddings"]["reused"] == metadata(life)["embeddings"]["distinct"]
    assert metadata(again)["documents"]["unchanged"] == 5
    assert metadata(again)["documents"]["added"] == 0
    assert {name: lake.newest(name).version for name in lake.names()} == versions  # type: ignore[union-attr]
    assert all(checks(again).values())
    assert len(checks(again)) == len(checks(life))


def test_one_changed_document_embeds_only_its_new_text_and_makes_a_new_release(
    life: dg.ExecuteInProcessResult, corpus: Corpus, articles: Path, instance: dg.DagsterInstance, lake: Lake
) -> None:
    page = articles / "documents" / "tides.md"
    page.write_text("# Tides\n\nNeap tides are the lowest, at half moon.\n", "utf-8")
    (articles / "documents" / "rails" / "gauge.md").unlink()
    found = metadata(run_job(corpus, instance, lake.uri))
    assert {k: found["documents"][k] for k in ("added", "changed", "deleted", "unchanged")} == {
        "added": 0,
        "changed": 1,
        "deleted": 1,
        "unchanged": 3,
    }
    assert found["embeddings"]["embedded"] == 1
    assert found["evaluation_report"]["verdict"] == "not_worse"
    assert found["release"]["done"] == "released r0002"
    _, searcher = released_searcher(corpus, lake)
    assert searcher.search("lowest tides at half moon", limit=1)[0].doc_id == "tides.md"
    assert "rails/gauge.md" not in {hit.doc_id for hit in searcher.search("distance between rails", limit=20)}


def test_readers_stay_on_the_release_until_the_next_one(
    life: dg.ExecuteInProcessResult, corpus: Corpus, articles: Path, instance: dg.DagsterInstance, lake: Lake
) -> None:
    _, reader = released_searcher(corpus, lake)
    (articles / "documents" / "kites.md").write_text("# Kites\n\nA kite needs wind and a string.\n", "utf-8")
    assert run_job(corpus, instance, lake.uri).success
    assert "kites.md" not in {hit.doc_id for hit in reader.search("kite in the wind", limit=20)}
    _, fresh = released_searcher(corpus, lake)
    assert fresh.search("kite in the wind", limit=1)[0].doc_id == "kites.md"


def test_the_candidate_job_releases_nothing(
    life: dg.ExecuteInProcessResult, corpus: Corpus, instance: dg.DagsterInstance, lake: Lake
) -> None:
    result = run_job(corpus, instance, lake.uri, job="candidate")
    assert sorted(metadata(result)) == ["embeddings", "evaluation", "evaluation_report", "vector_index"]
    assert len(Releases(lake, "articles").history()) == 1


def test_the_rollback_job_goes_back_one_release(
    life: dg.ExecuteInProcessResult, corpus: Corpus, articles: Path, instance: dg.DagsterInstance, lake: Lake
) -> None:
    (articles / "documents" / "kites.md").write_text("# Kites\n\nA kite needs wind and a string.\n", "utf-8")
    run_job(corpus, instance, lake.uri)
    assert run_job(corpus, instance, lake.uri, job="rollback").success
    release, searcher = released_searcher(corpus, lake)
    assert (release.release_id, release.action) == ("r0003", "rollback")
    assert "kites.md" not in {hit.doc_id for hit in searcher.search("kite in the wind", limit=20)}


def test_the_test_part_is_evaluated_on_demand_only(life: dg.ExecuteInProcessResult, corpus: Corpus, lake: Lake) -> None:
    snapshot = lake.published(corpus.table("evaluation", corpus.model_keys()[0]))
    assert snapshot is not None
    assert {row["part"] for row in snapshot.rows(["part"])} == {"dev"}
    written, *_ = released_figures(corpus, lake, "test")
    assert (written.question_set, written.part, written.questions) == ("written", "test", 2)


def test_another_full_text_analyser_is_another_index_measured_and_released_again(
    life: dg.ExecuteInProcessResult, corpus: Corpus, articles: Path, instance: dg.DagsterInstance, lake: Lake
) -> None:
    settings = corpus.settings.model_copy(update={"vector_index": VectorIndexSection(stem=False)})
    changed = Corpus(settings, articles)
    found = metadata(run_job(changed, instance, lake.uri))
    assert found["embeddings"]["embedded"] == 0
    assert found["vector_index"]["unchanged"] == found["chunks"]["chunks"]
    assert found["evaluation"]["done"] == "published"
    assert found["release"]["done"] == "released r0002"
    release, searcher = released_searcher(corpus, lake)
    assert (release.release_id, searcher.index.settings.stem) == ("r0002", False), "the release says how, not the YAML"


def test_an_index_without_its_own_evaluation_is_not_released(
    life: dg.ExecuteInProcessResult, corpus: Corpus, articles: Path, instance: dg.DagsterInstance, lake: Lake
) -> None:
    (articles / "documents" / "kites.md").write_text("# Kites\n\nA kite needs wind and a string.\n", "utf-8")
    resolved = definitions(corpus, lake.uri)
    stages = ("documents", "clean_documents", "chunks", "embeddings", "vector_index")
    built = dg.materialize(
        [asset for asset in resolved.assets or [] if isinstance(asset, dg.AssetsDefinition)],
        selection=[corpus.key(stage) for stage in stages],
        instance=instance,
        partition_key=corpus.model_keys()[0],
        resources=dict(resolved.resources or {}),
    )
    assert built.success
    result = run_job(corpus, instance, lake.uri, job="promote")
    assert not result.success
    assert "not of the index published now" in failure(result)
    assert len(Releases(lake, "articles").history()) == 1
    # What is evaluated on demand is the release in force, on the documents that it was built from.
    written, *_ = released_figures(corpus, lake, "dev")
    assert (written.questions, written.unmeasured) == (3, 0)


def test_questions_about_documents_that_went_are_unmeasured_and_stale_not_lost(
    life: dg.ExecuteInProcessResult, corpus: Corpus, articles: Path, instance: dg.DagsterInstance, lake: Lake
) -> None:
    (articles / "documents" / "rails" / "gauge.md").unlink()
    found = metadata(run_job(corpus, instance, lake.uri))["evaluation"]
    assert metadata(life)["evaluation"]["questions"] == 3
    assert found["questions"] == 3 + 2, "there is something to compare with: the test questions are asked as well"
    assert found["unmeasured"] == metadata(life)["evaluation"]["unmeasured"] + 1
    assert found["stale"] == 1
