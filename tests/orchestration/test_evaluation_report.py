"""The report of a second model beside the first: what it is compared with, and when it is rendered again."""

from pathlib import Path
from typing import Any

import dagster as dg
import lxml.html
import pytest

from llmops_pipelines.embedding.model_folder import ModelFolder
from llmops_pipelines.orchestration.corpus import Corpus
from llmops_pipelines.orchestration.settings import CorpusSettings
from llmops_pipelines.storage import Lake, schemas
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
            "evaluation": {"questions": {"written": "questions.jsonl"}},
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
    line = '{"id": "q5", "question": "who keeps trains apart?", "answers": ["rails/signals.txt"], "part": "dev"}\n'
    path.write_text(path.read_text("utf-8") + line, "utf-8")


def test_the_first_model_is_compared_with_nothing(released: dict[str, Any]) -> None:
    assert not {*NUMBERS, "compared with", "not compared"} & released.keys()
    assert not any("Against" in heading.text_content() for heading in page(released).iter("h2"))


def test_a_candidate_is_compared_with_the_model_released(
    released: dict[str, Any], candidate: dict[str, Any], two: Corpus, keys: tuple[str, str], lake: Lake
) -> None:
    base, other = keys
    assert candidate["compared with"] == base
    assert candidate["questions compared"] == 3
    assert candidate["nDCG@10 before"] == released["nDCG@10"]
    assert candidate["nDCG@10 difference"] == pytest.approx(candidate["nDCG@10"] - released["nDCG@10"])
    assert -1 <= candidate["nDCG@10 difference low"] <= candidate["nDCG@10 difference"]
    assert candidate["nDCG@10 difference"] <= candidate["nDCG@10 difference high"] <= 1
    assert f"against {base}" in candidate["figures"]
    shown = page(candidate)
    assert f"Against {base}" in [heading.text_content() for heading in shown.iter("h2")]
    (table,) = shown.xpath("//h2[.='What was evaluated']/following-sibling::table[1]")
    rows = {row[0].text_content(): [cell.text_content() for cell in row[1:]] for row in table.iter("tr")}
    assert rows["model"] == [other, base]
    assert rows["fingerprint"] == [two.model(other, lake).fingerprint, two.model(base, lake).fingerprint]
    assert rows["evaluation"][0] != rows["evaluation"][1]
    assert rows["corpus version"][0] == rows["corpus version"][1]


def test_it_is_rendered_again_when_the_baseline_changes_and_not_otherwise(
    candidate: dict[str, Any],
    two: Corpus,
    articles: Path,
    keys: tuple[str, str],
    instance: dg.DagsterInstance,
    lake: Lake,
) -> None:
    base, other = keys
    again = report_alone(two, instance, lake, other)
    assert again["done"].startswith("nothing")
    assert {name: again[name] for name in NUMBERS} == {name: candidate[name] for name in NUMBERS}
    ask_more(articles)
    run_job(two, instance, lake.uri, "candidate", base)
    changed = report_alone(two, instance, lake, other)
    assert changed["done"] == "rendered"
    assert "Left out of written (dev): 1 asked by one evaluation only." in page(changed).text_content()
    assert changed["questions compared"] == 3
    assert report_alone(two, instance, lake, other)["done"].startswith("nothing")


def test_another_corpus_is_not_compared_until_both_are_evaluated_on_it(
    candidate: dict[str, Any],
    two: Corpus,
    articles: Path,
    keys: tuple[str, str],
    instance: dg.DagsterInstance,
    lake: Lake,
) -> None:
    base, other = keys
    (articles / "documents" / "kites.md").write_text("# Kites\n\nA kite needs wind and a string.\n", "utf-8")
    run_job(two, instance, lake.uri)
    found = report_alone(two, instance, lake, other)
    assert found["done"] == "rendered"
    assert found["not compared"].startswith(
        f"with {base}: its evaluation has another corpus version; to have it compared"
    )
    assert f"run the job articles_candidate for {base}, then for {other}" in page(found).text_content()
    assert not {*NUMBERS, "compared with"} & found.keys()
    both = metadata(run_job(two, instance, lake.uri, "candidate", other))["evaluation_report"]
    assert both["compared with"] == base


def test_once_released_it_is_compared_with_the_base_model_and_the_base_model_with_it(
    candidate: dict[str, Any], two: Corpus, keys: tuple[str, str], instance: dg.DagsterInstance, lake: Lake
) -> None:
    base, other = keys
    assert run_job(two, instance, lake.uri, "promote", other).success
    assert report_alone(two, instance, lake, other)["compared with"] == base
    reverse = report_alone(two, instance, lake, base)
    assert reverse["compared with"] == other
    assert reverse["nDCG@10 difference"] == pytest.approx(-candidate["nDCG@10 difference"])


def test_a_released_model_that_is_configured_no_more_is_still_compared_with(
    candidate: dict[str, Any],
    articles: Path,
    other_model: ModelFolder,
    keys: tuple[str, str],
    instance: dg.DagsterInstance,
    lake: Lake,
) -> None:
    found = report_alone(configured(articles, other_model), instance, lake, keys[1])
    assert found["done"].startswith("nothing")
    assert found["compared with"] == keys[0]


def test_a_model_without_an_evaluation_is_named(
    two: Corpus, keys: tuple[str, str], instance: dg.DagsterInstance, lake: Lake
) -> None:
    """The other model is the first to run and to be released; the base model has no index yet."""
    first = metadata(run_job(two, instance, lake.uri, model_key=keys[1]))["evaluation_report"]
    assert first["not compared"].startswith(f"with {keys[0]}: it has no evaluation; to have it compared, run the job")


def test_evaluations_by_another_scorer_or_of_an_index_that_is_gone_are_not_compared(
    candidate: dict[str, Any], two: Corpus, keys: tuple[str, str], instance: dg.DagsterInstance, lake: Lake
) -> None:
    table = two.table("evaluation", keys[0])
    published = lake.published(table)
    assert published is not None
    lineage = {**published.summary["lineage"], "index": {"version": 999, "data_version": "gone"}}
    for changed, reason in (
        ({"scorer": "by hand"}, "its evaluation has another scorer"),
        ({"lineage": lineage}, "the version of its index that was evaluated is not in the lake"),
    ):
        writer = lake.writer(table, schemas.EVALUATION)
        writer.publish(published.data_version, published.inputs, {**published.summary, **changed})
        found = report_alone(two, instance, lake, keys[1])
        assert found["not compared"].startswith(f"with {keys[0]}: {reason}; to have it compared")
        assert found["done"] == "rendered"
