"""Suites as YAML: what is read of a good file, and a refusal for each mistake that names file and remedy."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from llmops_pipelines.evaluation.suite_files import SHIPPED, corpus_suites, load_suite
from llmops_pipelines.evaluation.suites import Suite, SuiteMetric, SuiteSlice
from llmops_pipelines.evaluation.verdict import Verdict, judge
from llmops_pipelines.quality.suites import SuiteError
from tests.conftest import PROJECT
from tests.suite_files import write_suite

FULL = """\
name: written  # also the name of the set
version: 2
description: Questions as users ask them.
questions: written.jsonl
system: dense
metrics:
  nDCG@10: {direction: higher, role: primary, margin: 0.03, floor: 0.15}
  recall@20: {direction: higher, role: guard, margin: 0.04}
  MRR@10: {direction: higher}
  seconds: {direction: lower}
slices:
  pandas: {collection: pandas}
  short: {tag: short}
min_questions: 100
data_margin: 0.05
max_looks: 7
gates: false
"""
LEAST: dict[str, Any] = {
    "name": "written",
    "version": 1,
    "questions": "written.jsonl",
    "metrics": {"nDCG@10": {"direction": "higher", "role": "primary", "margin": 0.03}},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "written.jsonl").write_text("", "utf-8")
    return tmp_path


def written(folder: Path, text: str) -> Path:
    (folder / "suite.yaml").write_text(text, "utf-8")
    return folder / "suite.yaml"


def metrics(**changed: Any) -> dict[str, Any]:
    """The file with other metrics; `nDCG` and `recall` stand for their full names."""
    full = {"nDCG": "nDCG@10", "recall": "recall@20"}
    return {"metrics": {full.get(name, name): entry for name, entry in changed.items()}}


def test_everything_that_can_be_declared(folder: Path) -> None:
    suite = load_suite(written(folder, FULL))
    assert suite == Suite(
        name="written",
        version=2,
        metrics=(
            SuiteMetric("nDCG@10", "higher", "primary", 0.03, 0.15),
            SuiteMetric("recall@20", "higher", "guard", 0.04),
            SuiteMetric("MRR@10", "higher"),
            SuiteMetric("seconds", "lower"),
        ),
        file=folder / "written.jsonl",
        description="Questions as users ask them.",
        system="dense",
        slices=(SuiteSlice("pandas", collection="pandas"), SuiteSlice("short", tag="short")),
        min_questions=100,
        data_margin=0.05,
        max_looks=7,
        gates=False,
    )
    assert suite.primary == suite.metrics[0]
    assert suite.guards == (suite.metrics[1],)


def test_what_need_not_be_declared(folder: Path) -> None:
    suite = load_suite(written(folder, yaml.safe_dump(LEAST)))
    assert (suite.system, suite.slices, suite.min_questions, suite.max_looks) == ("hybrid", (), 50, 20)
    assert (suite.data_margin, suite.gates, suite.synthetic, suite.description) == (None, True, False, "")


def test_known_items_instead_of_a_file(folder: Path) -> None:
    raw = {**LEAST, "name": "known_items", "known_items": 30}
    del raw["questions"]
    suite = load_suite(written(folder, yaml.safe_dump(raw)))
    assert (suite.synthetic, suite.known_items, suite.file, suite.questions) == (True, 30, None, [])


@pytest.mark.parametrize(("document", "name"), [("evaluation", "written"), ("operations", "claims")])
def test_the_documented_suites_are_suites(folder: Path, document: str, name: str) -> None:
    text = (PROJECT / "docs" / f"{document}.md").read_text("utf-8")
    (example,) = re.findall(r"```yaml\n(name: .*?)```", text, re.DOTALL)
    suite = load_suite(written(folder, example.replace("/data/scifact", "written.jsonl")))
    assert (suite.name, suite.primary.name) == (name, "nDCG@10")


PRIMARY = {"direction": "higher", "role": "primary", "margin": 0.03}
MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "unknown key": (
        {"margins": 1},
        "margins: unknown; the keys are name, version, description, questions, known_items",
    ),
    "unknown key of a metric": (
        metrics(nDCG={**PRIMARY, "floors": 1}),
        "metrics.nDCG@10.floors: unknown; the keys are direction, role, margin, floor",
    ),
    "unknown key of a slice": (
        {"slices": {"short": {"tags": "short"}}},
        "slices.short.tags: unknown; the keys are collection, tag",
    ),
    "no name": ({"name": None}, "name: Input should be a valid string, found None"),
    "bad name": ({"name": "Written ones"}, "name: String should match pattern"),
    "bad version": ({"version": 0}, "version: Input should be greater than or equal to 1, found 0"),
    "a version that is no number": ({"version": "1"}, "version: Input should be a valid integer, found '1'"),
    "unknown metric": (
        metrics(nDCG=PRIMARY, **{"nDCG@5": {"direction": "higher"}}),
        "there is no metric 'nDCG@5': the metrics are nDCG@10, recall@5, recall@20, recall@100, MRR@10, seconds",
    ),
    "no metric": ({"metrics": {}}, "one metric is primary, found none"),
    "no primary": (metrics(nDCG={"direction": "higher"}), "one metric is primary, found none"),
    "two primary": (metrics(nDCG=PRIMARY, recall=PRIMARY), "one metric is primary, found nDCG@10, recall@20"),
    "no direction": (metrics(nDCG={"role": "primary", "margin": 0.1}), "metrics.nDCG@10.direction: Field required"),
    "unknown direction": (
        metrics(nDCG={**PRIMARY, "direction": "up"}),
        "metrics.nDCG@10.direction: Input should be 'higher' or 'lower', found 'up'",
    ),
    "wrong direction": (metrics(nDCG={**PRIMARY, "direction": "lower"}), "the direction of nDCG@10 is higher"),
    "wrong direction of time": (
        metrics(nDCG=PRIMARY, seconds={"direction": "higher"}),
        "the direction of seconds is lower",
    ),
    "time that judges": (
        metrics(nDCG=PRIMARY, seconds={"direction": "lower", "role": "guard", "margin": 0.1}),
        "seconds is only reported",
    ),
    "unknown role": (metrics(nDCG={**PRIMARY, "role": "main"}), "'primary', 'guard' or 'reported', found 'main'"),
    "no margin": (
        metrics(nDCG={"direction": "higher", "role": "primary"}),
        "metrics.nDCG@10: a primary metric needs a margin: the loss that counts as none, between 0 and 1",
    ),
    "a margin of 0": (metrics(nDCG={**PRIMARY, "margin": 0}), "metrics.nDCG@10.margin: Input should be greater than 0"),
    "a margin of 1": (metrics(nDCG={**PRIMARY, "margin": 1.0}), "metrics.nDCG@10.margin: Input should be less than 1"),
    "a margin that is no number": (metrics(nDCG={**PRIMARY, "margin": float("nan")}), "metrics.nDCG@10.margin"),
    "a margin that does not judge": (
        metrics(nDCG=PRIMARY, recall={"direction": "higher", "margin": 0.1}),
        "metrics.recall@20: margin and floor judge",
    ),
    "a floor above 1": (metrics(nDCG={**PRIMARY, "floor": 15}), "metrics.nDCG@10.floor: Input should be less than"),
    "metrics in a list": ({"metrics": ["nDCG@10"]}, "metrics: Input should be a valid dictionary"),
    "a metric without a mapping": (metrics(nDCG=0.03), "metrics.nDCG@10: this is a mapping of keys to values"),
    "a slice of nothing": ({"slices": {"short": {}}}, "slices.short: a slice is of one collection or of one tag"),
    "a slice of two": (
        {"slices": {"short": {"tag": "a", "collection": "b"}}},
        "slices.short: a slice is of one collection or of one tag",
    ),
    "unknown system": ({"system": "splade"}, "system: Input should be 'bm25', 'dense' or 'hybrid', found 'splade'"),
    "no question at least": ({"min_questions": 0}, "min_questions: Input should be greater than or equal to 1"),
    "no look": ({"max_looks": 0}, "max_looks: Input should be greater than or equal to 1"),
    "bad data margin": ({"data_margin": 5}, "data_margin: Input should be less than 1"),
    "gates": ({"gates": "yes please"}, "gates: Input should be a valid boolean"),
    "neither questions nor known items": ({"questions": None}, "a suite has either questions (a file,"),
    "both": ({"known_items": 3}, "a suite has either questions (a file,"),
    "known items by another name": ({"questions": None, "known_items": 3}, "of no other, is known_items"),
    "a file by their name": ({"name": "known_items"}, "of no other, is known_items"),
    "no such file": ({"questions": "gone.jsonl"}, "questions: there is no file or folder"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_refused_with_file_and_remedy(mistake: str, folder: Path) -> None:
    changed, message = MISTAKES[mistake]
    path = written(folder, yaml.safe_dump({**LEAST, **changed}))
    with pytest.raises(SuiteError) as refused:
        load_suite(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "this is a mapping of keys to values"),
        ("- name: written", "this is a mapping of keys to values"),
        ("name: [", "is not YAML"),
        ("{}", "name: Field required; version: Field required; metrics: Field required"),
    ],
)
def test_a_file_that_is_no_suite_is_refused(folder: Path, text: str, message: str) -> None:
    with pytest.raises(SuiteError, match=message):
        load_suite(written(folder, text))
    with pytest.raises(SuiteError, match=r"cannot read the suite .*nowhere\.yaml"):
        load_suite(folder / "nowhere.yaml")


def test_known_items_stand_beside_the_suites_of_a_corpus_and_gate_where_there_is_none(folder: Path) -> None:
    one, two = (write_suite(folder, name, "written.jsonl") for name in ("one", "two"))
    suites = corpus_suites([two, one], 40)
    assert [(s.name, s.known_items, s.gates) for s in suites] == [
        *(("two", None, True), ("one", None, True), ("known_items", 40, False))
    ]
    assert [(s.name, s.known_items, s.gates) for s in corpus_suites([], 40)] == [("known_items", 40, True)]
    assert corpus_suites([], 0) == []
    assert [s.name for s in corpus_suites([one], 0)] == ["one"]


def test_a_suite_of_known_items_takes_the_place_of_the_one_that_ships(folder: Path) -> None:
    own = write_suite(folder, "known_items", questions=None, known_items=7)
    assert [(s.known_items, s.gates, s.min_questions) for s in corpus_suites([own], 300)] == [(7, True, 1)]


def test_suites_of_one_name_are_refused(folder: Path) -> None:
    one, two = write_suite(folder, questions="written.jsonl"), folder / "again.yaml"
    two.write_bytes(one.read_bytes())
    with pytest.raises(SuiteError, match=r"again\.yaml: .*written\.yaml has the name 'written' too"):
        corpus_suites([one, two], 300)


def test_the_suite_that_ships_can_show_its_margin_with_the_fewest_questions_that_it_judges() -> None:
    shipped = load_suite(SHIPPED / "known_items.yaml")
    fewest = [str(i) for i in range(shipped.min_questions)]
    margin = shipped.margin(shipped.primary, data_only=True)
    assert judge([0.0] * len(fewest), fewest, margin).verdict is Verdict.NOT_WORSE
