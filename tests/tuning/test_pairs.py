"""Pairs from questions with known answers, and pairs made from headings and first sentences."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmops_pipelines.tuning.pairs import GENERATED, Pair, generated_pairs, question_pairs
from tests.tuning.corpora import ask, document_rows, passage_rows

BODY = "A forager tells the others where flowers are by a dance on the comb."
PASSAGES = {
    "bees": ["Honey bees live in colonies.", "Workers dance."],
    "bread": ["Bread rises because of yeast."],
    "tides": ["The moon pulls the sea."],
}


def made(passages: dict[str, list[str]], usable: set[str] | None = None) -> list[Pair]:
    chosen = passages.keys() if usable is None else usable
    return generated_pairs(document_rows(passages), passage_rows(passages), set(chosen))


def test_a_question_is_paired_with_every_passage_of_its_usable_answers() -> None:
    questions = [ask("q1", "who dances?", "bees", "bread"), ask("q2", "what pulls?", "tides"), ask("q3", "nothing?")]
    pairs = question_pairs(questions, passage_rows(PASSAGES), {"bees", "bread"})
    assert [(pair.question_id, pair.chunk_id) for pair in pairs] == [
        ("q1", "bees#0"),
        ("q1", "bees#1"),
        ("q1", "bread#0"),
    ]
    assert pairs[1] == Pair("q1", "who dances?", "written", "bees", "bees#1", "Workers dance.")


def test_excluded_passages_and_documents_without_passages_give_no_pair() -> None:
    questions = [ask("q1", "Honey bees live in colonies.", "bees", "gone", excluded=["bees#0"])]
    (pair,) = question_pairs(questions, passage_rows(PASSAGES), {"bees", "gone"})
    assert pair.chunk_id == "bees#1"


def test_the_id_of_a_pair_is_that_of_question_and_text() -> None:
    one = Pair("q1", "who?", "written", "a", "a#0", "text")
    assert one.id == Pair("q1", "asked otherwise", "other", "b", "b#7", "text").id
    assert (
        len({one.id, Pair("q1", "who?", "written", "a", "a#0", "text 2").id, Pair("q2", "", "", "", "", "text").id})
        == 3
    )


@pytest.mark.parametrize("heading", ["## Waggle dance", "Waggle dance\n============", "Waggle dance\n---"])
def test_a_heading_asks_for_what_stands_below_it(heading: str) -> None:
    (pair,) = made({"bees": [f"{heading}\n\n{BODY[:-1]}, they say: bees"]})[:1]
    assert (pair.question, pair.source, pair.doc_id, pair.chunk_id) == ("Waggle dance", GENERATED, "bees", "bees#0")
    assert pair.text == f"{BODY[:-1]}, they say: bees"


def test_a_first_sentence_asks_for_the_rest_of_its_passage_without_it() -> None:
    first = "Honey bees live in\nlarge colonies."
    (pair,) = made({"bees": [f"{first} {BODY}"]})
    assert (pair.question, pair.text) == ("Honey bees live in large colonies.", BODY)


@pytest.mark.parametrize(
    "passage",
    [
        f"# Bees\n\n{BODY[:-1]}",  # one word says too little
        "## Waggle dance\n\nToo short to learn from.",
        f"## Waggle dance\n\nThe WAGGLE dance is this: {BODY[:-1]}",  # its words are in the text
        f"## Waggle dance\n\nThe waggle\ndance is this: {BODY[:-1]}",
        f"{BODY}",  # nothing is left
        f"Bees dance on it. Some more words. {BODY} Bees\ndance on it. So it is.",
        "",
    ],
)
def test_what_says_too_little_or_too_much_gives_no_pair(passage: str) -> None:
    assert made({"combs": [passage]}) == []


def test_documents_that_are_not_usable_give_no_pair() -> None:
    passages = {"bees": [f"## Waggle dance\n\n{BODY[:-1]}"]}
    assert made(passages, set()) == []
    assert generated_pairs(document_rows(passages), {}, {"bees"}) == []


def test_a_question_is_made_once_in_a_document() -> None:
    pairs = made({"bees": [f"## Waggle dance\n\n{BODY[:-1]}", f"## waggle DANCE\n\nAgain: {BODY[:-1]}"]})
    assert [pair.chunk_id for pair in pairs] == ["bees#0"]


def test_what_stands_in_two_documents_asks_for_neither() -> None:
    """A heading like "See also" would teach that the one document answers it and the others do not."""
    passages = {name: [f"## See also\n\n{BODY[:-1]} of {name}", f"## About {name}\n\n{BODY[:-1]}"] for name in PASSAGES}
    assert {pair.question for pair in made(passages)} == {"About bees", "About bread", "About tides"}
    assert made({name: [f"The same in all of them. {BODY}"] for name in PASSAGES}) == []


TOKENS = st.lists(st.sampled_from(["bees", "Dance", "comb.", "on", "the", "C++", "(a)", "wax?", "\n"]), max_size=30)


@settings(deadline=None, max_examples=150)
@given(st.dictionaries(st.sampled_from("abc"), st.lists(TOKENS.map(" ".join), max_size=3), max_size=3))
def test_no_made_passage_holds_its_question_and_all_of_it_is_the_documents(passages: dict[str, list[str]]) -> None:
    headed = {name: [f"## On {name} {i}\n\n{text}" for i, text in enumerate(texts)] for name, texts in passages.items()}
    pairs = made(headed)
    assert len({pair.question_id for pair in pairs}) == len(pairs)
    for pair in pairs:
        assert " ".join(pair.question.split()).casefold() not in " ".join(pair.text.split()).casefold()
        source = headed[pair.doc_id][int(pair.chunk_id.split("#")[1])]
        assert {*re.findall(r"\S+", pair.text)} <= {*re.findall(r"\S+", source)}
        assert len(pair.text.split()) >= 8
