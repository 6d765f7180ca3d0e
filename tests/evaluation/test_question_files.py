"""Question files of three formats: the same questions from each, and errors that name file and line."""

import csv
import gzip
import io
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmops_pipelines.evaluation.question_files import load_questions
from llmops_pipelines.evaluation.questions import PARTS, Question, QuestionError
from tests.conftest import PROJECT

HEADER = "id,question,answers,part,rejected,grades\n"


def line(**changed: Any) -> str:
    return json.dumps({"id": "q1", "question": "why?", "answers": ["a"], "part": "dev", **changed})


def without(name: str) -> str:
    return json.dumps({key: value for key, value in json.loads(line()).items() if key != name})


def beir(folder: Path, queries: Sequence[tuple[str, str]], **qrels: str) -> Path:
    """A folder in BEIR layout; rows of qrels are separated by `;` and their cells by spaces."""
    (folder / "qrels").mkdir(parents=True, exist_ok=True)
    entries = [json.dumps({"_id": name, "text": text}) for name, text in queries]
    (folder / "queries.jsonl").write_text("\n".join(entries), "utf-8")
    for part, rows in qrels.items():
        (folder / "qrels" / f"{part}.tsv").write_text(rows.replace(" ", "\t").replace(";", "\n"), "utf-8")
    return folder


def refusal(path: Path) -> str:
    with pytest.raises(QuestionError) as error:
        load_questions(path, "written")
    return str(error.value)


def test_json_lines_are_read_as_written(tmp_path: Path) -> None:
    path = tmp_path / "questions.jsonl"
    versions = {"b": "0" * 64, "c": "f" * 64}
    lines = [
        line(question="  why? "),
        "",
        line(id=2, answers={"b": 1, "c": 3}, part="test", rejected=["d"], tags=["short", "hard"], versions=versions),
    ]
    path.write_text("\n".join(lines), "utf-8")
    assert load_questions(path, "written") == [
        Question("q1", "why?", {"a": 1}, "written", "dev"),
        Question(
            *("2", "why?", {"b": 1, "c": 3}, "written", "test"),
            rejected=("d",),
            tags=("short", "hard"),
            versions=versions,
        ),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_csv_is_read_as_a_spreadsheet_writes_it(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "questions.csv"
    rows = [
        "part,id,question,answers,rejected,grades,tags",
        'dev,q1,"Why, ""Zoë""?\r\nHow?", a ,,,',
        ",,,,,,",
        "",
        "test,q2,why?,b | c,d|e,1 | 3,short | hard",
    ]
    path.write_bytes("\r\n".join(rows).encode(encoding))
    assert load_questions(path, "written") == [
        Question("q1", 'Why, "Zoë"?\r\nHow?', {"a": 1}, "written", "dev"),
        Question("q2", "why?", {"b": 1, "c": 3}, "written", "test", rejected=("d", "e"), tags=("short", "hard")),
    ]


def test_the_documented_examples_are_the_same_questions_but_for_their_wording(tmp_path: Path) -> None:
    text = (PROJECT / "docs" / "evaluation.md").read_text("utf-8")
    loaded: list[list[Question]] = []
    for suffix, language in ((".jsonl", "json"), (".csv", "csv")):
        (example,) = re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
        path = (tmp_path / "example").with_suffix(suffix)
        path.write_text(example, "utf-8")
        loaded.append([replace(question, text="") for question in load_questions(path, "written")])
    assert loaded[0] == loaded[1]
    assert loaded[0][1].answers == {"first-day.md": 2, "welcome.md": 1}


def test_a_beir_folder_gives_its_judged_queries_by_part(tmp_path: Path) -> None:
    header = "query-id corpus-id score;"
    queries = [("1", " one? "), ("2", "two?"), ("3", "nobody judged this"), ("4", "four?"), ("5", "five?")]
    folder = beir(
        tmp_path,
        queries,
        train=header + "4 d4 1;4 d9 0",
        dev="2 d2 2;2 d3 1;2 d3 1;\r;2 d8 -1",
        test=header + "1 d1 1;5 d1 0",
    )
    expected = [
        Question("1", "one?", {"d1": 1}, "claims", "test"),
        Question("2", "two?", {"d2": 2, "d3": 1}, "claims", "dev", rejected=("d8",)),
        Question("4", "four?", {"d4": 1}, "claims", "train", rejected=("d9",)),
        # Judged, and nothing found to answer it: there to be counted as unmeasured.
        Question("5", "five?", {}, "claims", "test", rejected=("d1",)),
    ]
    assert load_questions(folder, "claims") == expected
    (folder / "queries.jsonl.gz").write_bytes(gzip.compress((folder / "queries.jsonl").read_bytes()))
    (folder / "queries.jsonl").unlink()
    assert load_questions(folder, "claims") == expected


names = st.text(st.characters(blacklist_categories=("Cs", "Cc", "Z"), blacklist_characters="|"), min_size=1, max_size=6)
texts = st.text(st.characters(blacklist_categories=("Cs",)), max_size=30).map(str.strip).filter(bool)
judged = st.dictionaries(names, st.integers(0, 100), min_size=1, max_size=5)
asked = st.dictionaries(
    names,
    st.tuples(texts, judged.filter(lambda g: max(g.values()) > 0), st.sampled_from(PARTS)),
    min_size=1,
    max_size=6,
)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asked)
def test_the_same_questions_in_three_formats_load_equal(tmp_path: Path, drawn: dict[str, Any]) -> None:
    questions = [
        Question(
            name,
            text,
            {document: grade for document, grade in grades.items() if grade},
            "set",
            part,
            tuple(document for document, grade in grades.items() if not grade),
        )
        for name, (text, grades, part) in drawn.items()
    ]
    lines = [
        {"id": q.id, "question": q.text, "answers": q.answers, "part": q.part, "rejected": q.rejected}
        for q in questions
    ]
    (tmp_path / "q.jsonl").write_bytes("\n".join(json.dumps(entry, ensure_ascii=False) for entry in lines).encode())
    sheet = io.StringIO(newline="")
    writer = csv.writer(sheet)
    writer.writerow(["id", "question", "answers", "grades", "rejected", "part"])
    for q in questions:
        cells = ["|".join(q.answers), "|".join(map(str, q.answers.values())), "|".join(q.rejected)]
        writer.writerow([q.id, q.text, *cells, q.part])
    (tmp_path / "q.csv").write_bytes(sheet.getvalue().encode())
    beir(tmp_path / "q", [(q.id, q.text) for q in questions])
    for part in PARTS:
        rows = [f"{q}\t{document}\t{g}\n" for q, (_, gs, p) in drawn.items() if p == part for document, g in gs.items()]
        (tmp_path / "q" / "qrels" / f"{part}.tsv").write_text("".join(rows), "utf-8")
    for path in ("q.jsonl", "q.csv", "q"):
        assert load_questions(tmp_path / path, "set") == questions


def test_only_a_line_feed_ends_a_line(tmp_path: Path) -> None:
    path = tmp_path / "questions.jsonl"
    text = "next\x85line\u2028separator\u2029paragraph"
    path.write_bytes(json.dumps(json.loads(line(question=text)), ensure_ascii=False).encode() + b"\r\n")
    assert [question.text for question in load_questions(path, "written")] == [text]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("{", "JSONDecodeError"),
        ("[" * 200_000, "RecursionError"),
        ("[1, 2]", "TypeError"),
        ('"words"', "TypeError"),
        (without("id"), "KeyError 'id'"),
        (without("question"), "KeyError 'question'"),
        (without("answers"), "KeyError 'answers'"),
        (without("part"), "KeyError 'part'"),
        (line(question=7), "AttributeError"),
        (line(answers=7), "TypeError"),
        (line(id=None), "TypeError None is no id"),
        (line(answers=[""]), "TypeError [''] is not a list of names"),
        (line(answers="pandas.concat"), "TypeError 'pandas.concat' is not a list of names"),
        (line(answers=[["a"]]), "TypeError"),
        (line(rejected="pandas.concat"), "TypeError"),
        (line(id="new", answers=[]), "'new' needs a text, an answer"),
        (line(id="new", answers={}), "'new' needs a text, an answer"),
        (line(id="new", question="  "), "'new' needs a text, an answer"),
        (line(id="new", part="training"), "a part that is one of train, dev, test"),
        (line(id="new", part=["dev"]), "a part that is one of train, dev, test"),
        (line(id=""), "and an id"),
        (line(), "the id 'q1' is taken"),
        (line(id="new", answers={"a": 0}), "the grade of 'a' is 0: give a whole number, 1 to 100"),
        (line(id="new", answers={"a": 101}), "the grade of 'a' is 101"),
        (line(id="new", answers={"a": 1.0}), "the grade of 'a' is 1.0"),
        (line(id="new", answers={"a": True}), "the grade of 'a' is True"),
        (line(id="new", answers={"a": "2"}), "the grade of 'a' is '2'"),
        (line(tags="short"), "TypeError 'short' is not a list of names"),
        (line(id="new", versions=["a"]), "versions is ['a']: give the sha256 (64 hex digits) of each document"),
        (line(id="new", versions={"a": "v1"}), "versions is {'a': 'v1'}: give the sha256"),
        (line(id="new", versions={"b": "0" * 64}), "a, b: versions has those of all the answers and of nothing else"),
        (line(id="new", rejected=["a"]), "'a' is among the answers and among the rejected"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, bad: str, reason: str) -> None:
    path = tmp_path / "questions.jsonl"
    path.write_text(f"{line()}\n\n{bad}\n", "utf-8")
    assert refusal(path).startswith(f"{path}:3: ")
    assert reason in refusal(path)


@pytest.mark.parametrize(
    ("content", "number", "reason"),
    [
        ("id,question,part\nq,why?,dev\n", 1, "no column answers. The header is id,question,answers,part, with commas"),
        ("id;question;answers;part\n", 1, "no column id, question, answers, part"),
        (
            "\nid,question,answers,part,reject\n",
            2,
            "column 'reject' is unknown or there twice. The columns are id, que",
        ),
        ("id,question,answers,part,id\n", 1, "column 'id' is unknown or there twice"),
        (HEADER + "q,why?,a,dev,,\nr,why, though?,a,dev,,\n", 3, "7 cells under 6 columns: quote a cell that holds"),
        (HEADER + "q,why?,a\n", 2, "3 cells under 6 columns"),
        (HEADER + '"q","why\nthough?",a,dev,,\nr,why?,,dev,,\n', 4, "'r' needs a text, an answer"),
        (HEADER + "q,why?,a,training,,\n", 2, "a part that is one of train, dev, test"),
        (HEADER + "q,why?,a,dev,,\nq,how?,a,dev,,\n", 3, "the id 'q' is taken"),
        (HEADER + "q,why?,a|a,dev,,\n", 2, "an answer is named twice, or there is nothing between two |"),
        (HEADER + "q,why?,a||b,dev,,\n", 2, "there is nothing between two |"),
        ("id,question,answers,part,tags\nq,why?,a,dev,short|\n", 2, "there is nothing between two |"),
        (HEADER + "q,why?,a|b,dev,,1\n", 2, "1 grades, 2 answers: give one for each, or none"),
        (HEADER + "q,why?,a,dev,,best\n", 2, "the grade of 'a' is 'best': give a whole number, 1 to 100"),
        (HEADER + "q,why?,a,dev,,0\n", 2, "the grade of 'a' is 0"),
        (HEADER + f"q,why?,a,dev,,{'9' * 9999}\n", 2, "the grade of 'a' is '999"),
        (HEADER + "q,why?,a|b,dev,b,\n", 2, "'b' is among the answers and among the rejected"),
        (HEADER + 'q,"why" not?,a,dev,,\n', 2, "Quote a cell that holds a comma, a quote or a line's end"),
        (HEADER + 'q,"why?,a,dev,,\n', 2, "unexpected end of data"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, content: str, number: int, reason: str) -> None:
    path = tmp_path / "questions.csv"
    path.write_text(content, "utf-8")
    assert refusal(path).startswith(f"{path}:{number}: ")
    assert reason in refusal(path)


@pytest.mark.parametrize(
    ("qrels", "where", "reason"),
    [
        (
            {"test": "query-id corpus-id;1 d1"},
            "qrels/test.tsv:1",
            "is not query-id, corpus-id, score, separated by tabs",
        ),
        ({"test": "1 0 d1 1"}, "qrels/test.tsv:1", "is not query-id, corpus-id, score"),
        ({"test": "1 d1 1;1 d2 yes"}, "qrels/test.tsv:2", "the score a whole number"),
        ({"test": "1 d1 0.5"}, "qrels/test.tsv:1", "the score a whole number"),
        ({"test": "1 d1 101"}, "qrels/test.tsv:1", "the score is 101, 100 is the highest"),
        ({"test": "1 d1 1;1 d1 2"}, "qrels/test.tsv:2", "query '1' and document 'd1' are judged twice, differently"),
        ({"test": "1 d1 1;9 d1 1"}, "qrels/test.tsv:2", "the query '9' is not in queries.jsonl"),
        ({"dev": "1 d1 1", "test": "2 d1 1;1 d2 1"}, "qrels/test.tsv:2", "the query '1' is in part dev too (/"),
        ({"validation": "1 d1 1"}, "qrels", "found validation.tsv; there can be train.tsv, dev.tsv, test.tsv"),
        ({}, "qrels", "found none; there can be train.tsv"),
    ],
)
def test_bad_judgements_are_named(tmp_path: Path, qrels: dict[str, str], where: str, reason: str) -> None:
    folder = beir(tmp_path, [("1", "one?"), ("2", "two?")], **qrels)
    assert refusal(folder).startswith(f"{folder / where}: ")
    assert reason in refusal(folder)


@pytest.mark.parametrize(
    ("queries", "number", "reason"),
    [
        (
            b'{"_id": "1", "text": "one?"}\n{"_id": "1"}',
            2,
            "text of '1' is not a string. A query is a JSON object with",
        ),
        (b'{"_id": "1", "text": "one?"}\n\n{"_id": "1", "text": "two?"}', 3, "the id '1' is taken"),
        (b'{"_id": "1", "text": " "}', 1, "'1' needs a text"),
        (b"\xff", 1, "not UTF-8 at byte 0"),
    ],
)
def test_bad_queries_are_named(tmp_path: Path, queries: bytes, number: int, reason: str) -> None:
    folder = beir(tmp_path, [], test="1 d1 1")
    (folder / "queries.jsonl").write_bytes(queries)
    assert refusal(folder).startswith(f"{folder}/queries.jsonl:{number}: ")
    assert reason in refusal(folder)


def test_a_folder_without_queries_and_one_with_damaged_ones(tmp_path: Path) -> None:
    folder = beir(tmp_path, [], test="1 d1 1")
    (folder / "queries.jsonl").rename(folder / "queries.jsonl.gz")
    (folder / "queries.jsonl.gz").write_bytes(gzip.compress(b'{"_id": "1", "text": "one?"}')[:-6])
    assert "cannot read" in refusal(folder)
    (folder / "queries.jsonl.gz").unlink()
    assert "neither queries.jsonl nor queries.jsonl.gz: it is not a collection in BEIR layout" in refusal(folder)


@pytest.mark.parametrize("name", ["questions.jsonl", "questions.csv"])
def test_files_without_questions_not_text_or_not_there(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    assert f"cannot read the questions in {path}" in refusal(path)
    path.write_text("\n \n", "utf-8")
    assert refusal(path) == f"{path} holds no questions"
    path.write_bytes(b"\xff\xfe\x00q")
    assert refusal(path) == f"cannot read the questions in {path}: not UTF-8 at byte 0"


def test_a_header_or_qrels_without_rows_hold_no_questions(tmp_path: Path) -> None:
    (tmp_path / "questions.csv").write_text(HEADER, "utf-8")
    assert "holds no questions" in refusal(tmp_path / "questions.csv")
    assert "holds no questions" in refusal(beir(tmp_path / "folder", [("1", "one?")], test="query-id corpus-id score;"))


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "questions.json"
    path.write_text("[]", "utf-8")
    assert refusal(path) == f"{path}: questions are read from .jsonl, from .csv, and from folders in BEIR layout"


def test_public_collections_are_read_whole(labelled_data: Path) -> None:
    claims = load_questions(labelled_data / "retrieval" / "scifact", "claims")
    assert Counter(claim.part for claim in claims) == {"test": 300, "train": 809}
    assert {grade for claim in claims for grade in claim.answers.values()} == {1}
    questions = load_questions(labelled_data / "retrieval" / "xquad-en", "questions")
    assert Counter((question.part, len(question.answers)) for question in questions) == {("test", 1): 1_190}
