"""What a suite is: the part it judges, and hashes that follow its meaning and nothing else."""

import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from llmops_pipelines.evaluation.questions import Question, QuestionError
from llmops_pipelines.evaluation.suite_files import load_suite
from llmops_pipelines.evaluation.suites import Suite, SuiteMetric, SuiteSlice
from tests.evaluation.test_question_files import beir

METRICS = (SuiteMetric("nDCG@10", "higher", "primary", 0.03), SuiteMetric("MRR@10", "higher"))
PARTS = {"t1": "test", "t2": "test", "d1": "dev"}
SUITE = """\
name: written
version: 1
questions: questions.jsonl
metrics: {nDCG@10: {direction: higher, role: primary, margin: 0.03}}
"""


def question(name: str, **changed: Any) -> dict[str, Any]:
    return {"id": name, "question": f"what is {name}?", "answers": ["a"], "part": PARTS[name], **changed}


def suite(folder: Path, *questions: dict[str, Any]) -> Suite:
    lines = [json.dumps(entry) for entry in questions or map(question, PARTS)]
    (folder / "questions.jsonl").write_text("\n".join(lines), "utf-8")
    return Suite("written", 1, METRICS, file=folder / "questions.jsonl")


def test_the_gate_judges_test_where_there_is_one(tmp_path: Path) -> None:
    assert suite(tmp_path).gate_part == "test"
    assert suite(tmp_path, question("d1")).gate_part == "dev"
    assert suite(tmp_path, question("t1", part="train")).gate_part == "dev"
    assert Suite("known_items", 1, METRICS, known_items=300).gate_part == "test"


def test_train_questions_give_a_dev_part(tmp_path: Path) -> None:
    train = [{"id": f"q{i}", "question": f"word{i} of{i}?", "answers": [f"d{i}"], "part": "train"} for i in range(20)]
    made = suite(tmp_path, *train)
    assert [q.part for q in made.loaded] == ["train"] * 20
    assert [q.part for q in made.questions].count("dev") == 4
    assert suite(tmp_path, *reversed(train)).test_hash == made.test_hash
    assert suite(tmp_path, *train[:-1], {**train[-1], "question": "quite another one?"}).identity != made.identity


MEANING: dict[str, Callable[[Suite], Suite]] = {
    "version": lambda s: replace(s, version=2),
    "margin": lambda s: replace(s, metrics=(replace(METRICS[0], margin=0.04), METRICS[1])),
    "floor": lambda s: replace(s, metrics=(replace(METRICS[0], floor=0.1), METRICS[1])),
    "slices": lambda s: replace(s, slices=(SuiteSlice("short", tag="short"),)),
    "system": lambda s: replace(s, system="dense"),
    "looks": lambda s: replace(s, max_looks=21),
    "least": lambda s: replace(s, min_questions=51),
    "data margin": lambda s: replace(s, data_margin=0.05),
    "gates": lambda s: replace(s, gates=False),
}


@pytest.mark.parametrize("change", MEANING)
def test_what_is_declared_changes_the_identity_and_gives_no_look_back(change: str, tmp_path: Path) -> None:
    one = suite(tmp_path)
    other = MEANING[change](one)
    assert other.identity != one.identity
    assert other.test_hash == one.test_hash


def test_comments_formatting_order_and_description_do_not_count(tmp_path: Path) -> None:
    one = suite(tmp_path)
    (tmp_path / "plain.yaml").write_text(SUITE, "utf-8")
    (tmp_path / "other.yaml").write_text(
        f"# why\ndescription: a word\n{SUITE.replace('{nDCG@10: ', '{ nDCG@10:   ')}\nmin_questions: 50  # the default\n",
        "utf-8",
    )
    plain, other = (load_suite(tmp_path / f"{name}.yaml") for name in ("plain", "other"))
    assert plain.identity == other.identity
    assert suite(tmp_path, *map(question, reversed(PARTS))).identity == one.identity


CHANGES: dict[str, tuple[dict[str, dict[str, Any]], bool]] = {
    "test question": ({"t1": {"question": "why?"}}, True),
    "test answer": ({"t1": {"answers": ["b"]}}, True),
    "grade": ({"t1": {"answers": {"a": 2}}}, True),
    "id": ({"t1": {"id": "t9"}}, True),
    "part": ({"t1": {"part": "dev"}}, True),
    "dev question": ({"d1": {"question": "why?"}}, False),
    "rejected": ({"t1": {"rejected": ["b"]}}, False),
    "tags": ({"t1": {"tags": ["short"]}}, False),
    "versions": ({"t1": {"versions": {"a": "0" * 64}}}, False),
}


@pytest.mark.parametrize("change", CHANGES)
def test_only_what_is_asked_and_answered_in_the_part_that_is_judged_gives_looks_back(
    change: str, tmp_path: Path
) -> None:
    changed, looks = CHANGES[change]
    one = suite(tmp_path)
    before = one.identity, one.test_hash
    other = suite(tmp_path, *(question(name, **changed.get(name, {})) for name in PARTS))
    assert other.identity != before[0]
    assert (other.test_hash != before[1]) == looks


FOLDERS: dict[str, Callable[[Path], object]] = {
    "query": lambda folder: beir(folder, [("1", "another?")]),
    "judgement": lambda folder: beir(folder, [("1", "one?")], test="1 d1 2"),
    "part": lambda folder: (folder / "qrels" / "test.tsv").rename(folder / "qrels" / "dev.tsv"),
    "more judgements": lambda folder: beir(folder, [("1", "one?"), ("2", "two?")], train="2 d1 1"),
}


@pytest.mark.parametrize("change", FOLDERS)
def test_the_identity_of_a_folder_follows_all_that_is_read_of_it(tmp_path: Path, change: str) -> None:
    folder = beir(tmp_path, [("1", "one?")], test="1 d1 1")
    before = Suite("claims", 1, METRICS, file=folder).identity
    (folder / "corpus.jsonl").write_text("not read", "utf-8")
    assert Suite("claims", 1, METRICS, file=folder).identity == before
    FOLDERS[change](folder)
    assert Suite("claims", 1, METRICS, file=folder).identity != before


def test_whether_queries_are_gzipped_does_not_count(tmp_path: Path) -> None:
    folder = beir(tmp_path, [("1", "one?")], test="1 d1 1")
    before = Suite("claims", 1, METRICS, file=folder).identity
    (folder / "queries.jsonl.gz").write_bytes(gzip.compress((folder / "queries.jsonl").read_bytes()))
    (folder / "queries.jsonl").unlink()
    assert Suite("claims", 1, METRICS, file=folder).identity == before


def test_where_it_stands_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    assert suite(tmp_path).identity == suite(tmp_path / "elsewhere").identity


def test_known_items_of_any_number_share_their_looks() -> None:
    one = Suite("known_items", 1, METRICS, known_items=300)
    other = replace(one, known_items=100)
    assert one.identity != other.identity
    assert one.test_hash == other.test_hash


def test_questions_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    made = suite(tmp_path)
    (tmp_path / "questions.jsonl").write_text("{}", "utf-8")
    for asked_of in ("identity", "test_hash", "gate_part"):
        with pytest.raises(QuestionError, match=r"questions\.jsonl:1"):
            getattr(made, asked_of)


def test_the_margin_where_only_the_data_changed(tmp_path: Path) -> None:
    made = suite(tmp_path)
    assert (made.margin(METRICS[0]), made.margin(METRICS[0], data_only=True)) == (0.03, 0.03)
    wider = replace(made, data_margin=0.05)
    assert (wider.margin(METRICS[0]), wider.margin(METRICS[0], data_only=True)) == (0.03, 0.05)
    with pytest.raises(ValueError, match=r"MRR@10 is only reported"):
        made.margin(METRICS[1])


def test_slices_by_tag_and_by_the_collection_of_a_document_that_answers() -> None:
    asked = Question("q", "why?", {"a": 1, "b": 1}, "written", "dev", tags=("short",))
    collections = {"a": "pandas", "b": "dagster", "c": "lancedb"}
    slices = [SuiteSlice(name, collection=name) for name in ("pandas", "dagster", "lancedb", "short")]
    tags = [SuiteSlice("s", tag="short"), SuiteSlice("p", tag="pandas")]
    assert [s.holds(asked, collections) for s in (*slices, *tags)] == [True, True, False, False, True, False]
    assert not slices[0].holds(asked, {})
