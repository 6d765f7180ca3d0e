"""The levels of every side and system, and by how much the candidate is ahead of each."""

import pytest

from llmops_pipelines.evaluation.evaluate import SYSTEMS
from llmops_pipelines.evaluation.figures import figures
from llmops_pipelines.evaluation.levels import levels
from llmops_pipelines.evaluation.suites import SuiteMetric
from llmops_pipelines.evaluation.verdict import difference
from tests.evaluation.pages import sides, suite
from tests.evaluation.test_figures import question_set

AFTER, BEFORE, BASE = {"q1": 0.8, "q2": 0.4, "q3": 0.6}, {"q1": 0.6, "q2": 0.4, "q3": None}, {"q1": 0.2, "q2": 0.4}
ROWS = sides(candidate=question_set(AFTER), production=question_set(BEFORE), untuned=question_set(BASE))


def test_every_system_of_every_side_is_there_with_its_own_figures() -> None:
    (found,) = levels([suite()], ROWS)
    assert [(level.role, level.system) for level in found.levels] == [
        (role, system) for role in ("candidate", "production", "untuned") for system in SYSTEMS
    ]
    for scores, role in ((AFTER, "candidate"), (BEFORE, "production"), (BASE, "untuned")):
        (expected,) = figures(question_set(scores))
        for level in found.levels:
            if level.role == role:
                assert level.estimates == expected.estimates[level.system]
                assert level.level == level.estimates["nDCG@10"]
                assert level.unjudged == 0.5


def test_the_candidate_is_ahead_by_the_paired_difference_on_what_both_measured() -> None:
    (found,) = levels([suite()], ROWS)
    ahead = {(level.role, level.system): level.ahead for level in found.levels}
    assert ahead["candidate", "hybrid"] is None
    assert ahead["production", "hybrid"] == difference([0.2, 0.0], ["q1", "q2"])
    assert ahead["untuned", "dense"] == difference([0.7, 0.2], ["q1", "q2"])
    assert ahead["candidate", "bm25"] == difference([0.8 - 0.2, 0.4 - 0.1, 0.6 - 0.15], ["q1", "q2", "q3"])


def test_what_is_judged_is_the_system_and_the_primary_metric_of_the_suite() -> None:
    metrics = (SuiteMetric("MRR@10", "higher", "primary", 0.1),)
    rows = sides(candidate=question_set({"q1": 0.8}), production=question_set({"q1": 0.4}))
    for row in rows:
        row["MRR@10"] = row["MRR@10"] / 2
    (found,) = levels([suite(metrics=metrics, system="dense")], rows)
    ahead = {(level.role, level.system): level.ahead for level in found.levels}
    assert ahead["candidate", "dense"] is None
    shown = ahead["production", "hybrid"]
    assert shown is not None
    assert shown.mean == pytest.approx(0.8 / 2 / 2 - 0.4 / 2)


def test_suites_come_in_their_order_and_those_without_a_measured_question_not_at_all() -> None:
    rows = sides(
        candidate=[
            *question_set({"a": 1.0}, question_set="one"),
            *question_set({"b": 1.0}, question_set="two"),
            *question_set({"c": None}, question_set="three"),
        ]
    )
    found = levels([suite("two"), suite("three"), suite("one")], rows)
    assert [one.figures.question_set for one in found] == ["two", "one"]
