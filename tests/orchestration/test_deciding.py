"""Verdicts that are kept: the newest of a pair counts, also where suites change and change back."""

from types import SimpleNamespace
from typing import Any

import pytest

from llmops_pipelines.evaluation.decision import first, undecided
from llmops_pipelines.evaluation.suites import Suite
from llmops_pipelines.evaluation.verdicts import VerdictRow, Verdicts
from llmops_pipelines.orchestration.corpus import Corpus
from llmops_pipelines.orchestration.deciding import decision, kept
from llmops_pipelines.storage import Lake
from tests.evaluation.judged import suite

SUMMARY: dict[str, Any] = {"candidate": "new", "against": "old", "data_only": False, "scorer": "the scorer"}
EVALUATION: Any = SimpleNamespace(summary=SUMMARY, data_version="evaluation-1")


def keep(corpus: Corpus, lake: Lake, by: list[Suite], promotes: bool, run: str) -> VerdictRow:
    found = first() if promotes else undecided("too few questions")
    return kept(corpus, lake, "key", by, EVALUATION, found, run)


@pytest.fixture
def suites() -> tuple[list[Suite], list[Suite]]:
    """Those of a corpus, and the same with other looks."""
    return [suite()], [suite(max_looks=3)]


def test_the_same_verdict_is_kept_once(corpus: Corpus, lake: Lake, suites: tuple[list[Suite], list[Suite]]) -> None:
    made = keep(corpus, lake, suites[0], True, "run 1")
    assert keep(corpus, lake, suites[0], True, "run 2") == made


def test_suites_that_are_changed_and_changed_back_give_a_verdict_that_counts(
    corpus: Corpus, lake: Lake, suites: tuple[list[Suite], list[Suite]]
) -> None:
    one, other = suites
    early = keep(corpus, lake, one, True, "run 1")
    between = keep(corpus, lake, other, False, "run 2")
    verdicts = Verdicts(lake, corpus.name)
    assert verdicts.of("new", "old") == between
    late = keep(corpus, lake, one, True, "run 3")
    assert verdicts.of("new", "old") == late
    assert (late.suites, late.promotes) == (early.suites, True)


@pytest.mark.parametrize(("alone", "said"), [(True, "nothing else was ever"), (False, "can be opened any more")])
def test_a_candidate_with_nothing_to_compare_with_says_which(alone: bool, said: str) -> None:
    found = decision([], {"production": None, "alone": alone}, [])
    assert found.verdict == "first"
    assert said in found.reason
