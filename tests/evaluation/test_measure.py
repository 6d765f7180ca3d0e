"""Collecting the questions of a corpus, and measuring an index with every question embedded once."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from llmops_pipelines.embedding.torch_embedder import TorchEmbedder
from llmops_pipelines.evaluation.measure import collect_questions, measure
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
        Question("a", "a?", ("bread",), "one", "dev"),
        Question("c", "c?", (), "one", "dev"),
        # A document's own name goes before an alias, the first document's alias before that of a later one.
        Question("d", "d?", ("bread", "bees"), "two", "dev"),
    ]
    assert [q.id for q in collect_questions({"one": one}, 0, "test", *tables)] == ["b"]
    known = collect_questions({}, 10, "train", *tables)
    assert [(q.text, q.answers, q.excluded) for q in known] == [
        ("Honey bees live in large colonies.", ("bees",), ("bees#0",))
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
