"""What tells of a held-out question, planted in every wording, and what does not."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmops_pipelines.evaluation.contamination import LEARNED_DOCUMENT, LEARNED_QUESTION, HeldOut, Leak, Learned
from llmops_pipelines.evaluation.near_questions import NEGATIONS
from llmops_pipelines.evaluation.questions import Question


def ask(name: str, text: str, *answers: str, part: str = "test") -> Question:
    return Question(name, text, dict.fromkeys(answers, 1), "written", part)


SHORT = "Does vitamin D inhibit the growth of bone cells?"
LONG = " ".join(f"subject{i}" for i in range(30))
HELD_OUT = HeldOut(
    [
        ask("t1", SHORT, "bone.md", "cells.md"),
        ask("t2", "why does the ocean come and go?", "tides.md", part="dev"),
        ask("t3", LONG, "long.md"),
        ask("t4", "what is yeast", "yeast.md"),
    ]
)


def rules(*texts: str) -> list[tuple[str, str] | None]:
    """For each text as a question of an id of its own, the held-out question and the rule that found it."""
    found = {leak.position: leak for leak in HELD_OUT.in_questions([f"n{i}" for i in range(len(texts))], texts)}
    return [(found[i].question_id, found[i].rule) if i in found else None for i in range(len(texts))]


@pytest.mark.parametrize(
    ("planted", "rule"),
    [
        (SHORT, "same text"),
        ("DOES VITAMIN D INHIBIT THE GROWTH OF BONE CELLS", "same text"),
        ("“Does vitamin-D inhibit: the growth of 'bone' cells!?”", "same text"),
        ("Does  vitamin D\ninhibit the growth of bone cells ?", "same text"),
        ("Doesn't vitamin D inhibit the growth of bone cells?", "same text"),
        ("vitamin D does not inhibit the growth of bone cells", "same text"),
        ("Vitamin D inhibits the growth of bone cells.", "same text"),
        ("the growth of bone cells, does vitamin D inhibit it?", "near text"),
        ("bone cells' growth: inhibited by vitamin D?", "near text"),
        ("Does vitamin D inhibit the growth of skin cells?", "near text"),
        (
            f"Tell me, as I have always wondered and nobody says it: {SHORT} Or is it a story?",
            "text within a longer one",
        ),
    ],
)
def test_a_held_out_question_is_found_in_every_wording(planted: str, rule: str) -> None:
    assert rules("what makes dough rise", planted, "how wide is a gauge") == [None, ("t1", rule), None]


def test_an_id_that_is_held_out_is_found_whatever_its_text() -> None:
    leaks = HELD_OUT.in_questions(["a", "t2"], ["what makes dough rise", "how wide is a gauge"])
    assert leaks == [Leak(1, "t2", "same id")]


def test_a_long_question_is_found_by_thirteen_of_its_words_in_a_row() -> None:
    own = " ".join(f"own{i}" for i in range(40))
    thirteen, twelve = (" ".join(f"subject{i}" for i in range(8, 8 + n)) for n in (13, 12))
    assert rules(f"{own} {thirteen}", f"{own} {twelve}") == [("t3", "near text"), None]


def test_questions_about_the_same_thing_are_not_leaks() -> None:
    others = [
        "Which vitamins make cells of the skin grow?",
        "What are bone cells?",
        "why does the tide come later each day?",
        "how do ocean currents go around the globe and come back?",
        "",
    ]
    assert rules(*others) == [None] * 5
    assert HELD_OUT.in_questions([], []) == []
    assert HeldOut([]).in_questions(["n"], [SHORT]) == []
    assert HeldOut([]).in_passages([SHORT]) == []


def test_a_passage_that_holds_a_question_is_found_in_any_case_and_punctuation() -> None:
    passages = [
        "Bone cells grow. Vitamin D has many uses.",
        f"Frequently asked.\n\n## {SHORT.upper()}\n\nNobody knows.",
        "It is said that vitamin D doesn't inhibit the growth of bone cells, which is so.",
        "Vitamin D, they say, may inhibit the growth of all bone cells.",
        "The end: why does the ocean come and go",
        "Bread and what is yeast of wine",  # three words, too few to find inside a sentence
        "Ask first. What is yeast? A fungus.",
    ]
    assert HELD_OUT.in_passages(passages) == [
        Leak(1, "t1", "text within a passage"),
        Leak(2, "t1", "text within a passage"),
        Leak(3, "t1", "near text within a passage"),
        Leak(4, "t2", "text within a passage"),
        Leak(6, "t4", "text within a passage"),
    ]


@pytest.mark.parametrize(
    "sentence",
    [
        "The growth of bone cells, does vitamin D inhibit it?",
        "Vitamin D does not inhibit (it is said) the growth\nof bone cells",
        "Growth of the bone cells is inhibited by vitamin D!",
        "# Bone cells, vitamin D: the growth, inhibited",
    ],
)
def test_a_sentence_near_a_question_is_found_in_a_passage(sentence: str) -> None:
    around = "It has often been asked by those who came to the harbour."
    passages = [
        sentence,
        f"{around} {sentence}\n\n{around}",
        f"{around}\n{sentence}\n\n{around}",
        f"({sentence}.) {around}",
    ]
    found = HELD_OUT.in_passages([around, *passages])
    assert found == [Leak(i, "t1", "near text within a passage") for i in (1, 2, 3, 4)]


def test_a_sentence_is_not_cut_within_a_name() -> None:
    held_out = HeldOut([ask("q", "how is os.path.join called on folders?")])
    (leak,) = held_out.in_passages(["Old. On folders os.path.join is called, and how. New."])
    assert leak == Leak(0, "q", "near text within a passage")


def test_words_of_a_question_spread_over_a_passage_are_no_leak() -> None:
    passage = "Bone cells do not sleep. Vitamin D is made by the skin. The growth of trees is slow. They inhibit rust."
    assert HELD_OUT.in_passages([passage, "What is yeast made of?", "yeast", ""]) == []


@pytest.mark.parametrize(("first", "count", "leaks"), [(0, 13, 1), (17, 13, 1), (5, 12, 0), (0, 30, 1)])
def test_of_a_long_question_any_thirteen_words_give_it_away(first: int, count: int, leaks: int) -> None:
    passage = "before " + " ".join(f"Subject{i}," for i in range(first, first + count)) + " after"
    assert len(HELD_OUT.in_passages([passage])) == leaks


def test_a_short_question_is_held_only_by_all_of_its_words_in_a_row() -> None:
    text = " ".join(f"n{i}" for i in range(24))
    held_out = HeldOut([ask("q", text)])
    parts = [" ".join(text.split()[:count]) for count in (12, 23)]
    assert held_out.in_passages([*parts, text, f"x {text} y"]) == [
        Leak(1, "q", "near text within a passage"),
        Leak(2, "q", "text within a passage"),
        Leak(3, "q", "text within a passage"),
    ]


def test_four_words_are_enough_at_either_end_of_a_passage() -> None:
    held_out = HeldOut([ask("q", "what do honey bees eat?")])
    for passage in ("What honey bees eat", "They ask what honey bees eat", "What honey bees eat is not known"):
        assert [leak.question_id for leak in held_out.in_passages([passage])] == ["q"]
    assert held_out.in_passages(["what honey bees", "bees eat honey"]) == []


def test_questions_that_begin_alike_are_told_apart() -> None:
    held_out = HeldOut([ask("a", "how do bees find flowers"), ask("b", "how do bees find their way home")])
    (leak,) = held_out.in_passages(["Ask how do bees find their way home at night."])
    assert leak.question_id == "b"
    assert held_out.in_passages(["how bees make food"]) == []


def test_answers_are_those_of_every_held_out_question() -> None:
    assert HELD_OUT.answers == {"bone.md", "cells.md", "tides.md", "long.md", "yeast.md"}


def test_what_a_model_has_learned_is_told_by_document_and_by_question(tmp_path: Path) -> None:
    rows = [
        {"question": SHORT, "doc_id": "bone.md"},
        {"question": "what is yeast", "doc_id": "yeast.md"},
        {"question": SHORT, "doc_id": "cells.md"},
    ]
    learned = Learned.of_rows(rows)
    learned.write(tmp_path)
    assert json.loads((tmp_path / "learned.json").read_text("utf-8")) == {
        "questions": [SHORT, "what is yeast"],
        "documents": ["bone.md", "cells.md", "yeast.md"],
    }
    assert Learned.of(tmp_path) == learned
    asked = [
        ask("document", "how old are cells?", "new.md", "cells.md"),
        ask("both", SHORT, "bone.md"),
        ask("negated", "vitamin D doesn't inhibit the growth of bone cells", "new.md"),
        ask("near", "bone cells' growth: inhibited by vitamin D?", "new.md"),
        ask("short", "What IS yeast?"),
        ask("other", "why does the ocean come and go?", "tides.md"),
    ]
    assert learned.reasons(asked) == {
        "document": LEARNED_DOCUMENT,
        "both": LEARNED_QUESTION,
        "negated": LEARNED_QUESTION,
        "near": LEARNED_QUESTION,
        "short": LEARNED_QUESTION,
    }
    assert learned.reasons([]) == {}


def test_a_model_that_was_not_tuned_here_has_learned_nothing(tmp_path: Path) -> None:
    assert Learned.of(tmp_path) is None


WORDS = st.lists(st.integers(0, 60).map("word{}x".format), min_size=5, max_size=20, unique=True)


@settings(deadline=None, max_examples=100)
@given(WORDS, st.randoms(use_true_random=False), st.sampled_from(sorted(NEGATIONS)))
def test_a_question_with_changed_case_marks_order_and_negation_is_always_found(words, chance, negation: str) -> None:
    held_out = HeldOut([ask("q", " ".join(words) + "?")])
    shuffled = [chance.choice([str.upper, str.title, str.lower])(word) for word in chance.sample(words, len(words))]
    shuffled.insert(chance.randrange(len(shuffled) + 1), negation)
    planted = chance.choice([" ", ", ", " -- ", "\n"]).join(shuffled)
    assert [leak.question_id for leak in held_out.in_questions(["n"], [planted])] == ["q"]
    in_order = [word.title() for word in words]
    in_order.insert(chance.randrange(len(words) + 1), negation)
    passage = f"Before it all. {', '.join(in_order)} -- and after it."
    assert [leak.question_id for leak in held_out.in_passages([passage])] == ["q"]
