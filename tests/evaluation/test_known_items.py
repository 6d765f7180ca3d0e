"""Known items: which sentence becomes a question, what answers it, and what is kept out of the ranking."""

from typing import Any

import pytest

from llmops_pipelines.evaluation.known_items import KNOWN_ITEMS, first_sentence, known_items
from llmops_pipelines.evaluation.split import split_documents
from llmops_pipelines.storage.identity import text_hash

FIRST = "Honey bees live in large colonies."


def document(doc_id: str, *paragraphs: str, parent: str = "") -> dict[str, Any]:
    return {"doc_id": doc_id, "title": doc_id, "parent": parent or doc_id, "text": "\n\n".join(paragraphs)}


def passages(*documents: dict[str, Any]) -> list[dict[str, Any]]:
    """Every paragraph a passage."""
    return [
        {"chunk_id": f"{d['doc_id']}#{i}", "doc_id": d["doc_id"], "text": text}
        for d in documents
        for i, text in enumerate(d["text"].split("\n\n"))
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (f"{FIRST} They make honey.", FIRST),
        ("Honey bees live\n  in large\tcolonies. They", FIRST),
        ("bees\n\n# Bees\n\nBees\n====\n\n" + FIRST, FIRST),
        ("Bees, e.g. honey bees, live in colonies. They", "Bees, e.g. honey bees, live in colonies."),
        ("Do bees live in colonies? Yes! They do.", "Do bees live in colonies?"),
        ("Use pandas.concat to join two frames. It", "Use pandas.concat to join two frames."),
        ("Bees live together", None),
        ("word " * 61, None),
        ("word " * 60, ("word " * 60).strip()),
        ("Parameters\n----------\nname : str of four words", None),
        ("# Bees\n\nBees\n\n", None),
        ("", None),
    ],
)
def test_the_first_sentence_of_running_text(text: str, sentence: str | None) -> None:
    assert first_sentence(text, "bees") == sentence


def test_the_passage_with_the_sentence_is_kept_out_and_the_rest_answers() -> None:
    bees = document("bees", "# Bees", f"{FIRST} They dance.", "Workers gather nectar.")
    (question,) = known_items([bees], passages(bees))
    key = text_hash(FIRST.casefold())[:16]
    assert (question.id, question.text, question.question_set) == (key, FIRST, KNOWN_ITEMS)
    assert (question.answers, question.excluded) == ({"bees": 1}, ("bees#1",))


def test_documents_with_nothing_but_the_sentence_give_no_question() -> None:
    only = document("only", f"{FIRST} They dance.")
    assert known_items([only], passages(only)) == []


def test_every_document_that_begins_with_the_sentence_answers_it() -> None:
    """One without another passage answers nothing, and its passage is kept out all the same."""
    bees = document("bees", FIRST, "Workers gather nectar.", parent="m")
    again = document("again", "HONEY bees\nlive in large colonies.", "Drones do not.", FIRST, parent="m")
    only = document("only", FIRST, parent="m")
    (question,) = known_items([bees, again, only], passages(bees, again, only))
    assert question.text == FIRST
    assert question.answers == {"again": 1, "bees": 1}
    assert sorted(question.excluded) == ["again#0", "again#2", "bees#0", "only#0"]


def unrelated(count: int, first: str = "") -> list[dict[str, Any]]:
    """Documents of modules of their own without a common word, but for `first`."""
    return [
        document(
            f"d{i:03}", *([first] if first else []), " ".join(f"w{i}x{n}" for n in range(30)) + ".", f"More of w{i}."
        )
        for i in range(count)
    ]


def test_questions_are_in_the_part_of_their_documents() -> None:
    documents = unrelated(50)
    parts = split_documents({d["doc_id"]: d["text"] for d in documents}, {d["doc_id"]: d["parent"] for d in documents})
    questions = known_items(documents, passages(*documents))
    assert {answer: question.part for question in questions for answer in question.answers} == parts
    assert [parts[answer] for q in questions for answer in q.answers] == ["dev"] * 10 + ["test"] * 10 + ["train"] * 30


def test_a_sentence_that_begins_documents_of_two_parts_is_not_asked() -> None:
    documents = unrelated(20, first=FIRST)
    assert known_items(documents, passages(*documents)) == []
    (one_part,) = known_items(documents[:1], passages(documents[0]))
    assert one_part.text == FIRST


def test_the_limit_is_of_each_part_and_keeps_the_same_questions_as_the_corpus_grows() -> None:
    documents = unrelated(60)
    every = known_items(documents, passages(*documents))
    limited = known_items(documents, passages(*documents), limit=5)
    for part in ("train", "dev", "test"):
        expected = sorted((q for q in every if q.part == part), key=lambda q: q.id)[:5]
        assert [q for q in limited if q.part == part] == expected
    assert known_items(documents, passages(*documents), limit=5) == known_items(
        documents[::-1], passages(*documents[::-1]), limit=5
    )
