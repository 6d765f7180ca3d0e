"""Documents and queries drift apart from any model: new ones are compared with those that the release was judged by."""

import json
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from llmops_pipelines.drift.query_log import QueryLogError, logged_queries
from llmops_pipelines.orchestration.corpus import Corpus
from llmops_pipelines.storage import Lake
from tests.dagster_runs import checks, failure, failures, metadata, promote, run_job
from tests.orchestration.glossary import WORDS, glossary

RECIPES = ("onion", "butter", "garlic", "saucepan", "flour", "simmer", "basil", "oven", "spoon", "yeast")


@pytest.fixture
def corpus(tmp_path: Path, instance: dg.DagsterInstance, lake: Lake) -> Corpus:
    """The glossary, released."""
    made = glossary(tmp_path, embeddings={"models": ["bundled"]}, data_drift={"query_log": "asked.jsonl"})
    (tmp_path / "asked.jsonl").write_text(json.dumps({"query": "what is a heron?"}), "utf-8")
    candidate(made, instance, lake)
    assert promote(made, instance, lake.uri).success
    return made


def candidate(corpus: Corpus, instance: dg.DagsterInstance, lake: Lake) -> None:
    stages = ("documents", "clean_documents", "chunks", "embeddings", "vector_index", "evaluation", "evaluation_report")
    result = run_job(corpus, instance, lake.uri, stages=stages)
    assert result.success, failures(result)


def compare(corpus: Corpus, instance: dg.DagsterInstance, lake: Lake) -> tuple[dict[str, Any], dict[str, bool]]:
    result = run_job(corpus, instance, lake.uri, "data_drift")
    assert result.success, failures(result)
    return metadata(result)["data_drift"], checks(result)


def write(corpus: Corpus, name: str, text: str) -> None:
    (corpus.folder / "documents" / f"{name}.md").write_text(text, "utf-8")


def recipe(number: int) -> str:
    chosen = [RECIPES[(number * step + step) % len(RECIPES)] for step in (1, 3, 7)]
    return f"# Recipe {number}\n\nHeat the {chosen[0]} in a pan, add {chosen[1]} and {chosen[2]}, and serve it warm.\n"


def test_too_little_is_said_to_be_too_little(corpus: Corpus, instance: dg.DagsterInstance, lake: Lake) -> None:
    shown, passed = compare(corpus, instance, lake)
    assert shown["documents"] == "too few to tell: 0 documents since r0001, 60 to compare with; 30 are needed"
    assert shown["queries"].startswith("too few to tell: 1 queries, 60 to compare with")
    assert passed == {"data_drift:documents": True, "data_drift:queries": True}


def test_documents_about_something_else_are_found_also_after_they_were_released(
    corpus: Corpus, instance: dg.DagsterInstance, lake: Lake
) -> None:
    for number in range(60):
        write(corpus, f"recipe-{number:02}", recipe(number))
    candidate(corpus, instance, lake)
    for _ in range(2):
        shown, passed = compare(corpus, instance, lake)
        assert not passed["data_drift:documents"]
        assert shown["documents"].startswith("the texts can be told apart (AUC")
        assert "| more | pan |" in shown["documents: words that moved"]
        assert shown["documents: AUC"] > 0.9
        assert promote(
            corpus, instance, lake.uri
        ).success  # released with the recipes: the questions are still the first


def test_documents_like_the_others_are_not(corpus: Corpus, instance: dg.DagsterInstance, lake: Lake) -> None:
    for word in WORDS:
        write(corpus, f"again-{word}", f"# {word[::-1].capitalize()}\n\nThis page is about the word {word[::-1]}.\n")
    candidate(corpus, instance, lake)
    shown, passed = compare(corpus, instance, lake)
    assert passed["data_drift:documents"], shown["documents"]


def test_queries_unlike_the_questions_of_the_suite_are_found(
    corpus: Corpus, instance: dg.DagsterInstance, lake: Lake
) -> None:
    alike = [{"query": f"{meaning}, please"} for meaning in WORDS.values()]
    log = corpus.folder / "asked.jsonl"
    log.write_text("\n".join(map(json.dumps, alike)), "utf-8")
    shown, passed = compare(corpus, instance, lake)
    assert shown["queries: AUC"] < 0.65
    other = [{"query": f"refund for order {number * 37} that never came"} for number in range(60)]
    log.write_text("\n".join(map(json.dumps, other)), "utf-8")
    shown, passed = compare(corpus, instance, lake)
    assert not passed["data_drift:queries"]
    assert "`refund` (0% -> 100%)" in shown["queries"]
    assert shown["done"] == "queries no longer resemble what was judged"


def test_a_log_that_is_not_there_says_so(corpus: Corpus, instance: dg.DagsterInstance, lake: Lake) -> None:
    (corpus.folder / "asked.jsonl").unlink()
    assert "asked.jsonl cannot be read" in failure(run_job(corpus, instance, lake.uri, "data_drift"))


def test_before_a_release_there_is_nothing_to_compare_with(
    tmp_path: Path, instance: dg.DagsterInstance, lake: Lake
) -> None:
    made = glossary(tmp_path, embeddings={"models": ["bundled"]})
    shown, _ = compare(made, instance, lake)
    assert shown["documents"] == "nothing is released yet"
    assert shown["queries"] == "no query log is configured (data_drift.query_log)"


def test_a_log_is_json_lines_or_plain_ones_and_the_newest_of_it(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text('{"query": "one", "user": 3}\ntwo\n\n{"query": 3}\n{"broken\n{"query": " four "}\n', "utf-8")
    assert logged_queries(log) == ["one", "two", "four"]
    log.write_text("\n".join(f"query {i}" for i in range(30_000)), "utf-8")
    assert logged_queries(log)[0] == "query 10000"
    log.write_text('{"text": "no query"}\n', "utf-8")
    assert logged_queries(log) == []
    with pytest.raises(QueryLogError, match="cannot be read"):
        logged_queries(tmp_path / "nothing")
