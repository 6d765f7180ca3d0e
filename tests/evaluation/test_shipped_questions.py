"""The suite that ships with python_docs: people's wording, answers that exist, margins that the questions can show."""

import json
import re
from collections import Counter, defaultdict
from pathlib import Path

import pytest
import snowballstemmer

from llmops_pipelines.corpus.document import SourceDocument
from llmops_pipelines.corpus.sources.python_docs import PythonDocsSource
from llmops_pipelines.evaluation.question_files import load_questions
from llmops_pipelines.evaluation.questions import Question, clusters, resolve_answers
from llmops_pipelines.evaluation.suite_files import load_suite
from llmops_pipelines.evaluation.suites import Suite
from llmops_pipelines.evaluation.verdict import Verdict, judge
from tests.conftest import PROJECT

PACKAGES = ("dagster", "pandas", "pyarrow", "lancedb")
FILE = PROJECT / "assets" / "python_docs" / "evaluation" / "written.jsonl"
# Words without content of their own: a question may use them whatever its answer is called.
FUNCTION_WORDS = frozenset(
    re.findall(
        r"\w+",
        """
    a about after again all also am an and another any are as at be been before being between both but by can could
    did do does down each every for from get give had has have he her his how i if in instead into is it its just less
    like make many may me might more most much must my need no not of off on one only or other our out over own per
    same she should so some still than that the their them then there these they this those to too under up use using
    very via want was way we were what when where whether which while who whose why will with without would you your
    """,
    )
)
stem = snowballstemmer.stemmer("english").stemWord


@pytest.fixture(scope="module")
def questions() -> list[Question]:
    return load_questions(FILE, "written")


@pytest.fixture(scope="module")
def suite() -> Suite:
    return load_suite(FILE.with_suffix(".yaml"))


@pytest.fixture(scope="module")
def documents() -> list[SourceDocument]:
    """What the packages as installed document."""
    return [d for d in PythonDocsSource(PACKAGES).documents() if isinstance(d, SourceDocument)]


@pytest.fixture(scope="module")
def names(documents: list[SourceDocument]) -> dict[str, str]:
    """The doc_id of every name under which the packages as installed offer a symbol."""
    by_alias = {alias: d.doc_id for d in reversed(documents) for alias in d.aliases}
    return by_alias | {d.doc_id: d.doc_id for d in documents}


def borrowed(question: str, answer: str) -> set[str]:
    """The content words of `question` that the name of `answer` holds, as a word of it or run together.

    The name is that of the symbol, and that of its class where it is a member of one.
    """
    *path, symbol = answer.split(".")
    name = [symbol, *[owner for owner in path[-1:] if owner[0].isupper()]]
    parts = [word.lower() for part in name for word in re.findall(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+", part)]
    stems = {stem(word) for word in parts if len(word) > 1 and word not in FUNCTION_WORDS}
    joined = [re.sub(r"[^a-z]", "", part.lower()) for part in name]
    asked = set(re.findall(r"[a-z]+", question.lower())) - FUNCTION_WORDS
    return {
        word
        for word in asked
        if stem(word) in stems or (len(word) >= 4 and any(word in run or stem(word) in run for run in joined))
    }


@pytest.mark.parametrize(
    ("question", "answer", "words"),
    [
        ("How do I join two frames?", "pandas.merge", set()),
        ("How do I merge two frames?", "pandas.merge", {"merge"}),
        ("What about merging frames?", "pandas.merge", {"merging"}),
        ("rows that are missing in a frame", "pandas.DataFrame.dropna", {"frame"}),
        ("a day per slice, partitioned", "dagster.DailyPartitionsDefinition", {"partitioned"}),
        ("read a file of columns", "pyarrow.parquet.read_table", {"read"}),
        ("turn it to a time", "pandas.to_datetime", {"time"}),
        ("turn this into a table", "pandas.into", set()),
    ],
)
def test_the_rule_itself(question: str, answer: str, words: set[str]) -> None:
    assert borrowed(question, answer) == words


def test_there_are_enough_questions_in_dev_and_test(questions: list[Question]) -> None:
    assert len(questions) >= 300
    parts = Counter(question.part for question in questions)
    assert parts.keys() == {"dev", "test"}
    assert min(parts.values()) >= 50


def test_every_answer_is_offered_by_the_packages_as_installed(questions: list[Question], names: dict[str, str]) -> None:
    assert [(q.id, answer) for q in questions for answer in q.answers if answer not in names] == []


def test_no_question_uses_a_content_word_of_the_name_of_an_answer(questions: list[Question]) -> None:
    found = [(q.id, answer, words) for q in questions for answer in q.answers if (words := borrowed(q.text, answer))]
    assert found == []


def test_no_wording_and_no_id_occurs_twice(questions: list[Question]) -> None:
    wording: dict[str, list[str]] = defaultdict(list)
    for question in questions:
        wording[" ".join(re.findall(r"\w+", question.text.casefold()))].append(question.id)
    assert [ids for ids in wording.values() if len(ids) > 1] == []
    assert len({question.id for question in questions}) == len(questions)


def test_dev_and_test_share_no_answer(questions: list[Question], names: dict[str, str]) -> None:
    resolved = resolve_answers(questions, names)
    parts: dict[str, set[str]] = defaultdict(set)
    for question, cluster in zip(resolved, clusters(resolved), strict=True):
        parts[cluster].add(question.part)
    assert [cluster for cluster, found in parts.items() if len(found) > 1] == []


def test_no_document_is_judged_both_right_and_wrong(questions: list[Question], names: dict[str, str]) -> None:
    resolved = resolve_answers(questions, names)
    assert [q.id for q in resolved if set(q.answers) & set(q.rejected)] == []


def test_no_answer_is_named_twice_and_all_are_of_one_grade(questions: list[Question]) -> None:
    lines = [json.loads(line) for line in Path(FILE).read_text("utf-8").splitlines()]
    assert [line["id"] for line in lines if len(set(line["answers"])) < len(line["answers"])] == []
    assert [dict(q.answers) for q in questions] == [dict.fromkeys(line["answers"], 1) for line in lines]


def test_lines_hold_nothing_but_the_documented_fields() -> None:
    lines = [json.loads(line) for line in Path(FILE).read_text("utf-8").splitlines()]
    assert {field for line in lines for field in line} == {"id", "question", "answers", "part", "rejected"}


def test_the_suite_asks_them_and_judges_their_test_part(suite: Suite, questions: list[Question]) -> None:
    assert (suite.name, suite.gates, suite.gate_part, suite.primary.name) == ("written", True, "test", "nDCG@10")
    assert suite.questions == questions


def test_every_question_is_in_a_slice(
    suite: Suite, questions: list[Question], names: dict[str, str], documents: list[SourceDocument]
) -> None:
    collections = {document.doc_id: document.collection for document in documents}
    resolved = resolve_answers(questions, names)
    assert [q.id for q in resolved if not any(found.holds(q, collections) for found in suite.slices)] == []
    assert {found.collection for found in suite.slices} == set(PACKAGES)


def test_a_night_on_which_nothing_changed_passes_at_the_declared_margins(
    suite: Suite, questions: list[Question], names: dict[str, str]
) -> None:
    """With all of the test questions, and with the fewest of them in clusters of one, at the margins of changed data."""
    test = [question for question in resolve_answers(questions, names) if question.part == suite.gate_part]
    fewest = [str(i) for i in range(suite.min_questions)]
    for metric in (suite.primary, *suite.guards):
        margin = suite.margin(metric, data_only=True)
        assert judge([0.0] * len(test), clusters(test), margin).verdict is Verdict.NOT_WORSE
        assert judge([0.0] * len(fewest), fewest, margin).verdict is Verdict.NOT_WORSE
