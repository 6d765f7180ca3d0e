"""Reading suites: what a file must hold, and errors that name the file."""

from pathlib import Path

import pytest

from llmops_pipelines.quality.suites import SHIPPED, Expectation, Suite, SuiteError, load_suite

GOOD = """\
name: prices
version: 3
key: id
expectations:
  - name: positive
    type: expect_column_values_to_be_between
    kwargs: {column: price, min_value: 0}
    description: Nothing costs less than nothing.
  - name: any_rows
    type: expect_table_row_count_to_be_between
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "suite.yaml"
    path.write_text(text, "utf-8")
    return path


def test_a_suite_is_read_as_written(tmp_path: Path) -> None:
    positive = Expectation(
        "positive",
        "expect_column_values_to_be_between",
        {"column": "price", "min_value": 0},
        "Nothing costs less than nothing.",
    )
    rows = "expect_table_row_count_to_be_between"
    assert load_suite(write(tmp_path, GOOD)) == Suite(
        "prices", 3, "id", (positive, Expectation("any_rows", rows, {}, rows))
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "just words",
        "- a\n- b\n",
        "name: [unclosed",
        GOOD.replace("name: prices\n", ""),
        GOOD.replace("version: 3", "version: three"),
        GOOD.replace("key: id\n", ""),
        "name: s\nversion: 1\nkey: id\nexpectations:\n",
        "name: s\nversion: 1\nkey: id\nexpectations: [only_a_name]\n",
        GOOD.replace("    type: expect_table_row_count_to_be_between\n", ""),
    ],
)
def test_a_malformed_suite_names_its_file_and_what_a_suite_has(tmp_path: Path, text: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(SuiteError, match="A suite has name, version, key and expectations") as error:
        load_suite(path)
    assert str(path) in str(error.value)


def test_names_that_occur_twice_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD.replace("any_rows", "positive"))
    with pytest.raises(SuiteError, match=r"must differ, found \['positive', 'positive'\]") as error:
        load_suite(path)
    assert str(path) in str(error.value)


def test_a_suite_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match=r"there is no suite file .*nowhere\.yaml"):
        load_suite(tmp_path / "nowhere.yaml")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("name: prices", "name: costs"),
        ("version: 3", "version: 4"),
        ("key: id", "key: name"),
        ("min_value: 0", "min_value: 1"),
        ("name: any_rows", "name: some_rows"),
    ],
)
def test_the_identity_differs_where_any_part_differs(tmp_path: Path, old: str, new: str) -> None:
    suite = load_suite(write(tmp_path, GOOD))
    changed = load_suite(write(tmp_path, GOOD.replace(old, new)))
    assert suite.identity == load_suite(write(tmp_path, GOOD)).identity
    assert suite.identity != changed.identity


@pytest.mark.parametrize("name", ["documents", "clean_documents"])
def test_shipped_suites_load_under_the_name_of_their_file(name: str) -> None:
    suite = load_suite(SHIPPED / f"{name}.yaml")
    assert suite.name == name
    assert suite.key == "doc_id"
    assert all(expectation.description.endswith(".") for expectation in suite.expectations)
