"""Collecting the questions of a corpus, and measuring an index with every question embedded once."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from llmops_pipelines.embedding.torch_embedder import TorchEmbedder
from llmops_pipelines.evaluation.contamination import Learned
from llmops_pipelines.evaluation.measure import collect_questions, measure, with_dev
from llmops_pipelines.evaluation.question_files import load_questions
from llmops_pipelines.evaluation.questions import Question, QuestionError
from llmops_pipelines.storage import Lake, Snapshot, schemas
from tests.evaluation.measured import QUESTIONS, Measured
from tests.index.hand_made import HandMade

PASSAGES = {
    "bees": ["Honey bees live in large colonies.", "A forager dances on the comb."],
    "bread": ["Bread.", "Sourdough needs a starter."],
}


@pytest.fixture
def tables(lake: Lake) -> tuple[Snapshot, Snapshot]:
    about = {"bees": {"aliases": ["insects", "bread"]}, "bread": {"aliases": ["loaf", "insects"]}}
    made = HandMade(lake, about=about)  # type: ignore[arg-type]
    return made.documents(PASSAGES), made.chunks(PASSAGES)


def write(path: Path, *entries: tuple[str, list[str], str]) -> Path:
    lines = [json.dumps({"id": i, "question": f"{i}?", "answers": a, "part": p}) for i, a, p in entries]
    path.write_text("\n".join(lines), "utf-8")
    return path


def test_files_and_known_items_of_one_part_with_answers_resolved(
    tmp_path: Path, tables: tuple[Snapshot, Snapshot]
) -> None:
    one = write(tmp_path / "one.jsonl", ("a", ["loaf"], "dev"), ("b", ["bees"], "test"), ("c", ["gone"], "dev"))
    two = write(tmp_path / "two.jsonl", ("d", ["bread", "insects"], "dev"))
    found = collect_questions({"one": one, "two": two}, 0, "dev", *tables)
    assert found == [
        Question("a", "a?", {"bread": 1}, "one", "dev"),
        Question("c", "c?", {}, "one", "dev"),
        # A document's own name goes before an alias, the first document's alias before that of a later one.
        Question("d", "d?", {"bread": 1, "bees": 1}, "two", "dev"),
    ]
    assert [q.id for q in collect_questions({"one": one}, 0, "test", *tables)] == ["b"]
    known = collect_questions({}, 10, "train", *tables)
    assert [(q.text, q.answers, q.excluded) for q in known] == [
        ("Honey bees live in large colonies.", {"bees": 1}, ("bees#0",))
    ]


def claim(name: str, part: str, *answers: str) -> Question:
    return Question(name, f"{name} {name}1 {name}2?", dict.fromkeys(answers, 1), "claims", part)


def test_a_fifth_of_train_becomes_dev_where_there_is_none_and_what_shares_an_answer_stays_together() -> None:
    train = [claim(f"q{i}", "train", f"d{i // 2}") for i in range(100)]
    given = [*train, claim("t", "test", "d0")]
    found = with_dev(given)
    assert [replace(question, part="") for question in found] == [replace(question, part="") for question in given]
    assert Counter(question.part for question in found) == {"train": 80, "dev": 20, "test": 1}
    assert len({(answer, q.part) for q in found[:-1] for answer in q.answers}) == 50
    assert {q.id: q.part for q in with_dev(given[::-1])} == {q.id: q.part for q in found}
    for fixed in ([*train, claim("v", "dev", "x")], [claim("t", "test", "x")], []):
        assert with_dev(fixed) == fixed


def test_dev_questions_of_a_folder_do_not_depend_on_the_corpus(
    tmp_path: Path, tables: tuple[Snapshot, Snapshot]
) -> None:
    """All but two of the documents are not there: the questions about them are unmeasured, and in their part."""
    names = ["bees", "bread", *(f"d{i}" for i in range(18))]
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels" / "train.tsv").write_text("".join(f"{i}\t{name}\t2\n" for i, name in enumerate(names)), "utf-8")
    queries = [json.dumps({"_id": str(i), "text": f"word{i} of question{i}"}) for i in range(20)]
    (tmp_path / "queries.jsonl").write_text("\n".join(queries), "utf-8")
    parts = {part: collect_questions({"claims": tmp_path}, 0, part, *tables) for part in ("train", "dev", "test")}
    assert {part: len(found) for part, found in parts.items()} == {"train": 16, "dev": 4, "test": 0}
    assert [q.answers for found in parts.values() for q in found if q.id in "01"] == [{"bees": 2}, {"bread": 2}]
    assert [q.id for q in parts["dev"]] == [
        q.id for q in with_dev(load_questions(tmp_path, "claims")) if q.part == "dev"
    ]


def test_an_id_in_two_files_is_refused(tmp_path: Path, tables: tuple[Snapshot, Snapshot]) -> None:
    """Two sets that share an id would share vectors and rankings."""
    files = {name: write(tmp_path / f"{name}.jsonl", ("q1", ["bees"], "dev")) for name in ("one", "two")}
    with pytest.raises(QuestionError, match=r"two\.jsonl: the question id 'q1' occurs in .*one\.jsonl too"):
        collect_questions(files, 0, "dev", *tables)


def test_questions_are_embedded_once(evaluated: Measured, embedder: TorchEmbedder, lake: Lake) -> None:
    writer = lake.writer("c.question_embeddings", schemas.embeddings(384))
    before = embedder.count.queries
    first = measure(evaluated.index, embedder, QUESTIONS, writer)
    assert first.questions_embedded == embedder.count.queries - before == len(QUESTIONS)
    second = measure(evaluated.index, embedder, QUESTIONS, writer)
    assert second.questions_embedded == 0
    reworded = [replace(QUESTIONS[0], text="how does a bee talk about flowers?"), *QUESTIONS[1:]]
    assert measure(evaluated.index, embedder, reworded, writer).questions_embedded == 1

    def scores(rows: list[dict]) -> list[dict]:
        return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]

    assert scores(first.rows) == scores(second.rows) == scores(evaluated.rows)
    published = lake.published("c.question_embeddings")
    assert published is not None
    assert published.count() == len(QUESTIONS) + 1


def test_what_the_model_has_learned_is_neither_embedded_nor_scored(
    evaluated: Measured, embedder: TorchEmbedder, lake: Lake
) -> None:
    writer = lake.writer("c.question_embeddings", schemas.embeddings(384))
    learned = Learned([QUESTIONS[1].text.upper()], ["bees.md"])
    found = measure(evaluated.index, embedder, QUESTIONS, writer, learned=learned)
    reasons = {row["question_id"]: row["unmeasured"] for row in found.rows}
    assert [name for name, reason in reasons.items() if reason is None] == ["q4", "q5", "k2"]
    assert reasons["q1"] == reasons["q3"] == reasons["k1"] == "this model has learned from a document that answers it"
    assert reasons["q2"] == "this model has learned a question like it"
    assert len(found.rows) == 3 * len(QUESTIONS)
    assert found.questions_embedded == 4
    everything = Learned([question.text for question in QUESTIONS], [])
    assert measure(evaluated.index, embedder, QUESTIONS, writer, learned=everything).questions_embedded == 0
