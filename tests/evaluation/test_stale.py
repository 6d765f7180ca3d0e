"""Stale questions: found exactly where a document that answers changed or went at the source since it was pinned."""

import tempfile
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmops_pipelines.evaluation.questions import Question, QuestionError
from llmops_pipelines.evaluation.source_documents import SourceDocuments
from llmops_pipelines.evaluation.stale import (
    asked_hash,
    pin_new_questions,
    pin_questions,
    read_pins,
    stale_questions,
)
from llmops_pipelines.storage import Lake
from llmops_pipelines.storage.schemas import QUESTION_PINS
from llmops_pipelines.storage.writer import Writer
from tests.index.hand_made import HandMade

BEFORE = {"bees": "v1", "bread": "v1", "tides": "v1"}


def source(aliases: dict[str, str] | None = None, **versions: str) -> SourceDocuments:
    return SourceDocuments({**(aliases or {}), **{name: name for name in versions}}, versions, {})


def ask(name: str, *answers: str, **changed: object) -> Question:
    return replace(Question(name, f"what is {name}?", dict.fromkeys(answers, 1), "written", "test"), **changed)


@pytest.fixture
def writer(lake: Lake) -> Writer:
    return lake.writer("c.question_pins", QUESTION_PINS)


ASKED = [ask("one", "bees"), ask("two", "bees", "bread"), ask("other", "tides")]


def test_what_changed_or_went_is_named(writer: Writer) -> None:
    pins = pin_new_questions(ASKED, source(**BEFORE), writer)
    assert stale_questions(ASKED, pins, source(**BEFORE)) == {}
    assert stale_questions(ASKED, pins, source(bees="v2", bread="v1", tides="v1")) == {
        "one": "changed at the source: bees",
        "two": "changed at the source: bees",
    }
    assert stale_questions(ASKED, pins, source(bees="v2")) == {
        "one": "changed at the source: bees",
        "two": "changed at the source: bees; gone from the source: bread",
        "other": "gone from the source: tides",
    }


def test_pins_are_written_once_and_stay(writer: Writer, lake: Lake) -> None:
    first = pin_new_questions(ASKED, source(**BEFORE), writer)
    version = writer.stored().version
    assert pin_new_questions(ASKED, source(bees="v2", tides="v1"), writer) == first
    assert writer.stored().version == version
    assert read_pins(lake.published("c.question_pins")) == first
    assert read_pins(lake.published("c.nothing")) == {}


def test_what_a_killed_run_wrote_is_published_by_the_next(writer: Writer, lake: Lake) -> None:
    first = pin_new_questions(ASKED[:1], source(**BEFORE), writer)
    row = next(writer.stored().rows())
    writer.upsert_rows([{**row, "pin_id": "written/two", "question_id": "two", "asked": asked_hash(ASKED[1])}])
    assert read_pins(lake.published("c.question_pins")) == first
    found = pin_new_questions(ASKED[:1], source(**BEFORE), writer)
    assert read_pins(lake.published("c.question_pins")) == found
    assert found.keys() == {"written/one", "written/two"}


def test_a_question_that_was_edited_is_pinned_anew(writer: Writer) -> None:
    pin_new_questions(ASKED, source(**BEFORE), writer)
    after = source(bees="v2", bread="v1", tides="v1")
    for edited in (
        replace(ASKED[0], text="what are bees?"),
        ask("one", "bees", "tides"),
        replace(ASKED[0], answers={"bees": 2}),
    ):
        asked = [edited, *ASKED[1:]]
        assert stale_questions(asked, read_pins(writer.stored()), after).keys() == {"two"}
        pins = pin_new_questions(asked, after, writer)
        assert stale_questions(asked, pins, after).keys() == {"two"}
        assert stale_questions(asked, pins, source(bees="v3", bread="v1", tides="v1")).keys() == {"one", "two"}
    # The wording of before is a new one again: what it was pinned to then is no longer known.
    assert stale_questions(ASKED, pin_new_questions(ASKED, after, writer), after).keys() == {"two"}


def test_tags_and_parts_and_what_is_rejected_do_not_pin_anew(writer: Writer) -> None:
    pins = pin_new_questions(ASKED, source(**BEFORE), writer)
    moved = [replace(q, part="dev", tags=("short",), rejected=("tides",)) for q in ASKED]
    assert pin_new_questions(moved, source(bees="v2"), writer) == pins


def test_an_answer_that_the_source_gets_later_is_pinned_then(writer: Writer) -> None:
    asked = [ask("one", "bees", "wasps"), ask("none", "wasps")]
    pins = pin_new_questions(asked, source(bees="v1"), writer)
    assert stale_questions(asked, pins, source(bees="v1", wasps="v1")) == {}
    assert pins.keys() == {"written/one"}
    pins = pin_new_questions(asked, source(bees="v2", wasps="v1"), writer)
    later = source(bees="v1", wasps="v2")
    assert stale_questions(asked, pins, later) == dict.fromkeys(("one", "none"), "changed at the source: wasps")
    assert stale_questions(asked, pins, source(bees="v2", wasps="v1")) == {"one": "changed at the source: bees"}


def test_versions_in_the_file_go_before_the_table(writer: Writer) -> None:
    asked = [ask("one", "bees", versions={"bees": "v0"}), ask("two", "bees", versions={"bees": "v1"})]
    pins = pin_new_questions(asked, source(**BEFORE), writer)
    assert pins == {}
    assert stale_questions(asked, pins, source(**BEFORE)) == {"one": "changed at the source: bees"}
    with pytest.raises(QuestionError, match=r"one of written carries versions in its file: .*\{'bees': 'v1'\}"):
        pin_questions(asked, source(**BEFORE), writer)


def test_what_is_named_by_alias_may_move_but_not_change(writer: Writer) -> None:
    asked = [ask("one", "insects")]
    pins = pin_new_questions(asked, source({"insects": "bees"}, **BEFORE), writer)
    moved = source({"insects": "apis"}, apis="v1")
    assert stale_questions(asked, pins, moved) == {}
    assert stale_questions(asked, pins, source({"insects": "apis"}, apis="v2")).keys() == {"one"}
    assert stale_questions(asked, pins, source(bees="v1")) == {"one": "gone from the source: insects"}


def test_questions_that_are_accepted_are_asked_again(writer: Writer) -> None:
    pin_new_questions(ASKED, source(**BEFORE), writer)
    after = source(bees="v2", tides="v1")
    pin_questions(ASKED[1:2], after, writer)
    pins = pin_new_questions(ASKED, after, writer)
    assert stale_questions(ASKED, pins, after).keys() == {"one"}
    assert stale_questions(ASKED, pins, source(bees="v3", tides="v1")).keys() == {"one", "two"}
    with pytest.raises(QuestionError, match="the source has none of tides: name in its file what answers it now"):
        pin_questions([*ASKED[:1], ASKED[2]], source(bees="v2"), writer)
    assert stale_questions(ASKED, read_pins(writer.stored()), after).keys() == {"one"}  # all or none


def test_sets_that_share_ids_have_pins_of_their_own(writer: Writer) -> None:
    asked = [ask("one", "bees"), ask("one", "bread", question_set="spoken")]
    assert pin_new_questions(asked, source(**BEFORE), writer).keys() == {"written/one", "spoken/one"}


def test_documents_as_the_source_has_them_whatever_cleaning_drops(lake: Lake) -> None:
    about = {
        "b": {"version": "2" * 64, "aliases": ["first", "a"], "dropped": "length", "collection": "tools"},
        "c": {"version": "3" * 64, "aliases": ["first", "own"]},
    }
    made = HandMade(lake, about=about)
    documents = SourceDocuments.of(made.source({"c": ["C"], "a": ["A"], "b": ["B"]}))
    assert documents.names == {"a": "a", "b": "b", "c": "c", "first": "b", "own": "c"}
    assert documents.collections == {"a": "all", "b": "tools", "c": "all"}
    assert (documents.version("first"), documents.version("own")) == ("2" * 64, "3" * 64)
    assert documents.version("nothing") is None


names = st.sampled_from("abcd")
versions = st.dictionaries(names, st.sampled_from(["v1", "v2"]), max_size=4)
questions = st.lists(st.lists(names, min_size=1, max_size=3, unique=True), min_size=1, max_size=5)


@settings(deadline=None, max_examples=40, derandomize=True)
@given(questions, versions, versions)
def test_stale_are_those_with_a_document_that_is_not_as_it_was(
    answers: list[list[str]], before: dict[str, str], after: dict[str, str]
) -> None:
    asked = [ask(f"q{i}", *names) for i, names in enumerate(answers)]
    with tempfile.TemporaryDirectory() as folder:
        writer = Lake(folder).writer("pins", QUESTION_PINS)
        pins = pin_new_questions(asked, source(**before), writer)
    expected = {q.id for q in asked if any(name in before and after.get(name) != before[name] for name in q.answers)}
    found = stale_questions(asked, pins, source(**after))
    assert found.keys() == expected
    for question in asked:
        for name in question.answers:
            named = name in found.get(question.id, "").replace("changed at the source", "").replace(
                "gone from the source", ""
            )
            assert named == (name in before and after.get(name) != before[name])
