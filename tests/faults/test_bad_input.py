"""Bad input through the whole life of a corpus: a clear error or a counted skip, and what was published stays."""

from pathlib import Path
from shutil import copytree

import dagster as dg
import pytest

from llmops_pipelines.orchestration.corpus import Corpus
from llmops_pipelines.orchestration.settings import CorpusSettings
from llmops_pipelines.storage import Lake
from tests.dagster_runs import failure, failures, metadata, run_job


def configured(folder: Path, **sections: object) -> Corpus:
    settings = {"name": "articles", "source": {"type": "directory", "uri": "documents"}, **sections}
    return Corpus(CorpusSettings.model_validate(settings), folder)


def test_files_that_cannot_be_documents_are_skipped_by_reason(
    articles: Path, instance: dg.DagsterInstance, lake: Lake
) -> None:
    documents = articles / "documents"
    (documents / "binary.md").write_bytes(b"GIF89a\x00\x01\x02")
    (documents / "latin.txt").write_bytes("Zürich ist schön".encode("latin-1"))
    (documents / "table.xlsx").write_bytes(b"PK")
    (documents / "broken.jsonl").write_text('{"text": "fine"}\nnot json\n', "utf-8")
    with (documents / "huge.txt").open("wb") as file:
        file.truncate(200_000_000)
    found = metadata(run_job(configured(articles), instance, lake.uri))
    assert found["documents"]["dagster/row_count"] == 5
    assert found["documents"]["skipped"] == 5
    by_reason = found["documents"]["skipped_by_reason"]
    for reason in ("binary", "invalid encoding", "unknown file type", "malformed", "too large"):
        assert f"- **{reason}**: 1" in by_reason
    assert any("huge.txt: too large (200,000,000 bytes" in line for line in found["documents"]["skipped_examples"])


def test_documents_without_text_and_equal_ones_are_dropped_by_rule(
    articles: Path, instance: dg.DagsterInstance, lake: Lake
) -> None:
    documents = articles / "documents"
    (documents / "blank.md").write_text(" \n\t\n", "utf-8")
    (documents / "empty.txt").write_bytes(b"")
    (documents / "again.md").write_text((documents / "bees.md").read_text("utf-8"), "utf-8")
    found = metadata(run_job(configured(articles), instance, lake.uri))["clean_documents"]
    assert (found["documents"], found["kept"], found["dropped"]) == (8, 5, 3)
    assert found["dropped_by_rule"] == "- **length**: 2\n- **exact_duplicates**: 1"
    assert "bees.md: same text as again.md" in found["dropped_examples"]


def test_one_line_of_a_hundred_thousand_characters_is_cut_within_the_window(
    articles: Path, instance: dg.DagsterInstance, lake: Lake
) -> None:
    (articles / "documents" / "line.txt").write_text("seven words make up this one line " * 2_950, "utf-8")
    result = run_job(configured(articles), instance, lake.uri)
    assert result.success
    assert metadata(result)["chunks"]["longest_tokens"] <= 256


def test_a_missing_package_is_named_with_the_command_that_installs_it(
    tmp_path: Path, instance: dg.DagsterInstance, lake: Lake
) -> None:
    corpus = configured(tmp_path, source={"type": "python_docs", "packages": ["no_such_package"]})
    result = run_job(corpus, instance, lake.uri)
    assert "pip install no_such_package" in failure(result)


def test_a_damaged_model_is_refused_before_it_embeds(
    articles: Path, corpus: Corpus, instance: dg.DagsterInstance, lake: Lake
) -> None:
    assert run_job(corpus, instance, lake.uri).success
    folder = articles / "model"
    copytree(corpus.base_model.folder, folder)
    with (folder / "model.safetensors").open("r+b") as weights:
        weights.seek(5_000_000)
        weights.write(b"\xff" * 16)
    expected = corpus.base_model.expected_sha256
    damaged = configured(articles, embeddings={"models": [{"name": "mini", "folder": "model", "sha256": expected}]})
    with pytest.raises(Exception, match=f"expected {expected}.*damaged"):
        damaged.model_keys()
    before = lake.published(f"articles.vector_index.{corpus.model_keys()[0]}")
    assert before is not None and before.count() == 5


def test_a_model_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    corpus = configured(tmp_path, embeddings={"models": [{"name": "mini", "folder": "nowhere"}]})
    with pytest.raises(Exception, match=r"there is no file .*nowhere"):
        corpus.model_keys()


def test_a_lake_that_cannot_be_written_is_an_error_that_names_it(
    corpus: Corpus, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    (tmp_path / "file").write_text("not a folder", "utf-8")
    result = run_job(corpus, instance, str(tmp_path / "file" / "lake"))
    assert "in the lake" in failure(result)
    assert "LLMOPS_LAKE" in failure(result)


def test_questions_that_cannot_be_read_fail_with_file_and_line(
    articles: Path, instance: dg.DagsterInstance, lake: Lake
) -> None:
    (articles / "questions.jsonl").write_text('{"id": "q1", "question": "what?"}\n', "utf-8")
    result = run_job(configured(articles, evaluation={"suites": ["written.yaml"]}), instance, lake.uri)
    assert ["questions.jsonl:1" in why for why in failures(result)] == [True, True]  # training set and evaluation
    assert lake.published(f"articles.vector_index.{configured(articles).model_keys()[0]}") is not None
