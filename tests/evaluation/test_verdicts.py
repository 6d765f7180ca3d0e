"""Verdicts: appended once, found by what they are about, and not believed where the row was changed."""

import datetime
from typing import Any

import pytest

from llmops_pipelines.evaluation.verdicts import VerdictRow, Verdicts
from llmops_pipelines.storage import Lake


@pytest.fixture
def verdicts(lake: Lake) -> Verdicts:
    return Verdicts(lake, "c")


def append(verdicts: Verdicts, **changed: Any) -> VerdictRow:
    content: dict[str, Any] = {
        "candidate": "new",
        "candidate_key": "model-ffffffff",
        "production": "old",
        "data_only": False,
        "suites": "suites",
        "scorer": "scorer",
        "evaluation": "evaluation",
        "verdict": "not_worse",
        "promotes": True,
        "reason": "within the margin",
        "requested_by": "run 1",
    }
    return verdicts.append(VerdictRow(**content | changed))


def test_a_verdict_is_stored_as_it_was_made(verdicts: Verdicts, lake: Lake) -> None:
    before = datetime.datetime.now(datetime.UTC)
    made = append(verdicts, figures='{"nDCG@10": 0.3}')
    assert made.valid
    assert before <= made.at <= datetime.datetime.now(datetime.UTC)
    assert (made.candidate, made.production, made.promotes, made.figures) == ("new", "old", True, '{"nDCG@10": 0.3}')
    assert Verdicts(Lake(lake.uri), "c").history() == [made]
    assert Verdicts(lake, "other").history() == []


def test_the_same_verdict_again_keeps_its_time(verdicts: Verdicts) -> None:
    made = append(verdicts)
    assert append(verdicts) == made
    assert append(verdicts, requested_by="run 2") != made
    assert len(verdicts.history()) == 2


def test_the_newest_of_a_pair_counts(verdicts: Verdicts) -> None:
    append(verdicts)
    worse = append(verdicts, verdict="worse", promotes=False)
    append(verdicts, candidate="another")
    first = append(verdicts, production=None, verdict="first")
    assert verdicts.of("new", "old") == worse
    assert verdicts.of("new", None) == first
    assert verdicts.of("new", "another") is None
    assert verdicts.of("old", "new") is None
    assert [row.verdict for row in verdicts.history()] == ["not_worse", "worse", "not_worse", "first"]


@pytest.mark.parametrize(
    ("column", "value"), [("promotes", "true"), ("candidate", "'new'"), ("verdict", "'better'"), ("figures", "'{}'")]
)
def test_a_changed_row_is_not_believed(verdicts: Verdicts, lake: Lake, column: str, value: str) -> None:
    believed = append(verdicts)
    changed = {"promotes": False, "candidate": "worse", "verdict": "worse", "figures": '{"nDCG@10": 0.1}'}[column]
    made = append(verdicts, requested_by="run 2", **{column: changed})
    lake.database.open_table("c.verdicts").update(f"verdict_id = '{made.verdict_id}'", values_sql={column: value})
    assert [row.valid for row in verdicts.history()] == [True, False]
    assert verdicts.of("new", "old") == believed
