"""Question files: what a line holds, errors that name file and line, and which questions share an answer."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmops_pipelines.evaluation.questions import Question, QuestionError, clusters, load_questions, resolve_answers


def line(**changed: Any) -> str:
    return json.dumps({"id": "q1", "question": "why?", "answers": ["a"], "part": "dev", **changed})


def without(name: str) -> str:
    return json.dumps({key: value for key, value in json.loads(line()).items() if key != name})


def ask(name: str, *answers: str) -> Question:
    return Question(name, f"{name}?", answers, "written", "dev")


def test_a_file_is_read_as_written(tmp_path: Path) -> None:
    path = tmp_path / "questions.jsonl"
    lines = [line(question="  why? "), "", line(id=2, answers=["b", "c"], part="test", rejected=["d"])]
    path.write_text("\n".join(lines), "utf-8")
    assert load_questions(path, "written") == [
        Question("q1", "why?", ("a",), "written", "dev"),
        Question("2", "why?", ("b", "c"), "written", "test", rejected=("d",)),
    ]


def test_only_a_line_feed_ends_a_line(tmp_path: Path) -> None:
    path = tmp_path / "questions.jsonl"
    text = "next\x85line\u2028separator\u2029paragraph"
    path.write_bytes(json.dumps(json.loads(line(question=text)), ensure_ascii=False).encode() + b"\r\n")
    assert [question.text for question in load_questions(path, "written")] == [text]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("{", "JSONDecodeError"),
        ("[1, 2]", "TypeError"),
        ('"words"', "TypeError"),
        (without("id"), "KeyError 'id'"),
        (without("question"), "KeyError 'question'"),
        (without("answers"), "KeyError 'answers'"),
        (without("part"), "KeyError 'part'"),
        (line(question=7), "AttributeError"),
        (line(answers=7), "TypeError"),
        (line(answers="pandas.concat"), "TypeError 'pandas.concat' is not a list of documents"),
        (line(answers=[["a"]]), "TypeError"),
        (line(rejected="pandas.concat"), "TypeError"),
        (line(id="new", answers=[]), "'new' needs a text, an answer"),
        (line(id="new", question="  "), "'new' needs a text, an answer"),
        (line(id="new", part="training"), "a part that is one of train, dev, test"),
        (line(), "and an id of its own"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, bad: str, reason: str) -> None:
    path = tmp_path / "questions.jsonl"
    path.write_text(f"{line()}\n\n{bad}\n", "utf-8")
    with pytest.raises(QuestionError) as error:
        load_questions(path, "written")
    assert str(error.value).startswith(f"{path}:3: ")
    assert reason in str(error.value)


def test_files_without_questions_and_files_that_are_not_there(tmp_path: Path) -> None:
    path = tmp_path / "questions.jsonl"
    path.write_text("\n \n", "utf-8")
    with pytest.raises(QuestionError, match=r"questions\.jsonl holds no questions"):
        load_questions(path, "written")
    with pytest.raises(QuestionError, match=r"cannot read the questions in .*nowhere\.jsonl"):
        load_questions(tmp_path / "nowhere.jsonl", "written")


def test_a_file_that_is_not_text_is_an_error_that_names_it(tmp_path: Path) -> None:
    path = tmp_path / "questions.jsonl"
    path.write_bytes(b"\xff\xfe\x00q")
    with pytest.raises(QuestionError, match=r"cannot read the questions in .*questions\.jsonl"):
        load_questions(path, "written")


def test_aliases_become_documents_and_unknown_answers_are_left_out() -> None:
    asked = Question("q", "q?", ("alias", "a", "gone"), "written", "dev", rejected=("other", "b"))
    names = {"a": "a", "alias": "a", "b": "b", "other": "c"}
    assert resolve_answers([asked, ask("r", "gone")], names) == [
        Question("q", "q?", ("a",), "written", "dev", rejected=("c", "b")),
        Question("r", "r?", (), "written", "dev"),
    ]


def test_questions_that_share_an_answer_are_one_cluster_directly_or_by_others() -> None:
    asked = [ask("q1", "a"), ask("q2", "b"), ask("q3", "c"), ask("q4", "b", "a"), ask("q5"), ask("q6")]
    assert clusters(asked) == ["q1", "q1", "q3", "q1", "q5", "q6"]
    assert clusters([]) == []


@settings(deadline=None, max_examples=100)
@given(st.lists(st.sets(st.sampled_from("abcdefgh"), max_size=3), max_size=12))
def test_clusters_equal_a_search_through_the_questions(answers: list[set[str]]) -> None:
    expected: list[int] = list(range(len(answers)))
    for _ in answers:  # the smallest name of a neighbour is taken over until nothing changes
        for i, mine in enumerate(answers):
            for j, other in enumerate(answers):
                if mine & other:
                    expected[i] = min(expected[i], expected[j])
    found = clusters([ask(str(i), *sorted(names)) for i, names in enumerate(answers)])
    assert found == [str(name) for name in expected]
