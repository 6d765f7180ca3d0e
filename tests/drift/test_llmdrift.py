"""The replay of LLMDrift: what changed between March and June 2023 is found, and what grades cannot see by its text."""

import math
from pathlib import Path

import pytest

from benchmarks.drift.llmdrift import ALPHA, SPLITS, replay, said


@pytest.fixture(scope="module")
def rows(labelled_data: Path) -> dict[tuple[str, str], dict]:
    return {(row["model"], row["task"]): row for row in replay(labelled_data / "drift" / "llmdrift")}


def test_five_of_six_changed_by_grade(rows: dict) -> None:
    assert {pair for pair, row in rows.items() if row["changed_by_grade"]} == {*rows} - {("gpt-3.5", "sensitive")}
    assert len(rows) == 6


def test_what_grades_cannot_see_the_text_family_does(rows: dict) -> None:
    row = rows["gpt-3.5", "sensitive"]
    assert (row["lost"], row["won"], row["p"]) == (0, 6, pytest.approx(0.03125))
    assert row["changed_by_text"]


@pytest.mark.parametrize(
    ("pair", "accuracy", "changed"),
    [
        (("gpt-4", "prime"), (0.840, 0.511), (476, 147)),
        (("gpt-3.5", "prime"), (0.500, 0.761), (155, 416)),
        (("gpt-4", "sensitive"), (0.21, 0.05), (16, 0)),
        (("gpt-3.5", "sensitive"), (0.02, 0.08), (0, 6)),
        (("gpt-4", "leetcode"), (0.52, 0.10), (23, 2)),
        (("gpt-3.5", "leetcode"), (0.22, 0.02), (10, 0)),
    ],
)
def test_the_published_figures_are_reproduced(rows: dict, pair: tuple, accuracy: tuple, changed: tuple) -> None:
    row = rows[pair]
    assert (row["before"], row["after"]) == accuracy
    assert (row["lost"], row["won"]) == changed


def test_answers_without_yes_or_no_are_counted(rows: dict) -> None:
    assert rows["gpt-3.5", "prime"]["unparsed"] == [0.0, 0.046]
    assert rows["gpt-4", "prime"]["unparsed"] == [0.004, 0.0]


def test_one_month_against_itself_fires_as_seldom_as_asked(rows: dict) -> None:
    most = ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / SPLITS)
    assert all(row["control_rate"] <= most for row in rows.values())


@pytest.mark.parametrize(
    ("text", "answer"),
    [("[No] ... so it is prime: [Yes]", "yes"), ("No", "no"), ("nothing, knowing", None), ("", None)],
)
def test_the_last_yes_or_no_counts(text: str, answer: str | None) -> None:
    assert said(text) == answer
