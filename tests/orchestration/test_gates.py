"""Gates on a real Dagster instance: a failed one is recorded, nothing is published, and nothing downstream runs."""

from pathlib import Path

import dagster as dg
import pytest

from llmops_pipelines.orchestration.corpus import Corpus
from llmops_pipelines.orchestration.settings import CorpusSettings
from llmops_pipelines.storage import Lake
from tests.dagster_runs import checks, failure, metadata, run_job

STRICT_SUITE = """\
name: documents
version: 1
key: doc_id
expectations:
  - name: short_titles
    type: expect_column_value_lengths_to_be_between
    kwargs: {column: title, max_value: 5}
    description: Titles have at most five letters.
"""


def configured(articles: Path, **sections: object) -> Corpus:
    settings = {"name": "articles", "source": {"type": "directory", "uri": "documents"}, **sections}
    return Corpus(CorpusSettings.model_validate(settings), articles)


def published_rows(lake: Lake, table: str) -> int:
    snapshot = lake.published(table)
    return snapshot.count() if snapshot else 0


def test_a_failed_suite_publishes_nothing_and_names_the_rows(
    articles: Path, instance: dg.DagsterInstance, lake: Lake
) -> None:
    (articles / "strict.yaml").write_text(STRICT_SUITE, "utf-8")
    corpus = configured(articles, documents={"suite": "strict.yaml"})
    result = run_job(corpus, instance, lake.uri)
    assert not result.success
    assert metadata(result) == {}
    assert checks(result)["documents:short_titles"] is False
    assert checks(result)["documents:not_empty"] is True
    (failed,) = [e for e in result.get_asset_check_evaluations() if not e.passed]
    assert failed.metadata["offending"].value == ["rails/signals.txt"]
    assert "short_titles" in failure(result)
    assert lake.published("articles.documents") is None


def test_mass_deletion_is_refused_and_what_was_published_stays(
    corpus: Corpus, articles: Path, instance: dg.DagsterInstance, lake: Lake
) -> None:
    assert run_job(corpus, instance, lake.uri).success
    for name in ("bees.md", "bread.md"):
        (articles / "documents" / name).unlink()
    result = run_job(corpus, instance, lake.uri)
    assert not result.success
    assert checks(result) == {"documents:no_mass_deletion": False}
    assert "2 of 5 documents (40%)" in failure(result)
    assert "max_loss" in failure(result)
    assert published_rows(lake, "articles.documents") == 5
    permitted = configured(articles, documents={"max_loss": 0.5})
    assert metadata(run_job(permitted, instance, lake.uri))["documents"]["deleted"] == 2


def test_an_empty_source_fails_and_deletes_nothing(
    corpus: Corpus, articles: Path, instance: dg.DagsterInstance, lake: Lake
) -> None:
    assert run_job(corpus, instance, lake.uri).success
    for page in (articles / "documents").rglob("*.*"):
        page.rename(page.with_suffix(".xyz"))
    result = run_job(corpus, instance, lake.uri)
    assert checks(result) == {"documents:not_empty": False}
    assert "5 skipped as unknown file type" in failure(result)
    assert published_rows(lake, "articles.documents") == 5


def test_everything_dropped_by_cleaning_fails_before_chunks(
    articles: Path, instance: dg.DagsterInstance, lake: Lake
) -> None:
    corpus = configured(articles, clean_documents={"languages": ["ja"], "min_characters": 10_000})
    result = run_job(corpus, instance, lake.uri)
    assert sorted(metadata(result)) == ["documents"]
    assert checks(result)["clean_documents:not_empty"] is False
    assert lake.published("articles.clean_documents") is None


def test_a_passage_over_the_models_window_fails_the_gate(
    articles: Path, instance: dg.DagsterInstance, lake: Lake
) -> None:
    (articles / "documents" / "long.md").write_text("All work and no play. " * 400, "utf-8")
    corpus = configured(articles, chunks={"chunker": "passages", "max_tokens": 512})
    result = run_job(corpus, instance, lake.uri)
    assert checks(result)["embeddings:within_window"] is False
    assert sorted(metadata(result)) == ["chunks", "clean_documents", "documents"]


def test_whole_documents_may_be_truncated_and_are_counted(
    articles: Path, instance: dg.DagsterInstance, lake: Lake
) -> None:
    (articles / "documents" / "long.md").write_text("All work and no play. " * 400, "utf-8")
    corpus = configured(articles, chunks={"chunker": "whole_document"})
    result = run_job(corpus, instance, lake.uri)
    assert result.success
    assert metadata(result)["embeddings"]["truncated"] == 1
    assert metadata(result)["chunks"]["chunks"] == 6


@pytest.mark.parametrize("stage", ["chunks", "embeddings", "evaluation", "release"])
def test_a_stage_without_its_upstream_says_what_to_materialise(
    stage: str, corpus: Corpus, instance: dg.DagsterInstance, lake: Lake
) -> None:
    from llmops_pipelines.orchestration.partitions import register_keys
    from tests.dagster_runs import definitions

    register_keys(corpus, instance, lake)
    assets = [asset for asset in definitions(corpus, lake.uri).assets or [] if isinstance(asset, dg.AssetsDefinition)]
    partition = None if stage == "chunks" else corpus.model_keys()[0]
    with pytest.raises(dg.Failure, match=r"has not been published .* materialise it first"):
        dg.materialize(
            assets,
            selection=[corpus.key(stage)],
            instance=instance,
            partition_key=partition,
            resources={"lake": definitions(corpus, lake.uri).resources["lake"]},  # type: ignore[index]
        )
