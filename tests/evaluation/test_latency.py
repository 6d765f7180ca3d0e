"""The time of each stage of search, from what the three systems took."""

import numpy as np
import pytest

from llmops_pipelines.evaluation.latency import STAGES, stage_times
from tests.evaluation.pages import Rows
from tests.evaluation.test_figures import row


def timed(question: str, bm25: float, dense: float, hybrid: float, **changed: str) -> Rows:
    taken = {"bm25": bm25, "dense": dense, "hybrid": hybrid}
    return [row(question, system, 1.0, seconds=seconds, **changed) for system, seconds in taken.items()]


def test_fusion_is_what_hybrid_takes_beside_the_two_that_it_fuses() -> None:
    found = stage_times(
        [*timed("a", 0.004, 0.002, 0.007), *timed("b", 0.006, 0.002, 0.009), *timed("c", 0.1, 0.01, 0.2)]
    )
    assert [time.stage for time in found] == list(STAGES)
    assert [time.median for time in found] == pytest.approx([6.0, 2.0, 1.0, 9.0])
    assert {time.questions for time in found} == {3}
    fusion = [1.0, 1.0, 90.0]
    assert found[2].p95 == pytest.approx(np.percentile(fusion, 95))


def test_questions_of_two_suites_with_one_id_are_two_and_unmeasured_ones_are_none() -> None:
    rows = [*timed("a", 0.004, 0.002, 0.007), *timed("a", 0.008, 0.002, 0.011, question_set="other")]
    rows += [row("b", system, None) for system in ("bm25", "dense", "hybrid")]
    found = stage_times(rows)
    assert found[0].questions == 2
    assert found[0].median == pytest.approx(6.0)
    assert stage_times(rows[-3:]) == []
