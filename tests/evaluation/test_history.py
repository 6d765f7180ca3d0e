"""The history over releases: one line a measure, and the candidate as its last point."""

from llmops_pipelines.evaluation.decision import first
from llmops_pipelines.evaluation.history import CANDIDATE_NAME, points
from tests.evaluation.pages import AT, decided, many, released, sides, suite

SUITES = [suite()]
DECISION = decided(SUITES, sides(candidate=many(0.1), production=many(0.0)))


def test_the_candidate_is_the_last_point_and_not_released() -> None:
    found = points([released("r1", 1, SUITES), released("r2", 2, SUITES)], SUITES, DECISION, "new", AT.isoformat())
    assert [(point.name, point.released, point.line) for point in found] == [
        ("r1", True, 0),
        ("r2", True, 0),
        (CANDIDATE_NAME, False, 0),
    ]
    primary = DECISION.suites[0].tests[0]
    last = found[-1]
    assert (last.mean, last.low, last.high) == (primary.after.mean, primary.after.low, primary.after.high)
    assert (last.model, last.at, last.verdict) == ("new", AT.isoformat(), "better")


def test_the_line_breaks_where_the_suites_change_and_where_the_metric_does() -> None:
    history = [
        released("r1", 1, SUITES, suites="older suites"),
        released("r2", 2, SUITES, suites="older suites"),
        released("r3", 3, SUITES),
        released("r4", 4, SUITES, metric="MRR@10 of dense search on written (dev)"),
    ]
    found = points(history, SUITES, DECISION, "new", AT.isoformat())
    assert [point.line for point in found] == [0, 0, 1, 2, 3]


def test_other_questions_in_a_suite_that_gates_break_the_line_to_the_candidate() -> None:
    history = [released("r1", 1, [suite(version=2)])]
    assert [point.line for point in points(history, SUITES, DECISION, "new", AT.isoformat())] == [0, 1]


def test_a_candidate_that_was_not_tested_is_no_point() -> None:
    assert points([], SUITES, first(), "new", AT.isoformat()) == []
    assert len(points([released("r1", 1, SUITES)], SUITES, first(), "new", AT.isoformat())) == 1
