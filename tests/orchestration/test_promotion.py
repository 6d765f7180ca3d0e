"""The gate in the graph: a worse model is stopped, a better one is promoted and can be taken back, looks are counted."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._core.loader import LoadingContextForTest

from llmops_pipelines.embedding.model_folder import ModelFolder
from llmops_pipelines.evaluation.looks import Looks
from llmops_pipelines.evaluation.verdicts import Verdicts
from llmops_pipelines.orchestration.corpus import Corpus
from llmops_pipelines.orchestration.observed import observe
from llmops_pipelines.orchestration.stages.release import BY_VERDICT_TAG
from llmops_pipelines.release.ledger import Ledger
from llmops_pipelines.release.reader import open as open_release
from llmops_pipelines.release.releases import Releases
from llmops_pipelines.storage import Lake
from tests.dagster_runs import checks, definitions, failure, metadata, run_job
from tests.embedding.tiny_models import tiny_model
from tests.orchestration.glossary import TEST, glossary
from tests.tuning.threads import one_thread


@pytest.fixture(autouse=True, scope="module")
def single_threaded() -> Iterator[None]:
    with one_thread():
        yield


@pytest.fixture
def good(model: ModelFolder) -> ModelFolder:
    return ModelFolder("good", model.folder)


@pytest.fixture
def poor(tmp_path: Path) -> ModelFolder:
    """Random weights, 16 dimensions."""
    return ModelFolder("poor", tiny_model(tmp_path / "poor", window=48))


@pytest.fixture
def poorer(tmp_path: Path) -> ModelFolder:
    return ModelFolder("poorer", tiny_model(tmp_path / "poorer", window=48, seed=1))


class Home:
    """A corpus of some models with its lake and its Dagster instance, the first model released."""

    def __init__(
        self, folder: Path, instance: dg.DagsterInstance, lake: Lake, *models: ModelFolder, **more: Any
    ) -> None:
        self.folder, self.instance, self.lake, self.models = folder, instance, lake, models
        self.corpus = glossary(folder, *models, **more)
        first = self.run("life")
        assert first.success
        assert metadata(first)["release"]["done"] == "released r0001"

    def change(self, **more: Any) -> None:
        """Other settings, or another suite."""
        self.corpus = glossary(self.folder, *self.models, **more)

    def run(self, job: str, model: ModelFolder | None = None) -> dg.ExecuteInProcessResult:
        return run_job(self.corpus, self.instance, self.lake.uri, job, model.key if model else None)

    def judged(self, model: ModelFolder) -> dict[str, Any]:
        """The report of a candidate."""
        result = self.run("candidate", model)
        assert result.success
        return metadata(result)["evaluation_report"]

    def looks(self) -> int:
        return Looks(self.lake, "glossary").count(self.corpus.suites[0].test_hash)

    def in_force(self) -> str:
        release = Ledger(self.lake, "glossary").in_force()
        assert release is not None
        return f"{release.release_id} {release.manifest.model_key}"

    def evaluation(self, model: ModelFolder) -> dict[str, Any]:
        """The summary of what was measured for a model."""
        snapshot = self.lake.published(self.corpus.table("evaluation", model.key))
        assert snapshot is not None
        return snapshot.summary

    def add_document(
        self, name: str = "rudder", text: str = "# Rudder\n\nThis page is about the word rudder.\n"
    ) -> None:
        (self.folder / "documents" / f"{name}.md").write_text(text, "utf-8")


def test_a_worse_model_is_stopped_with_a_report_that_says_why(
    tmp_path: Path, instance: dg.DagsterInstance, lake: Lake, good: ModelFolder, poor: ModelFolder
) -> None:
    home = Home(tmp_path / "glossary", instance, lake, good, poor)
    found = home.judged(poor)
    assert (found["verdict"], found["promotes"]) == ("worse", False)
    assert "shown to be worse" in found["reason"]
    assert f"on {TEST} questions of written (test)" in found["reason"]
    page = Path(found["report"]).read_text("utf-8")
    assert found["reason"] in page.replace("&#43;", "+")
    promoted = home.run("promote", poor)
    assert not promoted.success
    assert "not released: worse against r0001" in failure(promoted)
    assert not checks(promoted)["release:promoted"]
    assert home.in_force() == f"r0001 {good.key}"


def test_a_better_model_is_promoted_and_one_click_takes_it_back(
    tmp_path: Path, instance: dg.DagsterInstance, lake: Lake, good: ModelFolder, poor: ModelFolder
) -> None:
    home = Home(tmp_path / "glossary", instance, lake, poor, good)
    reader = open_release("glossary", lake)
    found = home.judged(good)
    assert (found["verdict"], found["promotes"]) == ("better", True)
    assert home.in_force() == f"r0001 {poor.key}"  # a candidate is no release
    assert home.run("promote", good).success
    assert home.in_force() == f"r0002 {good.key}"
    assert reader.search("the word vaccine", "dense", 1)[0].doc_id == "vaccine.md"
    verdict = Verdicts(lake, "glossary").history()[-1]
    manifest = Ledger(lake, "glossary").history()[-1].manifest
    assert (manifest.verdict, manifest.verdict_id) == ("better", verdict.verdict_id)
    assert home.run("rollback").success
    assert home.in_force() == f"r0003 {poor.key}"
    # What was judged before it was promoted is still what it is: nothing is measured again.
    again = home.run("candidate", good)
    assert metadata(again)["evaluation"]["done"].startswith("nothing")
    assert metadata(again)["evaluation_report"]["done"].startswith("nothing")


def test_a_new_configuration_spends_one_look_and_changed_documents_spend_none(
    tmp_path: Path, instance: dg.DagsterInstance, lake: Lake, good: ModelFolder, poor: ModelFolder, poorer: ModelFolder
) -> None:
    home = Home(tmp_path / "glossary", instance, lake, good, poor, poorer, suite={"max_looks": 1})
    assert home.looks() == 0
    home.add_document()
    nightly = metadata(home.run("life"))
    assert nightly["evaluation_report"]["verdict"] == "not_worse"
    assert nightly["release"]["done"] == "released r0002"
    assert home.looks() == 0
    assert home.judged(poor)["verdict"] == "worse"
    assert home.judged(poor)["done"].startswith("nothing")
    assert home.looks() == 1
    found = home.judged(poorer)
    assert (found["verdict"], found["promotes"], home.looks()) == ("inconclusive", False, 1)
    assert found["reason"].startswith("spent: 1 configurations were judged on the test part of written")
    rows = lake.published(home.corpus.table("evaluation", poorer.key))
    assert rows is not None
    assert {row["part"] for row in rows.rows(["part"])} == {"dev"}, "what may not be judged is not measured"


def test_of_two_candidates_judged_against_one_release_the_second_is_judged_again(
    tmp_path: Path, instance: dg.DagsterInstance, lake: Lake, good: ModelFolder, poor: ModelFolder, poorer: ModelFolder
) -> None:
    home = Home(tmp_path / "glossary", instance, lake, poor, good, poorer, suite={"data_margin": 0.4})
    home.judged(good)
    home.judged(poorer)
    assert home.run("promote", good).success
    late = home.run("promote", poorer)
    assert not late.success
    assert "there is no verdict on this index of" in failure(late)
    assert home.judged(poorer)["verdict"] == "worse"
    assert "worse against r0002" in failure(home.run("promote", poorer))


def test_another_chunker_is_a_candidate_beside_the_release_that_serves(
    tmp_path: Path, instance: dg.DagsterInstance, lake: Lake, good: ModelFolder
) -> None:
    home = Home(tmp_path / "glossary", instance, lake, good)
    home.change(chunks={"chunker": "whole_document"})
    found = metadata(home.run("life"))
    assert found["evaluation"]["sides"] == f"candidate: {good.key}, production: {good.key}"
    production = home.evaluation(good)["sides"][1]
    assert (production["rebuilt"], production["chunker"]) == (
        None,
        Ledger(lake, "glossary").history()[0].manifest.chunker,
    )
    assert found["evaluation_report"]["verdict"] in ("better", "not_worse", "inconclusive")
    assert home.looks() == 1


def test_where_documents_and_chunker_differ_production_is_brought_to_the_documents_first(
    tmp_path: Path, instance: dg.DagsterInstance, lake: Lake, good: ModelFolder
) -> None:
    home = Home(tmp_path / "glossary", instance, lake, good)
    tables = {name: lake.newest(name).version for name in lake.names()}  # type: ignore[union-attr]
    long = "# Rudder\n\nThis page is about the word rudder.\n\n## Use\n\n" + "It turns the ship about. " * 30
    home.add_document(text=long)
    home.change(chunks={"chunker": "sections", "max_tokens": 32})
    assert home.run("life").success
    candidate, production = home.evaluation(good)["sides"]
    assert production["corpus_version"] == candidate["corpus_version"]
    assert production["chunker"] == Ledger(lake, "glossary").history()[0].manifest.chunker != candidate["chunker"]
    assert production["rebuilt"] in (0, 1), "only what the new document says was embedded for it"
    assert production["passages"] < candidate["passages"]
    assert set(tables) <= set(lake.names())
    assert not [name for name in lake.names() if "rebuilt" in name]


def test_a_release_whose_model_is_gone_cannot_be_compared_with_and_the_verdict_says_so(
    tmp_path: Path, instance: dg.DagsterInstance, lake: Lake, good: ModelFolder, poor: ModelFolder
) -> None:
    home = Home(tmp_path / "glossary", instance, lake, poor, good)
    home.models = (good,)
    home.change()
    poor.folder.rename(tmp_path / "elsewhere")
    found = metadata(home.run("life"))["evaluation_report"]
    assert (found["verdict"], found["promotes"]) == ("inconclusive", False)
    assert found["reason"].startswith("what is in force could not be measured:")
    assert "poor" in found["reason"]


def test_suites_that_changed_since_the_evaluation_are_not_reported_on(
    tmp_path: Path, instance: dg.DagsterInstance, lake: Lake, good: ModelFolder
) -> None:
    home = Home(tmp_path / "glossary", instance, lake, good)
    home.change(suite={"min_questions": 7})
    resolved = definitions(home.corpus, lake.uri)
    result = dg.materialize(
        [asset for asset in resolved.assets or [] if isinstance(asset, dg.AssetsDefinition)],
        selection=[home.corpus.key("evaluation_report")],
        instance=instance,
        partition_key=good.key,
        resources=dict(resolved.resources or {}),
        raise_on_error=False,
    )
    assert not result.success
    assert "the suites of glossary have changed" in failure(result)


def test_a_run_that_a_verdict_starts_does_not_undo_a_rollback(
    tmp_path: Path, instance: dg.DagsterInstance, lake: Lake, good: ModelFolder, poor: ModelFolder
) -> None:
    home = Home(tmp_path / "glossary", instance, lake, poor, good)
    assert home.judged(good)["promotes"]
    assert home.run("promote", good).success
    assert home.run("rollback").success
    job = definitions(home.corpus, lake.uri).resolve_job_def("glossary_promote")
    by_verdict = job.execute_in_process(
        instance=instance, partition_key=good.key, tags={BY_VERDICT_TAG: "true"}, raise_on_error=False
    )
    assert by_verdict.success
    assert not checks(by_verdict)["release:promoted"]
    assert home.in_force() == f"r0003 {poor.key}"
    assert home.run("promote", good).success  # somebody asks for it
    assert home.in_force() == f"r0004 {good.key}"


def test_what_was_withdrawn_is_judged_again_by_its_report_before_it_is_released_again(
    tmp_path: Path, instance: dg.DagsterInstance, lake: Lake, good: ModelFolder, poor: ModelFolder
) -> None:
    home = Home(tmp_path / "glossary", instance, lake, poor, good)
    home.judged(good)
    assert home.run("promote", good).success
    Releases(lake, "glossary").withdraw("me", "it names a customer")
    assert home.in_force() == f"r0001 {poor.key}"
    assert "has not been judged since" in failure(home.run("promote", good))
    home.judged(good)
    assert home.run("promote", good).success
    assert home.in_force() == f"r0004 {good.key}"


def test_where_all_is_withdrawn_a_candidate_is_judged_against_what_was_withdrawn_last(
    tmp_path: Path, instance: dg.DagsterInstance, lake: Lake, good: ModelFolder, poor: ModelFolder
) -> None:
    home = Home(tmp_path / "glossary", instance, lake, good, poor)
    Releases(lake, "glossary").withdraw("me", "it names a customer")
    found = home.judged(poor)
    assert (found["verdict"], found["compared with"], home.looks()) == ("worse", good.key, 1)
    assert "worse against nothing in force" in failure(home.run("promote", poor))


# What the UI calls unsynced


def unsynced(corpus: Corpus, instance: dg.DagsterInstance, lake: Lake) -> set[tuple[str, str]]:
    """The stages and models that are to be materialised again, of those that have been."""
    resolved = definitions(corpus, lake.uri)
    graph = resolved.resolve_asset_graph()
    found = CachingStaleStatusResolver(instance, graph, LoadingContextForTest(instance))
    return {
        (stage, key)
        for stage in ("evaluation", "evaluation_report")
        for key in instance.get_dynamic_partitions(str(corpus.embedding_model.name))
        if found.get_status(corpus.key(stage), key) == StaleStatus.STALE
    }


def test_a_new_release_unsyncs_the_reports_of_the_other_models_and_a_changed_suite_all(
    tmp_path: Path, instance: dg.DagsterInstance, lake: Lake, good: ModelFolder, poor: ModelFolder, poorer: ModelFolder
) -> None:
    home = Home(tmp_path / "glossary", instance, lake, poor, good, poorer)
    observe(home.corpus, instance, lake)
    for model in (good, poorer):
        home.judged(model)
    assert home.run("life").success  # of the base, which ran before anything was observed
    assert unsynced(home.corpus, instance, lake) == set()
    assert home.run("promote", good).success
    observe(home.corpus, instance, lake)
    stages = ("evaluation", "evaluation_report")
    others = {(stage, model.key) for stage in stages for model in (poor, poorer)}
    assert unsynced(home.corpus, instance, lake) == others
    home.judged(poorer)
    assert unsynced(home.corpus, instance, lake) == {(stage, poor.key) for stage in stages}
    home.change(suite={"min_questions": 7})
    observe(home.corpus, instance, lake)
    assert unsynced(home.corpus, instance, lake) == {
        (stage, model.key) for stage in stages for model in (good, poor, poorer)
    }
