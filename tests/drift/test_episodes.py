"""What begins and ends a change of an upstream model, over a real socket: one number each, however it is looked at."""

from dataclasses import replace
from typing import Any

import pytest

from llmops_pipelines.drift import upstream as upstreams
from llmops_pipelines.drift.blocking import settle
from llmops_pipelines.drift.episodes import State
from llmops_pipelines.drift.history import Observation
from llmops_pipelines.drift.probes import FAMILIES
from llmops_pipelines.drift.verdict import DriftVerdict
from llmops_pipelines.release.blocks import Blocks
from llmops_pipelines.storage.lake import Lake
from tests.drift.upstream_models import (
    ALL,
    EMBEDDER_PROBES,
    FAST,
    GRADED,
    LLM_PROBES,
    TEXTS,
    VECTORS,
    ChangingEmbedder,
    accept,
    answers_of,
    changed,
    dies_after,
    failing,
    llm_upstream,
    look,
    moved,
    refusing,
    wrong,
)
from tests.embedding.fake_endpoint import vector
from tests.generation.fake_chat import FakeChat


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
    last = upstream.state()
    assert last == State(last.reference, ended=(2, 6))


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


def test_a_slow_look_that_saw_what_is_over_opens_nothing(lake: Lake, embedder: ChangingEmbedder) -> None:
    upstream = embedder.upstream(lake)
    accept(upstream)
    embedder.model = moved(0.5)
    inner: list[Observation] = []
    size = EMBEDDER_PROBES.size(VECTORS)
    looks = [0]

    def meanwhile(done: int, total: int) -> None:
        """Once the second look is done: another one finds the change, the model is back, and a third one sees that."""
        looks[0] += done == size
        if looks[0] == 2 and not inner:
            inner.append(look(upstream))
            embedder.model = moved(0)
            inner.append(look(upstream))

    outer = upstream.observe(VECTORS, "a test", meanwhile)
    assert (inner[0].episode, inner[1].quiet) == (1, ("documents", "queries"))
    assert (outer.verdict, outer.episode, outer.opens) == (DriftVerdict.BEHAVIOUR_CHANGED, 1, False)
    assert upstream.state().episode is None
    embedder.model = moved(0.5)
    assert look(upstream).episode == 2


def test_a_change_stays_known_while_the_model_is_gone(lake: Lake, embedder: ChangingEmbedder) -> None:
    upstream = changed(embedder, lake)
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


def test_a_name_that_only_the_change_tells_does_not_keep_it_open(lake: Lake, chat: FakeChat) -> None:
    upstream = llm_upstream(chat, lake)
    accept(upstream, GRADED)
    chat.model, chat.fields = wrong, {"system_fingerprint": "fp_b"}
    assert look(upstream, GRADED).opens
    chat.model, chat.fields = answers_of, {}
    assert look(upstream, GRADED).quiet == ("content",)
    assert upstream.state().episode is None


def _named(embedder: ChangingEmbedder, texts: list[str], name: str) -> Any:
    embedder.name = name
    return embedder._answer(texts)


def test_two_models_behind_one_endpoint_are_one_change(lake: Lake, embedder: ChangingEmbedder) -> None:
    upstream = embedder.upstream(lake)
    accept(upstream)
    names = [("b", "c"), ("b",), ("c",), ("b", "c"), ("c",), ("b",)]
    seen = []
    for told in names:
        answering = iter(told * 1000)
        embedder.endpoint.answer_always = lambda texts, answering=answering: _named(embedder, texts, next(answering))
        found = look(upstream)
        seen.append((found.episode, found.opens))
    assert seen == [(1, True), *[(1, False)] * 5]


def test_what_could_not_be_measured_of_another_name_frees_nothing(lake: Lake, embedder: ChangingEmbedder) -> None:
    upstream = embedder.upstream(lake)
    accept(upstream)
    embedder.model, embedder.name = moved(0.5), "embed-2"
    look(upstream)
    embedder.name = "embed-3"
    dies_after(embedder, 60)
    found = look(upstream)
    assert (found.verdict, found.alarms, found.opens) == (DriftVerdict.IDENTITY_CHANGED, (), True)
    assert upstream.state().alarms == {"queries", "documents"}


def test_a_look_that_lost_its_last_queries_is_unmeasured_and_ends_nothing(
    lake: Lake, embedder: ChangingEmbedder
) -> None:
    probes = replace(EMBEDDER_PROBES, queries=tuple(f"query number {i}" for i in range(8)))
    upstream = embedder.upstream(lake, probes)
    accept(upstream)
    embedder.model = lambda text: moved(0.8)(text) if text.startswith("query") else vector(text)
    assert look(upstream).alarms == ("queries",)
    dies_after(embedder, probes.size(VECTORS) - 8)  # under 5 % of the calls, and every query lacks one
    found = look(upstream)
    assert (found.verdict, found.quiet) == (DriftVerdict.UNMEASURED, ())
    assert upstream.state().episode == 1


def test_a_change_that_most_looks_see_is_one_change(lake: Lake, embedder: ChangingEmbedder) -> None:
    """A router sends every third request elsewhere, and none for a while: a look without it ends nothing by itself."""
    upstream = changed(embedder, lake)
    asked = [0]

    def first_look_alone(text: str) -> Any:
        asked[0] += 1
        return moved(0 if asked[0] <= EMBEDDER_PROBES.size(VECTORS) else 0.5)(text)

    embedder.model = first_look_alone
    found = look(upstream)
    assert (found.verdict, found.quiet, found.episode) == (DriftVerdict.UNCHANGED, (), None)
    assert "not shown to be over: documents, queries" in found.reason
    assert look(upstream).episode == 1
    embedder.model = moved(0)
    found = look(upstream)
    assert (found.quiet, found.spent.calls) == (("documents", "queries"), 2 * EMBEDDER_PROBES.size(VECTORS))
    assert upstream.state().episode is None


def test_a_look_with_too_little_level_ends_no_change_of_text(
    lake: Lake, chat: FakeChat, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream = llm_upstream(chat, lake)
    accept(upstream, ALL)
    chat.model = refusing
    assert look(upstream, ALL).opens
    # As if looks of the day were without number: no p can be small enough.
    monkeypatch.setattr(upstreams, "looks_sharing", lambda *_: dict.fromkeys(FAMILIES["texts"], 10**40))
    found = look(upstream, TEXTS)
    assert (found.verdict, found.quiet) == (DriftVerdict.UNCHANGED, ())
    assert upstream.state().episode == 1
    chat.model = answers_of
    assert look(upstream, TEXTS).quiet
    assert upstream.state().episode is None


def test_what_was_as_accepted_under_another_epoch_is_blocked_with_it(lake: Lake, embedder: ChangingEmbedder) -> None:
    first = replace(embedder.upstream(lake), fingerprint=lambda: "f0")
    second = replace(first, fingerprint=lambda: "f1")
    accept(first)
    look(second)
    embedder.model = moved(0.5)
    look(second)
    assert settle(second)
    assert all(Blocks(lake).reason(fingerprint) for fingerprint in ("f0", "f1"))
    assert not Blocks(lake).reason("f2"), "what was configured since was not embedded by what was accepted"
    embedder.model = moved(0)
    look(replace(first, fingerprint=lambda: "f2"))
    assert not settle(second)
    assert not any(Blocks(lake).reason(fingerprint) for fingerprint in ("f0", "f1", "f2"))


def test_a_change_of_two_tiers_ends_where_each_tier_shows_it_no_more(lake: Lake, chat: FakeChat) -> None:
    upstream = llm_upstream(chat, lake)
    accept(upstream, ALL)
    chat.model = lambda prompt: "blue" if prompt.startswith("Name") else wrong(prompt)
    look(upstream, FAST)
    look(upstream, GRADED)
    assert upstream.state().alarms == {"tokens", "content"}
    chat.model = answers_of
    assert look(upstream, TEXTS).spent.calls == LLM_PROBES.size(TEXTS), "a tier that did not change is asked once"
    assert look(upstream, FAST).quiet == ("tokens",)
    assert upstream.state().alarms == {"content"}
    assert "not shown to be over: content" in look(upstream, FAST).reason
    assert look(upstream, GRADED).quiet == ("content",)
    assert upstream.state().episode is None


def test_the_accepted_model_beside_the_new_one_is_no_third(lake: Lake, embedder: ChangingEmbedder) -> None:
    upstream = embedder.upstream(lake)
    accept(upstream)
    embedder.name = "embed-2"
    look(upstream)
    answering = iter(("embed-1", "embed-2") * 1000)
    embedder.endpoint.answer_always = lambda texts: _named(embedder, texts, next(answering))
    assert (look(upstream).episode, upstream.state().episode) == (1, 1)


def test_a_header_that_proved_nothing_may_go(lake: Lake, chat: FakeChat) -> None:
    upstream = llm_upstream(chat, lake)
    chat.headers = {"x-model-version": "7"}
    accept(upstream, GRADED)
    chat.model = wrong
    look(upstream, GRADED)
    chat.model, chat.headers = answers_of, {}
    look(upstream, GRADED)
    assert upstream.state().episode is None


def test_a_name_that_the_first_look_at_a_change_was_not_told_makes_no_second(lake: Lake, chat: FakeChat) -> None:
    upstream = llm_upstream(chat, lake)
    chat.fields = {"system_fingerprint": "fp_a"}
    accept(upstream, GRADED)
    chat.model, chat.fields = wrong, {}
    assert look(upstream, GRADED).opens
    chat.fields = {"system_fingerprint": "fp_b"}
    found = look(upstream, GRADED)
    assert (found.verdict, found.episode, found.opens) == (DriftVerdict.IDENTITY_CHANGED, 1, False)
