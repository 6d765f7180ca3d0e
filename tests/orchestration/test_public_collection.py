"""A public collection, in BEIR layout, through the very same assets: its documents, its graded judgements, its parts."""

import gzip
import json
from pathlib import Path

import dagster as dg
import pytest

from llmops_pipelines.orchestration.corpus import Corpus
from llmops_pipelines.orchestration.failures import failure_reason
from llmops_pipelines.orchestration.serving import released_searcher
from llmops_pipelines.orchestration.settings import CorpusSettings
from llmops_pipelines.storage import Lake
from tests.conftest import ARTICLES
from tests.dagster_runs import STAGES, checks, failure, metadata, released_figures, run_job
from tests.suite_files import write_suite

QUERIES = {
    "1": ("how do insects tell their nest mates about food?", "train", {"bees": 2, "tides": 0}),
    "2": ("what makes dough grow?", "train", {"bread": 1}),
    "3": ("why does the ocean come and go?", "train", {"tides": 3, "gauge": 1}),
    "4": ("how wide apart is a train's track?", "train", {"gauge": 1}),
    "5": ("what keeps trains from running into each other?", "train", {"signals": 1}),
    "6": ("who is the ruler of a hive?", "test", {"bees": 1}),
    "7": ("which wild organisms are in a starter?", "test", {"bread": 1, "not there": 2}),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "collection"
    (folder / "qrels").mkdir(parents=True)
    entries = [
        {"_id": Path(name).stem, "title": Path(name).stem.title(), "text": text} for name, text in ARTICLES.items()
    ]
    lines = [json.dumps(entry) for entry in entries]
    (folder / "corpus.jsonl.gz").write_bytes(gzip.compress("\n".join([*lines, "no JSON"]).encode()))
    queries = [json.dumps({"_id": name, "text": text}) for name, (text, _, _) in QUERIES.items()]
    (folder / "queries.jsonl").write_text("\n".join(queries), "utf-8")
    for part in ("train", "test"):
        rows = [f"{q}\t{doc}\t{g}\n" for q, (_, p, grades) in QUERIES.items() if p == part for doc, g in grades.items()]
        (folder / "qrels" / f"{part}.tsv").write_text("query-id\tcorpus-id\tscore\n" + "".join(rows), "utf-8")
    return folder


@pytest.fixture
def collection(folder: Path) -> Corpus:
    write_suite(folder.parent, "queries", "collection")
    settings = {
        "name": "collection",
        "source": {"type": "beir", "folder": "collection"},
        "chunks": {"chunker": "whole_document"},
        "evaluation": {"suites": ["queries.yaml"], "known_items": 0},
    }
    return Corpus(CorpusSettings.model_validate(settings), folder.parent)


def test_a_collection_lives_the_life_of_a_corpus(
    collection: Corpus, folder: Path, instance: dg.DagsterInstance, lake: Lake
) -> None:
    result = run_job(collection, instance, lake.uri)
    assert result.success
    found = metadata(result)
    assert sorted(found) == sorted(STAGES)
    assert all(checks(result).values())
    assert (found["documents"]["added"], found["documents"]["skipped"]) == (5, 1)
    assert found["documents"]["skipped_examples"] == ["corpus.jsonl.gz:6: malformed (not JSON)"]
    assert (found["chunks"]["chunks"], found["evaluation"]["questions"], found["evaluation"]["unmeasured"]) == (5, 1, 0)
    assert 0 < found["evaluation"]["nDCG@10"] <= 1

    chunks = lake.published("collection.chunks")
    assert chunks is not None
    assert {row["text"] for row in chunks.rows(["text"])} == {
        f"{Path(name).stem.title()} {text.strip()}" for name, text in ARTICLES.items()
    }
    evaluation = lake.published(collection.table("evaluation", collection.model_keys()[0]))
    assert evaluation is not None
    for row in evaluation.rows():
        _, part, grades = QUERIES[row["question_id"]]
        assert (row["part"], part) == ("dev", "train")
        assert dict(zip(row["answers"], row["grades"], strict=True)) == {d: g for d, g in grades.items() if g}

    (test,) = released_figures(collection, lake, "test")
    assert (test.question_set, test.questions, test.unmeasured) == ("queries", 2, 0)
    _, searcher = released_searcher(collection, lake)
    assert searcher.search("yeast in sourdough", limit=1)[0].doc_id == "bread"

    assert all(
        values["done"].startswith("nothing") for values in metadata(run_job(collection, instance, lake.uri)).values()
    )
    qrels = folder / "qrels" / "train.tsv"
    qrels.write_text(qrels.read_text("utf-8").replace("\t1\n", "\t2\n"), "utf-8")
    again = metadata(run_job(collection, instance, lake.uri))
    assert again["documents"]["done"].startswith("nothing")
    assert again["evaluation"]["done"] == "published"
    assert again["evaluation"]["questions_embedded"] == 0


def test_a_collection_with_a_test_part_alone_has_no_daily_figures_and_is_evaluated_on_demand(
    collection: Corpus, folder: Path, instance: dg.DagsterInstance, lake: Lake
) -> None:
    (folder / "qrels" / "train.tsv").unlink()
    result = run_job(collection, instance, lake.uri)
    assert result.success, failure(result)
    assert metadata(result)["evaluation"]["questions"] == 0
    (test,) = released_figures(collection, lake, "test")
    assert test.questions == 2


def test_bad_judgements_fail_the_evaluation_with_file_and_line(
    collection: Corpus, folder: Path, instance: dg.DagsterInstance, lake: Lake
) -> None:
    (folder / "qrels" / "test.tsv").write_text("1\tbees\tgood\n", "utf-8")
    result = run_job(collection, instance, lake.uri)
    assert not result.success
    reasons = [failure_reason(event) for event in result.filter_events(lambda event: event.is_step_failure)]
    assert len(reasons) == 2  # the evaluation, and the training set that must not learn from what is evaluated
    assert all("qrels/test.tsv:1: '1\\tbees\\tgood' is not query-id, corpus-id, score" in why for why in reasons)
    assert sorted(metadata(result)) == ["chunks", "clean_documents", "documents", "embeddings", "vector_index"]
