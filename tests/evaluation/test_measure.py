"""Collecting the questions of a corpus, and measuring an index with every question embedded once."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from llmops_pipelines.embedding.torch_embedder import TorchEmbedder
from llmops_pipelines.evaluation.contamination import Learned
from llmops_pipelines.evaluation.measure import collect_questions, corpus_questions, measure
from llmops_pipelines.evaluation.questions import Question, QuestionError
from llmops_pipelines.evaluation.suites import Suite, SuiteMetric
from llmops_pipelines.storage import Lake, Snapshot, schemas
from tests.evaluation.measured import QUESTIONS, Measured
from tests.index.hand_made import HandMade

METRICS = (SuiteMetric("nDCG@10", "higher", "primary", 0.03),)
PASSAGES = {
    "bees": ["Honey bees live in large colonies.", "A forager dances on the comb."],
    "bread": ["Bread.", "Sourdough needs a starter."],
}


Tables = tuple[Snapshot, Snapshot, Snapshot]


@pytest.fixture
def tables(lake: Lake) -> Tables:
    """The documents of the source, the clean ones, and the chunks."""
    about = {"bees": {"aliases": ["insects", "bread"]}, "bread": {"aliases": ["loaf", "insects"]}}
    made = HandMade(lake, about=about)
    return made.source(PASSAGES), made.documents(PASSAGES), made.chunks(PASSAGES)


def write(path: Path, *entries: tuple[str, list[str], str]) -> Suite:
    """The suite that asks `entries`, each an id, the answers and the part; it is named as its file."""
    lines = [json.dumps({"id": i, "question": f"{i}?", "answers": a, "part": p}) for i, a, p in entries]
    path.write_text("\n".join(lines), "utf-8")
    return Suite(path.stem, 1, METRICS, file=path)


def known(limit: int) -> Suite:
    return Suite("known_items", 1, METRICS, known_items=limit)


def test_files_and_known_items_of_one_part_with_answers_resolved(tmp_path: Path, tables: Tables) -> None:
    one = write(tmp_path / "one.jsonl", ("a", ["loaf"], "dev"), ("b", ["bees"], "test"), ("c", ["gone"], "dev"))
    two = write(tmp_path / "two.jsonl", ("d", ["bread", "insects"], "dev"))
    found = collect_questions([one, two], "dev", *tables)
    assert found == [
        Question("a", "a?", {"bread": 1}, "one", "dev"),
        Question("c", "c?", {}, "one", "dev"),
        # A document's own name goes before an alias, the first document's alias before that of a later one.
        Question("d", "d?", {"bread": 1, "bees": 1}, "two", "dev"),
    ]
    assert [q.id for q in collect_questions([one], "test", *tables)] == ["b"]
    asked = collect_questions([known(10)], "train", *tables)
    assert [(q.text, q.answers, q.excluded) for q in asked] == [
        ("Honey bees live in large colonies.", {"bees": 1}, ("bees#0",))
    ]


def test_known_items_are_bounded_by_their_suite_unless_all_are_asked_for(lake: Lake) -> None:
    words = ["amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "haven"]
    passages = {w: [f"The {w} grows on {w} hills of {w}{i}.", f"More of the {w}."] for i, w in enumerate(words)}
    made = HandMade(lake)
    tables = made.source(passages), made.documents(passages), made.chunks(passages)
    assert max(Counter(q.part for q in corpus_questions([known(1)], *tables)).values()) == 1
    assert len(corpus_questions([known(1)], *tables, every_known_item=True)) == len(words)
    assert corpus_questions([], *tables, every_known_item=True) == []


def test_an_answer_that_cleaning_lost_stays_an_answer_and_a_kept_document_stands_for_its_equals(
    tmp_path: Path, lake: Lake
) -> None:
    """Documents are lost by a rule, or are as another that was kept; one is not in the source at all."""
    passages = {**PASSAGES, "rye": ["Rye."], "copy": PASSAGES["bread"]}
    about = {
        "rye": {"dropped": "length", "aliases": ["grain"]},
        "copy": {"dropped": "exact_duplicates", "aliases": ["crumb"]},
    }
    made = HandMade(lake, about=about)
    tables = made.source(passages), made.documents(passages), made.chunks(PASSAGES)
    asked = write(
        tmp_path / "one.jsonl",
        ("lost", ["rye"], "dev"),
        ("lost by alias", ["grain", "bees"], "dev"),
        ("equal", ["copy"], "dev"),
        ("equal by alias", ["crumb", "bread"], "dev"),
        ("gone", ["spelt"], "dev"),
    )
    assert {q.id: dict(q.answers) for q in corpus_questions([asked], *tables)} == {
        "lost": {"rye": 1},
        "lost by alias": {"rye": 1, "bees": 1},
        "equal": {"bread": 1},
        "equal by alias": {"bread": 1},
        "gone": {},
    }


def test_dev_questions_of_a_folder_do_not_depend_on_the_corpus(tmp_path: Path, tables: Tables) -> None:
    """All but two of the documents are not there: the questions about them are unmeasured, and in their part."""
    names = ["bees", "bread", *(f"d{i}" for i in range(18))]
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels" / "train.tsv").write_text("".join(f"{i}\t{name}\t2\n" for i, name in enumerate(names)), "utf-8")
    queries = [json.dumps({"_id": str(i), "text": f"word{i} of question{i}"}) for i in range(20)]
    (tmp_path / "queries.jsonl").write_text("\n".join(queries), "utf-8")
    claims = Suite("claims", 1, METRICS, file=tmp_path)
    parts = {part: collect_questions([claims], part, *tables) for part in ("train", "dev", "test")}
    assert {part: len(found) for part, found in parts.items()} == {"train": 16, "dev": 4, "test": 0}
    assert [q.answers for found in parts.values() for q in found if q.id in "01"] == [{"bees": 2}, {"bread": 2}]
    assert [q.id for q in parts["dev"]] == [q.id for q in claims.questions if q.part == "dev"]


def test_an_id_in_two_suites_is_refused(tmp_path: Path, tables: Tables) -> None:
    """Two sets that share an id would share vectors and rankings."""
    suites = [write(tmp_path / f"{name}.jsonl", ("q1", ["bees"], "dev")) for name in ("one", "two")]
    with pytest.raises(QuestionError, match=r"the question id 'q1' occurs in the suites one and two"):
        collect_questions(suites, "dev", *tables)


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
