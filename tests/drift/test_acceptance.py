"""How an upstream model is accepted: what its reference holds, and whether it does what was observed or evaluated."""

from dataclasses import replace

import pytest

from llmops_pipelines.drift.history import Reference
from llmops_pipelines.drift.upstream import UpstreamError
from llmops_pipelines.drift.verdict import DriftVerdict
from llmops_pipelines.storage.lake import Lake
from tests.drift.upstream_models import (
    EMBEDDER_PROBES,
    VECTORS,
    ChangingEmbedder,
    accept,
    changed,
    dies_after,
    look,
    moved,
)


def test_accepting_makes_the_new_behaviour_the_reference_and_keeps_its_number(
    lake: Lake, embedder: ChangingEmbedder
) -> None:
    upstream = changed(embedder, lake)
    assert (upstream.state().accepted, upstream.state().behaviour) == (0, 1)
    accept(upstream)
    assert (upstream.state().accepted, upstream.state().behaviour, upstream.state().episode) == (1, 1, None)
    assert look(upstream).verdict == DriftVerdict.UNCHANGED
    accept(upstream)  # again, with nothing changed: what was measured stays true
    assert upstream.state().behaviour == 1
    embedder.model = moved(0)
    assert look(upstream).episode == 2
    assert [one.accepts for one in upstream.history.references()] == [None, 1, None]


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
    upstream = changed(embedder, lake)
    embedder.model = moved(0)
    with pytest.raises(UpstreamError, match="not those of change 1 any more"):
        upstream.accept(VECTORS, "a run", "evaluated", judged=("corpus", 1))
    embedder.model = moved(0.5)
    made = upstream.accept(VECTORS, "a run", "evaluated", judged=("corpus", 1))
    assert (made.accepts, made.corpus) == (1, "corpus")


def test_a_third_model_is_not_accepted_by_the_evaluation_of_the_second(lake: Lake, embedder: ChangingEmbedder) -> None:
    upstream = changed(embedder, lake)
    embedder.model = moved(0.5, "third")
    with pytest.raises(UpstreamError, match="not those of change 1 any more"):
        upstream.accept(VECTORS, "a run", "evaluated", judged=("corpus", 1))
    accept(upstream)
    assert upstream.state().behaviour == 2, "a person accepts what nobody observed, and it has a number of its own"


def test_another_name_than_the_one_evaluated_is_not_accepted(lake: Lake, embedder: ChangingEmbedder) -> None:
    upstream = embedder.upstream(lake)
    accept(upstream)
    embedder.name = "embed-2"
    look(upstream)
    embedder.name = "embed-3"
    with pytest.raises(UpstreamError, match="not those of change 1 any more"):
        upstream.accept(VECTORS, "a run", "evaluated", judged=("corpus", 1))


def test_edited_probes_show_nothing_of_what_was_evaluated(lake: Lake, embedder: ChangingEmbedder) -> None:
    changed(embedder, lake)
    edited = embedder.upstream(lake, replace(EMBEDDER_PROBES, queries=EMBEDDER_PROBES.queries[:-1]))
    with pytest.raises(UpstreamError, match="not those of change 1 any more"):
        edited.accept(VECTORS, "a run", "evaluated", judged=("corpus", 1))
    accept(edited)
    assert edited.state().behaviour == 2


def test_a_reference_without_its_queries_is_none(lake: Lake, embedder: ChangingEmbedder) -> None:
    probes = replace(EMBEDDER_PROBES, queries=tuple(f"query number {i}" for i in range(8)))
    upstream = embedder.upstream(lake, probes)
    dies_after(embedder, 2 * probes.size(VECTORS) - 8)
    with pytest.raises(UpstreamError, match="8 of 80 calls of its queries had no answer"):
        accept(upstream)


def test_what_was_never_measured_is_accepted_by_a_person_alone(lake: Lake, embedder: ChangingEmbedder) -> None:
    upstream = embedder.upstream(lake)
    accept(upstream)
    answered = embedder.endpoint.answer_always
    embedder.name = "embed-2"
    dies_after(embedder, 60)
    assert look(upstream).verdict == DriftVerdict.IDENTITY_CHANGED
    embedder.endpoint.answer_always = answered
    with pytest.raises(UpstreamError, match="not those of change 1 any more"):
        upstream.accept(VECTORS, "a run", "evaluated", judged=("corpus", 1))
    look(upstream)  # is measured, and kept though it opens nothing
    upstream.accept(VECTORS, "a run", "evaluated", judged=("corpus", 1))
    assert upstream.state().behaviour == 1


def test_two_corpora_that_accept_one_change_at_once_make_one_reference(lake: Lake, embedder: ChangingEmbedder) -> None:
    upstream = changed(embedder, lake)
    made: list[Reference] = []

    def meanwhile(done: int, total: int) -> None:
        if not made:
            made.append(upstream.accept(VECTORS, "a run", "evaluated", judged=("first", 1)))

    assert upstream.accept(VECTORS, "a run", "evaluated", meanwhile, ("second", 1)) == made[0]
    assert len(upstream.history.references()) == 2
