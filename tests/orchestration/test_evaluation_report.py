"""The report of a second model beside the first: what it is compared with, and when it is rendered again."""

import json
from pathlib import Path
from typing import Any

import dagster as dg
import lxml.html
import pytest

from llmops_pipelines.embedding.model_folder import ModelFolder
from llmops_pipelines.evaluation.verdicts import Verdicts
from llmops_pipelines.orchestration.corpus import Corpus
from llmops_pipelines.orchestration.settings import CorpusSettings
from llmops_pipelines.release.ledger import Ledger
from llmops_pipelines.release.releases import Releases
from llmops_pipelines.storage import Lake
from tests.dagster_runs import definitions, metadata, run_job
from tests.embedding.model_copies import copy_of, edit

NUMBERS = ("nDCG@10 before", "nDCG@10 difference", "nDCG@10 difference low", "nDCG@10 difference high")


def configured(folder: Path, *models: ModelFolder) -> Corpus:
    """The articles embedded by `models`, the base model first."""
    settings = CorpusSettings.model_validate(
        {
            "name": "articles",
            "source": {"type": "directory", "uri": "documents"},
            "embeddings": {"models": [{"name": model.name, "folder": str(model.folder)} for model in models]},
            "evaluation": {"suites": ["written.yaml"]},
        }
    )
    return Corpus(settings, folder)


@pytest.fixture
def other_model(model: ModelFolder, tmp_path: Path) -> ModelFolder:
    """The bundled model with a prompt before every text: another fingerprint and other vectors."""
    copied = ModelFolder("other", copy_of(model, tmp_path / "other").folder)
    prompts = {"query": "bread and trains: ", "document": "the sea: "}
    edit(copied, "config_sentence_transformers.json", lambda content: content.update(prompts=prompts))
    return copied


@pytest.fixture
def two(articles: Path, model: ModelFolder, other_model: ModelFolder) -> Corpus:
    return configured(articles, model, other_model)


@pytest.fixture
def keys(two: Corpus) -> tuple[str, str]:
    base, other = two.model_keys()
    return base, other


@pytest.fixture
def released(two: Corpus, instance: dg.DagsterInstance, lake: Lake) -> dict[str, Any]:
    """The report of the base model, which is released."""
    return metadata(run_job(two, instance, lake.uri))["evaluation_report"]


@pytest.fixture
def candidate(
    released: dict[str, Any], two: Corpus, keys: tuple[str, str], instance: dg.DagsterInstance, lake: Lake
) -> dict[str, Any]:
    """The report of the other model, evaluated beside it."""
    return metadata(run_job(two, instance, lake.uri, "candidate", keys[1]))["evaluation_report"]


def report_alone(corpus: Corpus, instance: dg.DagsterInstance, lake: Lake, key: str) -> dict[str, Any]:
    """Materialise the report of `key` and nothing before it."""
    resolved = definitions(corpus, lake.uri)
    result = dg.materialize(
        [asset for asset in resolved.assets or [] if isinstance(asset, dg.AssetsDefinition)],
        selection=[corpus.key("evaluation_report")],
        instance=instance,
        partition_key=key,
        resources=dict(resolved.resources or {}),
        raise_on_error=False,
    )
    assert result.success
    return metadata(result)["evaluation_report"]


def page(found: dict[str, Any]) -> lxml.html.HtmlElement:
    return lxml.html.document_fromstring(Path(found["report"]).read_text("utf-8"))


def ask_more(articles: Path) -> None:
    """Put another question into the file."""
    path = articles / "questions.jsonl"
    line = '{"id": "q9", "question": "who keeps trains apart?", "answers": ["rails/signals.txt"], "part": "dev"}\n'
    path.write_text(path.read_text("utf-8") + line, "utf-8")


def test_the_first_model_is_compared_with_nothing_and_promoted(released: dict[str, Any], lake: Lake) -> None:
    assert not {*NUMBERS, "compared with", "not compared"} & released.keys()
    assert (released["verdict"], released["promotes"]) == ("first", True)
    [verdict] = Verdicts(lake, "articles").history()
    assert (verdict.verdict, verdict.production, verdict.promotes) == ("first", None, True)


def test_a_candidate_is_compared_with_the_model_released(
    released: dict[str, Any], candidate: dict[str, Any], two: Corpus, keys: tuple[str, str], lake: Lake
) -> None:
    base = keys[0]
    assert candidate["compared with"] == base
    assert candidate["questions compared"] == 3
    assert candidate["nDCG@10 before"] == released["nDCG@10"]
    assert candidate["nDCG@10 difference"] == pytest.approx(candidate["nDCG@10"] - released["nDCG@10"])
    assert -1 <= candidate["nDCG@10 difference low"] <= candidate["nDCG@10 difference"]
    assert candidate["nDCG@10 difference"] <= candidate["nDCG@10 difference high"] <= 1
    assert candidate["verdict"] in ("not_worse", "inconclusive")
    shown = page(candidate).text_content()
    for key in keys:
        assert two.model(key, lake).fingerprint in shown
    assert candidate["reason"] in " ".join(shown.split())


def test_the_verdict_that_is_kept_is_of_what_would_be_released(
    candidate: dict[str, Any], keys: tuple[str, str], lake: Lake
) -> None:
    first, second = Verdicts(lake, "articles").history()
    assert second.production == first.candidate == Ledger(lake, "articles").history()[0].manifest.identity
    assert (second.candidate_key, second.verdict, second.reason) == (keys[1], candidate["verdict"], candidate["reason"])
    [suite] = [found for found in json.loads(second.figures)["suites"] if found["suite"] == "written"]
    [test] = suite["tests"]
    assert test["difference"]["mean"] == pytest.approx(test["after"]["mean"] - test["before"]["mean"])


def test_it_is_rendered_again_when_what_it_shows_changes_and_not_otherwise(
    candidate: dict[str, Any],
    two: Corpus,
    articles: Path,
    keys: tuple[str, str],
    instance: dg.DagsterInstance,
    lake: Lake,
) -> None:
    again = report_alone(two, instance, lake, keys[1])
    assert again["done"].startswith("nothing")
    assert {name: again[name] for name in NUMBERS} == {name: candidate[name] for name in NUMBERS}
    assert len(Verdicts(lake, "articles").history()) == 2
    ask_more(articles)
    changed = metadata(run_job(two, instance, lake.uri, "candidate", keys[1]))["evaluation_report"]
    assert changed["done"] == "rendered"
    assert changed["questions compared"] == 4
    assert len(Verdicts(lake, "articles").history()) == 3
    assert report_alone(two, instance, lake, keys[1])["done"].startswith("nothing")


def test_once_released_it_keeps_the_verdict_by_which_it_was(
    candidate: dict[str, Any], two: Corpus, keys: tuple[str, str], instance: dg.DagsterInstance, lake: Lake
) -> None:
    base, other = keys
    assert candidate["promotes"]
    assert run_job(two, instance, lake.uri, "promote", other).success
    after = report_alone(two, instance, lake, other)
    assert after["done"].startswith("nothing")
    assert (after["compared with"], after["verdict"]) == (base, candidate["verdict"])
    reverse = metadata(run_job(two, instance, lake.uri, "candidate", base))["evaluation_report"]
    assert reverse["compared with"] == other
    assert reverse["nDCG@10 difference"] == pytest.approx(-candidate["nDCG@10 difference"])


@pytest.mark.usefixtures("candidate")
def test_a_release_is_observed_for_the_other_models_at_once(
    two: Corpus, keys: tuple[str, str], instance: dg.DagsterInstance, lake: Lake
) -> None:
    base, other = keys
    assert run_job(two, instance, lake.uri, "promote", other).success
    wanted = dg.AssetRecordsFilter(two.key("production"), asset_partitions=[base])
    (record,) = instance.fetch_observations(wanted, limit=1).records
    current = Releases(lake, two.name).in_force()
    assert record.asset_observation is not None
    assert current is not None
    assert (record.asset_observation.tags or {})["dagster/data_version"] == current.manifest.identity


def test_a_released_model_that_is_configured_no_more_is_still_compared_with(
    released: dict[str, Any],
    articles: Path,
    other_model: ModelFolder,
    keys: tuple[str, str],
    instance: dg.DagsterInstance,
    lake: Lake,
) -> None:
    found = metadata(run_job(configured(articles, other_model), instance, lake.uri))["evaluation_report"]
    assert found["compared with"] == keys[0]


def test_a_base_that_was_never_indexed_is_no_side(
    two: Corpus, keys: tuple[str, str], instance: dg.DagsterInstance, lake: Lake
) -> None:
    """The other model is the first to run and to be released."""
    found = metadata(run_job(two, instance, lake.uri, model_key=keys[1]))
    assert found["evaluation"]["sides"] == f"candidate: {keys[1]}"
    assert found["evaluation_report"]["verdict"] == "first"


def test_the_untuned_base_stands_beside_a_candidate(
    candidate: dict[str, Any], keys: tuple[str, str], lake: Lake
) -> None:
    snapshot = lake.published(f"articles.evaluation.{keys[1]}")
    assert snapshot is not None
    assert [(side["role"], side["key"]) for side in snapshot.summary["sides"]] == [
        ("candidate", keys[1]),
        ("production", keys[0]),
        ("untuned", keys[0]),
    ]
    rows = list(snapshot.rows(["role", "question_id", "system", "nDCG@10"]))
    by_role = {
        role: {(r["question_id"], r["system"]): r["nDCG@10"] for r in rows if r["role"] == role}
        for role in ("production", "untuned", "candidate")
    }
    common = by_role["production"].keys() & by_role["untuned"].keys()
    assert common
    assert {pair: by_role["production"][pair] for pair in common} == {pair: by_role["untuned"][pair] for pair in common}
    bm25 = {pair: score for pair, score in by_role["candidate"].items() if pair[1] == "bm25"}
    assert bm25 == {pair: score for pair, score in by_role["production"].items() if pair[1] == "bm25"}
