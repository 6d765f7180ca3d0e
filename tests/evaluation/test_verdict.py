"""What differences allow to say: each verdict, and what stands between them."""

import numpy as np
import pytest

from llmops_pipelines.evaluation.verdict import MIN_DIFFERING, Judgement, Verdict, judge

MARGIN = 0.03


def around(mean: float, deviation: float, number: int = 100) -> list[float]:
    """Differences of exactly this mean and standard deviation."""
    values = np.random.default_rng(number).normal(size=number)
    return list(mean + deviation * (values - values.mean()) / values.std(ddof=1))


def judged(values: list[float], margin: float = MARGIN) -> Judgement:
    return judge(values, [str(i) for i in range(len(values))], margin)


@pytest.mark.parametrize(
    ("mean", "deviation", "verdict"),
    [
        (0.05, 0.1, Verdict.BETTER),
        (0.0, 0.1, Verdict.NOT_WORSE),
        (-0.05, 0.1, Verdict.WORSE),
        (0.0, 0.3, Verdict.INCONCLUSIVE),
        (0.04, 0.4, Verdict.INCONCLUSIVE),
        (-0.01, 0.03, Verdict.NOT_WORSE),  # shown to lose, and to lose less than the margin
    ],
)
def test_the_verdict_follows_from_the_interval(mean: float, deviation: float, verdict: Verdict) -> None:
    found = judged(around(mean, deviation))
    assert found.verdict == verdict
    assert (found.estimate.low > -MARGIN) == (verdict in {Verdict.BETTER, Verdict.NOT_WORSE})
    assert (found.estimate.low > 0) == (verdict == Verdict.BETTER)
    assert not found.exact


def test_a_wider_margin_lets_more_pass() -> None:
    values = around(-0.015, 0.1)
    assert judged(values, 0.03).verdict == Verdict.INCONCLUSIVE
    assert judged(values, 0.06).verdict == Verdict.NOT_WORSE


@pytest.mark.parametrize("change", [1.0, -1.0])
def test_fewer_than_twenty_clusters_that_differ_are_neither_better_nor_worse(change: float) -> None:
    few, enough = ([change] * number + [0.0] * 30 for number in (MIN_DIFFERING - 1, MIN_DIFFERING))
    assert judged(few).exact
    assert judged(few).verdict == (Verdict.NOT_WORSE if change > 0 else Verdict.INCONCLUSIVE)
    assert judged(enough).verdict == (Verdict.BETTER if change > 0 else Verdict.WORSE)


def test_a_cluster_whose_questions_cancel_out_differs() -> None:
    values = [0.3, -0.3] * 25
    assert judge(values, [str(i // 2) for i in range(50)], MARGIN).differing == 25


def test_nothing_differs_on_most_nights_and_that_passes_with_enough_clusters() -> None:
    assert judged([0.0] * 180).verdict == Verdict.NOT_WORSE
    assert judged([0.0] * 170 + [-0.1] * 5 + [0.1] * 10).verdict == Verdict.NOT_WORSE
    found = judged([0.0] * 60)
    assert found.verdict == Verdict.INCONCLUSIVE
    assert found.questions_needed is not None
    assert judged([0.0] * (60 + found.questions_needed)).verdict == Verdict.NOT_WORSE


def test_an_inconclusive_verdict_says_how_many_more_questions_it_takes() -> None:
    found = judge(around(0.0, 0.3, 100), [str(i // 2) for i in range(100)], MARGIN)
    assert found.verdict == Verdict.INCONCLUSIVE
    assert found.questions_needed == pytest.approx(2 * (found.needed or 0) - 100)
    assert found.detectable is not None
    enough = found.needed or 0
    passed = [
        judge(list(np.random.default_rng(i).normal(0, 0.21, enough)), [str(j) for j in range(enough)], MARGIN).verdict
        for i in range(30)
    ]
    assert sum(verdict != Verdict.INCONCLUSIVE for verdict in passed) >= 18
