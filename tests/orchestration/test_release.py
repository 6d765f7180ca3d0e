"""The asset `release`: by a verdict and no other way; a run of the whole life goes on without one, and says so."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from llmops_pipelines.orchestration.corpus import Corpus
from llmops_pipelines.orchestration.manifests import manifest_of
from llmops_pipelines.orchestration.serving import released_searcher
from llmops_pipelines.orchestration.stages.clean_documents import CleanDocumentsSection
from llmops_pipelines.orchestration.stages.embeddings import EmbeddingsSection
from llmops_pipelines.release.manifest import Release
from llmops_pipelines.release.releases import Releases
from llmops_pipelines.run_results import not_promoted
from llmops_pipelines.storage import Lake
from tests.dagster_runs import STAGES, checks, failure, judge_published, metadata, promote, run_job

PROMOTED = "release:promoted"


@pytest.fixture(autouse=True)
def life(corpus: Corpus, instance: dg.DagsterInstance, lake: Lake) -> dg.ExecuteInProcessResult:
    """The corpus's first release."""
    return run_job(corpus, instance, lake.uri)


@pytest.fixture
def changed(articles: Path) -> None:
    (articles / "documents" / "kites.md").write_text("# Kites\n\nA kite needs wind and a string.\n", "utf-8")


@pytest.fixture
def judged_worse(changed: None, corpus: Corpus, instance: dg.DagsterInstance, lake: Lake) -> None:
    """What changed is indexed, and the verdict on it does not promote it."""
    stages = [stage for stage in STAGES if stage != "release"]
    assert run_job(corpus, instance, lake.uri, stages=stages).success
    judge_published(corpus, lake, promotes=False)


def in_force(lake: Lake) -> Release:
    current = Releases(lake, "articles").in_force()
    assert current is not None
    return current


def answer(corpus: Corpus, lake: Lake) -> str:
    return released_searcher(corpus, lake)[1].search("kite in the wind", limit=1)[0].doc_id


def observation(instance: dg.DagsterInstance, corpus: Corpus) -> dict[str, Any]:
    """The metadata of the newest observation of the release."""
    (record,) = instance.fetch_observations(corpus.key("release"), limit=1).records
    assert record.asset_observation is not None
    return {name: value.value for name, value in record.asset_observation.metadata.items()}


def test_the_first_release_carries_all_that_readers_need(
    life: dg.ExecuteInProcessResult, corpus: Corpus, lake: Lake
) -> None:
    assert checks(life)[PROMOTED]
    release = in_force(lake)
    index = lake.published(corpus.table("vector_index", corpus.base_model.key))
    assert index is not None
    wanted = manifest_of(corpus, lake, index, corpus.base_model.key)
    assert release.manifest.identity == wanted.identity
    assert '"kind": "bundled"' in release.manifest.model
    assert release.manifest.cleaner == corpus.cleaner.identity
    assert release.manifest.chunker == corpus.chunker.identity
    assert '"chunker": "passages"' in release.manifest.configuration
    assert release.requested_by == f"run {life.run_id}"


@pytest.mark.usefixtures("judged_worse")
def test_a_life_whose_index_is_not_promoted_succeeds_and_releases_nothing(
    corpus: Corpus, instance: dg.DagsterInstance, lake: Lake
) -> None:
    run = run_job(corpus, instance, lake.uri, stages=["vector_index", "release"])
    assert run.success
    assert "release" not in metadata(run)
    assert not checks(run)[PROMOTED]
    assert "worse against r0001, which is in force: worse, by hand" in (not_promoted(run) or "")
    assert in_force(lake).release_id == "r0001"
    assert answer(corpus, lake) != "kites.md"


@pytest.mark.usefixtures("judged_worse")
def test_a_promotion_that_somebody_asks_for_fails_with_the_verdicts_reason(
    corpus: Corpus, instance: dg.DagsterInstance, lake: Lake
) -> None:
    for job, alone in (("promote", ()), ("life", ("release",))):
        run = run_job(corpus, instance, lake.uri, job, stages=alone)
        assert not run.success
        assert "worse against r0001, which is in force: worse, by hand" in failure(run)
        assert not checks(run)[PROMOTED]
    judge_published(corpus, lake)
    run = run_job(corpus, instance, lake.uri, "promote")
    assert checks(run)[PROMOTED]
    found = metadata(run)["release"]
    assert (found["done"], found["verdict"]) == ("released r0002", "better")
    assert answer(corpus, lake) == "kites.md"


@pytest.mark.usefixtures("changed")
def test_the_next_life_does_not_undo_a_rollback_and_a_promotion_does(
    corpus: Corpus, instance: dg.DagsterInstance, lake: Lake
) -> None:
    run_job(corpus, instance, lake.uri)
    assert promote(corpus, instance, lake.uri).success
    assert run_job(corpus, instance, lake.uri, job="rollback").success
    seen = observation(instance, corpus)
    assert (seen["release_id"], seen["action"]) == ("r0003", "rollback")
    nightly = run_job(corpus, instance, lake.uri)
    assert nightly.success
    assert "taken back by r0003, a rollback" in (not_promoted(nightly) or "")
    assert "articles_promote" in (not_promoted(nightly) or "")
    assert in_force(lake).release_id == "r0003"
    assert metadata(run_job(corpus, instance, lake.uri, job="promote"))["release"]["done"] == "released r0004"
    assert in_force(lake).manifest.identity == Releases(lake, "articles").history()[1].manifest.identity


@pytest.mark.usefixtures("changed")
def test_a_withdrawal_restores_the_release_before_and_is_undone_by_a_new_verdict_only(
    corpus: Corpus, instance: dg.DagsterInstance, lake: Lake
) -> None:
    run_job(corpus, instance, lake.uri)
    assert promote(corpus, instance, lake.uri).success
    config = {"ops": {"articles_withdraw_release": {"config": {"reason": "it names a customer"}}}}
    assert run_job(corpus, instance, lake.uri, "withdraw", run_config=config).success
    assert in_force(lake).release_id == "r0001"
    seen = observation(instance, corpus)
    assert (seen["action"], seen["reason"]) == ("withdrawal", "it names a customer")
    assert seen["in force"].startswith("r0001")
    nightly = run_job(corpus, instance, lake.uri)
    assert nightly.success
    assert not_promoted(nightly)  # its report has judged it anew, and nobody has asked for it
    assert in_force(lake).release_id == "r0001"
    assert promote(corpus, instance, lake.uri).success
    assert in_force(lake).release_id == "r0004"


def test_a_withdrawal_without_a_reason_does_not_start(corpus: Corpus, instance: dg.DagsterInstance, lake: Lake) -> None:
    with pytest.raises(dg.DagsterInvalidConfigError, match="reason"):
        run_job(corpus, instance, lake.uri, "withdraw")
    assert in_force(lake).release_id == "r0001"


def test_what_was_made_by_another_configuration_is_not_released(
    corpus: Corpus, articles: Path, instance: dg.DagsterInstance, lake: Lake
) -> None:
    section = CleanDocumentsSection(unicode_nfc=False)
    edited = Corpus(corpus.settings.model_copy(update={"clean_documents": section}), articles)
    run = run_job(edited, instance, lake.uri, "promote")
    assert "made with another cleaner than the YAML of articles describes now" in failure(run)


def test_a_model_that_is_run_otherwise_is_the_same_release_from_another_row(
    corpus: Corpus, articles: Path, instance: dg.DagsterInstance, lake: Lake
) -> None:
    section = EmbeddingsSection(precision="fp32")
    edited = Corpus(corpus.settings.model_copy(update={"embeddings": section}), articles)
    assert metadata(run_job(edited, instance, lake.uri))["release"]["done"] == "released r0002"
    release = in_force(lake)
    assert (release.action, release.about) == ("repair", 1)
    assert '"precision": "fp32"' in release.manifest.model
    assert metadata(run_job(edited, instance, lake.uri))["release"]["done"] == "nothing: r0002 is in force"


def test_what_was_withdrawn_and_is_compared_with_nothing_is_released_by_a_person_alone(
    corpus: Corpus, instance: dg.DagsterInstance, lake: Lake
) -> None:
    """It was the only release, so that its own verdict is that there is nothing to compare with."""
    config = {"ops": {"articles_withdraw_release": {"config": {"reason": "wait"}}}}
    assert run_job(corpus, instance, lake.uri, "withdraw", run_config=config).success
    assert run_job(corpus, instance, lake.uri).success
    assert Releases(lake, "articles").in_force() is None
    assert metadata(run_job(corpus, instance, lake.uri, "candidate"))["evaluation_report"]["verdict"] == "first"
    assert run_job(corpus, instance, lake.uri, "promote").success
    assert in_force(lake).release_id == "r0003"
