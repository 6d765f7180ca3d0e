"""An upstream model over a real socket, observed and accepted: verdicts, episodes, and what ends and begins one."""

import datetime
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from llmops_pipelines.drift.asking import vector_probe
from llmops_pipelines.drift.episodes import State
from llmops_pipelines.drift.history import Observation
from llmops_pipelines.drift.probes import Tier
from llmops_pipelines.drift.upstream import Upstream, UpstreamError, look_level
from llmops_pipelines.drift.verdict import LEVEL, DriftVerdict
from llmops_pipelines.storage.lake import Lake
from tests.drift.upstream_models import (
    EMBEDDER_PROBES,
    LLM_PROBES,
    ChangingEmbedder,
    answers_of,
    failing,
    llm_upstream,
    moved,
)
from tests.embedding.fake_endpoint import DIMENSION, vector
from tests.generation.fake_chat import FakeChat

VECTORS: tuple[Tier, ...] = ("vectors",)
FAST: tuple[Tier, ...] = ("tokens",)
GRADED: tuple[Tier, ...] = ("graded",)
ALL: tuple[Tier, ...] = ("tokens", "graded", "texts")


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake"))


@pytest.fixture
def embedder(http_server: HTTPServer) -> Iterator[ChangingEmbedder]:
    http_server.clear()
    yield ChangingEmbedder(http_server)


@pytest.fixture
def chat(http_server: HTTPServer) -> Iterator[FakeChat]:
    http_server.clear()
    made = FakeChat(http_server)
    made.model = answers_of
    yield made


def look(upstream: Upstream, tiers: tuple[Tier, ...] = VECTORS) -> Observation:
    return upstream.observe(tiers, "a test")


def accept(upstream: Upstream, tiers: tuple[Tier, ...] = VECTORS) -> None:
    upstream.accept(tiers, "a test", "it is good")


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


def test_every_change_is_one_episode_also_from_a_to_b_to_a_to_b(lake: Lake, embedder: ChangingEmbedder) -> None:
    upstream = embedder.upstream(lake)
    accept(upstream)
    seen = []
    for amount in (0, 0.5, 0.5, 0, 0.5, 0):
        embedder.model = moved(amount)
        found = look(upstream)
        seen.append((found.verdict == DriftVerdict.BEHAVIOUR_CHANGED, found.episode, found.opens))
    assert seen == [
        (False, None, False),
        (True, 1, True),
        (True, 1, False),
        (False, None, False),
        (True, 2, True),
        (False, None, False),
    ]
    assert upstream.state() == State(upstream.state().reference)


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


def test_accepting_makes_the_new_behaviour_the_reference_and_keeps_its_number(
    lake: Lake, embedder: ChangingEmbedder
) -> None:
    upstream = embedder.upstream(lake)
    accept(upstream)
    embedder.model = moved(0.5)
    look(upstream)
    assert (upstream.state().accepted, upstream.state().behaviour) == (0, 1)
    accept(upstream)
    assert (upstream.state().accepted, upstream.state().behaviour, upstream.state().episode) == (1, 1, None)
    assert look(upstream).verdict == DriftVerdict.UNCHANGED
    accept(upstream)  # again, with nothing changed: what was measured stays true
    assert upstream.state().behaviour == 1
    embedder.model = moved(0)
    assert look(upstream).episode == 2
    assert [one.accepts for one in upstream.history.references()] == [None, 1, None]


@pytest.mark.parametrize("status", [500, 429, 401])
def test_what_does_not_answer_is_unmeasured_and_ends_nothing(
    lake: Lake, embedder: ChangingEmbedder, status: int
) -> None:
    upstream = embedder.upstream(lake)
    accept(upstream)
    embedder.model = moved(0.5)
    look(upstream)
    embedder.down = failing(status)
    found = look(upstream)
    assert (found.verdict, found.episode) == (DriftVerdict.UNMEASURED, None)
    assert f"HTTP {status}" in found.reason
    embedder.down = None
    assert look(upstream).episode == 1
    with pytest.raises(UpstreamError, match="had no answer"):
        embedder.down = failing(status)
        accept(upstream)


def test_a_model_that_is_gone_is_an_episode_of_its_own(lake: Lake, embedder: ChangingEmbedder) -> None:
    upstream = embedder.upstream(lake)
    accept(upstream)
    embedder.down = failing(404)
    found = look(upstream)
    assert (found.verdict, found.gone, found.episode, found.opens) == (DriftVerdict.UNMEASURED, True, 1, True)
    assert not look(upstream).opens
    assert upstream.state().behaviour == 0
    embedder.down = None
    assert look(upstream).verdict == DriftVerdict.UNCHANGED
    assert upstream.state().episode is None


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


def wrong(prompt: str) -> str:
    number = answers_of(prompt)
    return str(int(number) + 1) if number.isdigit() and int(number) % 5 == 0 else number


def fenced(prompt: str) -> str:
    return f"```\n{answers_of(prompt)}\n```" if prompt.startswith("What") else answers_of(prompt)


def refusing(prompt: str) -> str:
    return "I'm sorry, but I cannot help with that." if prompt.startswith("Tell") else answers_of(prompt)


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


def test_a_look_that_could_not_see_the_change_does_not_end_it(lake: Lake, chat: FakeChat) -> None:
    upstream = llm_upstream(chat, lake)
    accept(upstream, ALL)
    chat.model = wrong
    assert look(upstream, GRADED).opens
    assert look(upstream, FAST).verdict == DriftVerdict.UNCHANGED
    assert upstream.state().episode == 1
    assert not look(upstream, GRADED).opens
    chat.model = answers_of
    look(upstream, GRADED)
    assert upstream.state().episode is None


@pytest.mark.parametrize("text", ["", "   "])
def test_empty_answers_are_none(lake: Lake, chat: FakeChat, text: str) -> None:
    upstream = llm_upstream(chat, lake)
    accept(upstream, GRADED)
    chat.model = lambda prompt: text
    found = look(upstream, GRADED)
    assert found.verdict == DriftVerdict.UNMEASURED
    assert "its answer is empty" in found.reason


def test_answers_that_are_no_json_are_none(lake: Lake, chat: FakeChat) -> None:
    from werkzeug import Response

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

    upstream = embedder.upstream(lake)
    accept(upstream)
    embedder.model = moved(0.5)
    look(upstream)
    monkeypatch.setattr(history.datetime, "datetime", Earlier)
    embedder.model = moved(0)
    assert look(upstream).verdict == DriftVerdict.UNCHANGED
    assert upstream.state().episode is None
    embedder.model = moved(0.5)
    assert look(upstream).episode == 2


def test_the_looks_of_a_day_share_the_level(lake: Lake, embedder: ChangingEmbedder) -> None:
    upstream = embedder.upstream(lake)
    accept(upstream)
    levels = [look(upstream).level for _ in range(3)]
    assert levels == pytest.approx([LEVEL, LEVEL / 2, LEVEL / 3])
    observations = upstream.history.observations()
    tomorrow = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1, minutes=1)
    assert look_level(observations, VECTORS, tomorrow) == LEVEL
    assert look_level(observations, FAST) == LEVEL


def test_vectors_of_another_length_are_a_change(lake: Lake, embedder: ChangingEmbedder) -> None:
    accept(embedder.upstream(lake))
    embedder.model = lambda text: vector(text, 2 * DIMENSION)
    longer = replace(
        embedder.upstream(lake), probe=vector_probe(EMBEDDER_PROBES, embedder.hosted(dimension=2 * DIMENSION))
    )
    found = look(longer)
    assert (found.verdict, set(found.alarms)) == (DriftVerdict.BEHAVIOUR_CHANGED, {"queries", "documents"})


def test_looks_that_overlap_are_one_change_and_end_none(lake: Lake, embedder: ChangingEmbedder) -> None:
    upstream = embedder.upstream(lake)
    accept(upstream)
    inner: list[Observation] = []

    def meanwhile(done: int, total: int) -> None:
        """Another look at a model that changes, while the first is at its last call."""
        if done == total and not inner:
            embedder.model = moved(0.5)
            inner.append(look(upstream))

    outer = upstream.observe(VECTORS, "a test", meanwhile)
    assert (inner[0].episode, inner[0].opens) == (1, True)
    assert outer.verdict == DriftVerdict.UNCHANGED, "its calls were made before"
    assert upstream.state().episode == 1, "and so it does not end what began since"
    assert (look(upstream).episode, look(upstream).opens) == (1, False)


def test_two_that_find_one_change_at_once_give_it_one_number(lake: Lake, embedder: ChangingEmbedder) -> None:
    upstream = embedder.upstream(lake)
    accept(upstream)
    embedder.model = moved(0.5)
    inner: list[Observation] = []

    def meanwhile(done: int, total: int) -> None:
        if not inner:
            inner.append(look(upstream))

    outer = upstream.observe(VECTORS, "a test", meanwhile)
    assert (inner[0].episode, inner[0].opens) == (1, True)
    assert (outer.episode, outer.opens) == (1, False)


def test_one_answer_that_a_model_is_gone_is_none(lake: Lake, embedder: ChangingEmbedder) -> None:
    upstream = embedder.upstream(lake)
    accept(upstream)
    embedder.endpoint.answers = [failing(404)]
    found = look(upstream)
    assert (found.gone, found.episode) == (False, None)


def test_a_change_stays_known_while_the_model_is_gone(lake: Lake, embedder: ChangingEmbedder) -> None:
    upstream = embedder.upstream(lake)
    accept(upstream)
    embedder.model = moved(0.5)
    look(upstream)
    embedder.down = failing(404)
    look(upstream)
    assert upstream.state().gone
    assert upstream.state().alarms == {"queries", "documents"}


def test_a_look_that_is_told_no_name_does_not_end_a_change_of_name(lake: Lake, embedder: ChangingEmbedder) -> None:
    upstream = embedder.upstream(lake)
    accept(upstream)
    embedder.name = "embed-2"
    look(upstream)
    embedder.name = ""
    assert look(upstream).verdict == DriftVerdict.UNCHANGED
    assert upstream.state().episode == 1
    embedder.name = "embed-2"
    assert look(upstream).opens is False
    embedder.name = "embed-1"
    look(upstream)
    assert upstream.state().episode is None


def test_accepting_what_was_not_observed_gives_it_a_number_of_its_own(lake: Lake, embedder: ChangingEmbedder) -> None:
    upstream = embedder.upstream(lake)
    accept(upstream)
    embedder.model = moved(0.5)
    accept(upstream)
    assert upstream.state().behaviour == 1
    look(upstream)
    embedder.model = moved(0)
    look(upstream)
    assert upstream.state().episode == 2
    embedder.model = moved(0.5)
    accept(upstream)  # what it does now is what was accepted, though a change is open
    assert upstream.state().behaviour == 1
    edited = replace(EMBEDDER_PROBES, queries=EMBEDDER_PROBES.queries[:-1])
    accept(embedder.upstream(lake, edited))
    assert embedder.upstream(lake, edited).state().behaviour == 3, "nothing shows that it is the same"


def test_what_is_not_what_was_evaluated_is_not_accepted_by_it(lake: Lake, embedder: ChangingEmbedder) -> None:
    upstream = embedder.upstream(lake)
    accept(upstream)
    embedder.model = moved(0.5)
    look(upstream)
    embedder.model = moved(0)
    with pytest.raises(UpstreamError, match="not what was evaluated any more"):
        upstream.accept(VECTORS, "a run", "evaluated", judged=("corpus", 1))
    embedder.model = moved(0.5)
    made = upstream.accept(VECTORS, "a run", "evaluated", judged=("corpus", 1))
    assert (made.accepts, made.corpus) == (1, "corpus")
