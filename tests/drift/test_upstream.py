"""An upstream model over a real socket: the verdict on what it answers, or does not answer."""

import datetime
import json
from dataclasses import replace
from typing import Any

import pytest
from werkzeug import Response

from llmops_pipelines.drift.asking import vector_probe
from llmops_pipelines.drift.probes import Item
from llmops_pipelines.drift.upstream import UpstreamError, looks_sharing
from llmops_pipelines.drift.verdict import DriftVerdict, Family, Look
from llmops_pipelines.storage.lake import Lake
from tests.drift.upstream_models import (
    ALL,
    EMBEDDER_PROBES,
    FAST,
    GRADED,
    LLM_PROBES,
    VECTORS,
    ChangingEmbedder,
    accept,
    answers_of,
    changed,
    failing,
    fenced,
    llm_upstream,
    look,
    moved,
    refusing,
    wrong,
)
from tests.embedding.fake_endpoint import DIMENSION, vector
from tests.generation.fake_chat import FakeChat


def test_a_model_that_stays_is_unchanged(lake: Lake, embedder: ChangingEmbedder) -> None:
    upstream = embedder.upstream(lake)
    accept(upstream)
    for _ in range(3):
        found = look(upstream)
        assert (found.verdict, found.episode) == (DriftVerdict.UNCHANGED, None)
    assert upstream.state().behaviour == 0
    assert found.spent.calls == EMBEDDER_PROBES.size(VECTORS) == 185
    assert found.spent.failed == 0


def test_before_it_is_accepted_nothing_is_known(lake: Lake, embedder: ChangingEmbedder) -> None:
    found = look(embedder.upstream(lake))
    assert found.verdict == DriftVerdict.UNMEASURED
    assert "llmops models accept embed" in found.reason
    assert not embedder.endpoint.requests


def test_another_name_is_another_model_whatever_it_answers(lake: Lake, embedder: ChangingEmbedder) -> None:
    upstream = embedder.upstream(lake)
    accept(upstream)
    embedder.name = "embed-2"
    found = look(upstream)
    assert (found.verdict, found.episode, found.alarms) == (DriftVerdict.IDENTITY_CHANGED, 1, ())
    assert found.reason == "model was embed-1, is embed-2"
    embedder.name = "embed-3"
    assert look(upstream).episode == 2
    assert look(upstream).episode == 2


@pytest.mark.parametrize("status", [500, 429, 401])
def test_what_does_not_answer_is_unmeasured_and_ends_nothing(
    lake: Lake, embedder: ChangingEmbedder, status: int
) -> None:
    upstream = changed(embedder, lake)
    embedder.down = failing(status)
    found = look(upstream)
    assert (found.verdict, found.episode) == (DriftVerdict.UNMEASURED, None)
    assert f"HTTP {status}" in found.reason
    embedder.down = None
    assert look(upstream).episode == 1
    with pytest.raises(UpstreamError, match="had no answer"):
        embedder.down = failing(status)
        accept(upstream)


def test_a_text_that_the_endpoint_refuses_from_the_first_takes_no_part(lake: Lake, embedder: ChangingEmbedder) -> None:
    answered = embedder.endpoint.answer_always
    embedder.endpoint.answer_always = lambda texts: failing(400) if " " in texts else answered(texts)
    upstream = embedder.upstream(lake)
    accept(upstream)
    assert look(upstream).verdict == DriftVerdict.UNCHANGED
    embedder.model = moved(0.5)
    assert look(upstream).verdict == DriftVerdict.BEHAVIOUR_CHANGED


def test_edited_probes_are_no_measure(lake: Lake, embedder: ChangingEmbedder) -> None:
    accept(embedder.upstream(lake))
    found = look(embedder.upstream(lake, replace(EMBEDDER_PROBES, queries=EMBEDDER_PROBES.queries[:-1])))
    assert found.verdict == DriftVerdict.UNMEASURED
    assert "edited after reference a0001" in found.reason


def test_the_tiers_of_a_large_language_model(lake: Lake, chat: FakeChat) -> None:
    upstream = llm_upstream(chat, lake)
    accept(upstream, ALL)
    assert len(chat.bodies) == 5 * LLM_PROBES.size(ALL)
    found = look(upstream, ALL)
    assert found.verdict == DriftVerdict.UNCHANGED
    assert {family.name for family in found.families} == {"tokens", "content", "format", "text", "length", "refusal"}
    assert {family.name for family in look(upstream, FAST).families} == {"tokens"}


@pytest.mark.parametrize(
    ("model", "alarms"),
    [
        (wrong, {"content"}),
        (fenced, {"format"}),
        (refusing, {"text", "length", "refusal"}),
        (lambda prompt: "blue" if prompt.startswith("Name") else answers_of(prompt), {"tokens"}),
    ],
)
def test_what_changes_of_its_answers_is_named(lake: Lake, chat: FakeChat, model: Any, alarms: set[str]) -> None:
    upstream = llm_upstream(chat, lake)
    accept(upstream, ALL)
    chat.model = model
    found = look(upstream, ALL)
    assert found.verdict == DriftVerdict.BEHAVIOUR_CHANGED
    assert set(found.alarms) == alarms
    assert "confirmed by fresh calls" in found.reason
    if alarms <= {"content", "format"}:
        assert found.examples[0]["item"].startswith("sum-")


@pytest.mark.parametrize("text", ["", "   "])
def test_empty_answers_are_none(lake: Lake, chat: FakeChat, text: str) -> None:
    upstream = llm_upstream(chat, lake)
    accept(upstream, GRADED)
    chat.model = lambda prompt: text
    found = look(upstream, GRADED)
    assert found.verdict == DriftVerdict.UNMEASURED
    assert "its answer is empty" in found.reason


def test_answers_that_are_no_json_are_none(lake: Lake, chat: FakeChat) -> None:
    upstream = llm_upstream(chat, lake)
    accept(upstream, GRADED)
    chat.answers = [Response("<html>", 200) for _ in range(200)]
    found = look(upstream, GRADED)
    assert found.verdict == DriftVerdict.UNMEASURED
    assert "not the JSON of a chat completion" in found.reason
    assert len(chat.answers) > 150  # it stops once nothing can be said any more


def test_answers_without_a_content_are_unparsed_and_unmeasured(lake: Lake, chat: FakeChat) -> None:
    """The form of one in eight changes by too little for its own family; what it says is not known all the same."""
    probes = replace(LLM_PROBES, floors={**LLM_PROBES.floors, "format": 0.5})
    upstream = llm_upstream(chat, lake, probes)
    accept(upstream, GRADED)
    chat.model = lambda prompt: (
        "quite a lot" if prompt.split()[2] in {"3", "13", "23", "33", "43", "53", "8"} else answers_of(prompt)
    )
    found = look(upstream, GRADED)
    assert found.verdict == DriftVerdict.UNMEASURED
    assert "could not be parsed" in found.reason


def test_a_clock_that_is_set_back_changes_no_order(lake: Lake, embedder: ChangingEmbedder, monkeypatch: Any) -> None:
    from llmops_pipelines.drift import history

    class Earlier(datetime.datetime):
        @classmethod
        def now(cls, tz: Any = None) -> "datetime.datetime":
            return datetime.datetime(2001, 1, 1, tzinfo=tz)

    upstream = changed(embedder, lake)
    monkeypatch.setattr(history.datetime, "datetime", Earlier)
    embedder.model = moved(0)
    assert look(upstream).verdict == DriftVerdict.UNCHANGED
    assert upstream.state().episode is None
    embedder.model = moved(0.5)
    assert look(upstream).episode == 2


def test_the_looks_of_a_day_share_the_level(lake: Lake, embedder: ChangingEmbedder) -> None:
    upstream = embedder.upstream(lake)
    accept(upstream)
    shared = []
    for _ in range(3):
        shared.append(looks_sharing(upstream.history.observations(), VECTORS)["queries"])
        look(upstream)
    assert shared == [1, 2, 3]
    observations = upstream.history.observations()
    tomorrow = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1, minutes=1)
    assert looks_sharing(observations, VECTORS, tomorrow) == {"queries": 1, "documents": 1}
    assert looks_sharing(observations, FAST) == {"tokens": 1}, "looks at other tiers have levels of their own"


def test_a_family_is_significant_at_its_share_of_the_level() -> None:
    families = [Family("tokens", 0.004, 0.5, 0.1, ""), Family("content", 0.9, 0.0, 0.1, "")]
    assert Look(families, 10, 0).alarms
    assert Look(families, 10, 0, shared={"content": 24}).alarms
    assert not Look(families, 10, 0, shared={"tokens": 2}).alarms


def test_vectors_of_another_length_are_a_change(lake: Lake, embedder: ChangingEmbedder) -> None:
    accept(embedder.upstream(lake))
    embedder.model = lambda text: vector(text, 2 * DIMENSION)
    longer = replace(
        embedder.upstream(lake), probe=vector_probe(EMBEDDER_PROBES, embedder.hosted(dimension=2 * DIMENSION))
    )
    found = look(longer)
    assert (found.verdict, set(found.alarms)) == (DriftVerdict.BEHAVIOUR_CHANGED, {"queries", "documents"})


def test_one_answer_that_a_model_is_gone_is_none(lake: Lake, embedder: ChangingEmbedder) -> None:
    upstream = embedder.upstream(lake)
    accept(upstream)
    embedder.endpoint.answers = [failing(404)]
    found = look(upstream)
    assert (found.gone, found.episode) == (False, None)


def test_another_dimension_at_a_dead_endpoint_is_unmeasured(lake: Lake, embedder: ChangingEmbedder) -> None:
    accept(embedder.upstream(lake))
    embedder.down = failing(500)
    longer = replace(
        embedder.upstream(lake), probe=vector_probe(EMBEDDER_PROBES, embedder.hosted(dimension=2 * DIMENSION))
    )
    assert look(longer).verdict == DriftVerdict.UNMEASURED


@pytest.mark.parametrize("code", ["unsupported_parameter", "content_filter"])
def test_a_request_that_is_wrong_is_no_answer_and_a_filter_is_one(lake: Lake, chat: FakeChat, code: str) -> None:
    upstream = llm_upstream(chat, lake)
    accept(upstream, GRADED)
    error = json.dumps({"error": {"message": "no", "type": "invalid_request_error", "code": code}})
    chat.answers = [Response(error, 400, mimetype="application/json") for _ in range(200)]
    found = look(upstream, GRADED)
    if code == "content_filter":
        assert found.verdict == DriftVerdict.BEHAVIOUR_CHANGED
    else:
        assert found.verdict == DriftVerdict.UNMEASURED
        assert "unsupported_parameter" in found.reason
        chat.answers = [Response(error, 400, mimetype="application/json") for _ in range(400)]
        with pytest.raises(UpstreamError, match="had no answer"):
            accept(upstream, GRADED)


@pytest.mark.parametrize("text", ["It is \ud83d.", "[" * 5000])
def test_answers_that_no_reader_expects_are_kept_and_compared(lake: Lake, chat: FakeChat, text: str) -> None:
    item = Item("json-001", "format", "Give JSON.", "json", {"a": 1}, "json")
    probes = replace(LLM_PROBES, items=(*LLM_PROBES.items[:20], item))
    upstream = llm_upstream(chat, lake, probes)
    accept(upstream, GRADED)
    chat.model = lambda prompt: text
    look(upstream, GRADED)
    accept(upstream, ALL)
    assert look(upstream, ALL).verdict == DriftVerdict.UNCHANGED
