"""Validating frames: the shipped suites on good and bad rows, and expectations that cannot be evaluated."""

from typing import Any

import pandas as pd
import pytest

from llmops_pipelines.quality.suites import SHIPPED, Expectation, Suite, SuiteError, load_suite, validate


@pytest.fixture(scope="module")
def suites() -> dict[str, Suite]:
    return {name: load_suite(SHIPPED / f"{name}.yaml") for name in ("documents", "clean_documents")}


def documents(**changed: list[Any]) -> pd.DataFrame:
    columns = {"doc_id": ["a", "b", "c"], "version": ["0" * 64, "1" * 64, "2" * 64], "title": ["A", "B", "C"]}
    return pd.DataFrame({**columns, "collection": "x", "parent": "p", "kind": "page", "bytes": 1, **changed})


def clean_documents(**changed: list[Any]) -> pd.DataFrame:
    columns = {
        "doc_id": ["a", "b", "c"],
        "characters": [10, 20, 30],
        "text_hash": ["h1", "h2", "h3"],
        "replacement_share": [0.0, 0.005, 0.01],
    }
    return pd.DataFrame({**columns, "collection": "x", "parent": "p", "kind": "page", "title": "T", **changed})


def verdicts(suite: Suite, frame: pd.DataFrame) -> dict[str, list[str]]:
    """The keys that each failed expectation names."""
    return {gate.name: gate.metadata["offending"] for gate in validate(suite, frame) if not gate.passed}


@pytest.mark.parametrize(("name", "frame"), [("documents", documents()), ("clean_documents", clean_documents())])
def test_good_frames_pass_every_expectation_in_the_order_of_the_suite(
    suites: dict[str, Suite], name: str, frame: pd.DataFrame
) -> None:
    results = validate(suites[name], frame)
    assert [(r.name, r.passed, r.description) for r in results] == [
        (e.name, True, e.description) for e in suites[name].expectations
    ]
    assert all(r.metadata == {"element_count": 3, "unexpected_count": 0} for r in results)


@pytest.mark.parametrize(
    ("changed", "failed"),
    [
        ({"doc_id": ["a", "b", "a"]}, {"doc_id_unique": ["a", "a"]}),
        ({"doc_id": ["a", " b", "c "]}, {"doc_id_without_spaces_around": [" b", "c "]}),
        ({"version": ["0" * 64, "F" * 64, "2" * 63]}, {"version_is_sha256": ["b", "c"]}),
        ({"title": ["A", "", "C"]}, {"title_present": ["b"]}),
        (
            {"title": ["", "B", "C"], "version": ["0" * 64, "", "2" * 64]},
            {"title_present": ["a"], "version_is_sha256": ["b"]},
        ),
    ],
)
def test_bad_documents_are_named(suites: dict[str, Suite], changed: dict[str, Any], failed: dict[str, Any]) -> None:
    assert verdicts(suites["documents"], documents(**changed)) == failed


@pytest.mark.parametrize(
    ("changed", "failed"),
    [
        ({"doc_id": ["a", "b", "b"]}, {"doc_id_unique": ["b", "b"]}),
        ({"characters": [10, 0, 30]}, {"text_present": ["b"]}),
        ({"text_hash": ["h1", "h2", "h1"]}, {"text_distinct": ["a", "c"]}),
        ({"replacement_share": [0.0, 0.011, 0.01]}, {"no_replacement_characters": ["b"]}),
    ],
)
def test_bad_clean_documents_are_named(
    suites: dict[str, Suite], changed: dict[str, Any], failed: dict[str, Any]
) -> None:
    assert verdicts(suites["clean_documents"], clean_documents(**changed)) == failed


def test_at_most_twenty_rows_are_named_and_all_are_counted(suites: dict[str, Suite]) -> None:
    keys = [f"d{i:02}" for i in range(30)]
    frame = pd.DataFrame({"doc_id": keys, "version": "0" * 64, "title": ""})
    found = {gate.name: gate for gate in validate(suites["documents"], frame)}["title_present"]
    assert found.metadata == {"element_count": 30, "unexpected_count": 30, "offending": keys[:20]}


def test_a_table_expectation_carries_its_number_and_names_no_row() -> None:
    expectation = Expectation("many", "expect_table_row_count_to_be_between", {"min_value": 5}, "Five rows.")
    (gate,) = validate(Suite("s", 1, "doc_id", (expectation,)), documents())
    assert (gate.passed, gate.metadata) == (False, {"observed_value": 3})


@pytest.mark.parametrize(
    ("type_", "kwargs", "message"),
    [
        ("expect_unicorns", {"column": "title"}, "suite s: .* has no expectation 'expect_unicorns'"),
        ("expect_column_values_to_be_unique", {"column": "colour"}, 'suite s: odd could not.*"colour".*does not exist'),
        ("expect_column_values_to_be_unique", {"colum": "title"}, "suite s: odd: .* does not take"),
        ("expect_column_values_to_be_unique", ["title"], "suite s: odd: .* does not take"),
        ("expect_column_values_to_match_regex", {"column": "title", "regex": "("}, "suite s: odd could not"),
        ("expect_column_values_to_be_between", {"column": "title", "min_value": 1}, "suite s: odd could not"),
    ],
)
def test_what_cannot_be_evaluated_is_an_error_that_names_it(type_: str, kwargs: Any, message: str) -> None:
    suite = Suite("s", 1, "doc_id", (Expectation("odd", type_, kwargs, ""),))
    with pytest.raises(SuiteError, match=message):
        validate(suite, documents())


def test_a_key_that_the_frame_lacks_is_an_error() -> None:
    expectation = Expectation("unique", "expect_column_values_to_be_unique", {"column": "kind"}, "")
    with pytest.raises(SuiteError, match=r"suite s: unique could not be evaluated.*nokey"):
        validate(Suite("s", 1, "nokey", (expectation,)), documents())
