"""What differences allow to say: each verdict, and what stands between them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from llmops_pipelines.evaluation.few_differences import MIN_DIFFERING, Bet
from llmops_pipelines.evaluation.verdict import Judgement, Verdict, judge

MARGIN = 0.03
PROMOTE = {Verdict.BETTER, Verdict.NOT_WORSE}


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


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(-1, 1, width=16), max_size=MIN_DIFFERING - 1), st.integers(1, 400), st.floats(0.01, 0.5))
def test_few_differences_promote_by_the_exact_bound_alone(few: list[float], equal: int, margin: float) -> None:
    values = few + [0.0] * equal
    found = judged(values, margin)
    bet = Bet.on(values, [str(i) for i in range(len(values))])
    assert found.verdict == (Verdict.NOT_WORSE if bet.p_above(-margin) <= 0.025 else Verdict.INCONCLUSIVE)
    assert (found.low, found.high) == pytest.approx((bet.interval().low, bet.interval().high), abs=1e-8)


@pytest.mark.parametrize("clusters", [150, 600, 1_200])
def test_losses_alone_that_make_up_the_margin_are_seldom_overlooked(clusters: int) -> None:
    """The most skewed differences there are: a question loses everything or nothing. Summed, none is drawn."""
    overlooked = 0.0
    for losing in range(round(MARGIN * clusters) + 1):
        if judged([-1.0] * losing + [0.0] * (clusters - losing)).verdict in PROMOTE:
            overlooked += float(stats.binom.pmf(losing, clusters, MARGIN))
    assert overlooked <= (0.025 if MARGIN * clusters < MIN_DIFFERING else 0.065)


def test_nothing_differs_on_most_nights_and_that_passes_with_enough_clusters() -> None:
    assert judged([0.0] * 130).verdict == Verdict.NOT_WORSE
    assert judged([0.0] * 150 + [-0.1] * 5 + [0.1] * 10).verdict == Verdict.NOT_WORSE
    found = judged([0.0] * 60)
    assert found.verdict == Verdict.INCONCLUSIVE
    assert found.questions_needed == 67
    assert judged([0.0] * (60 + found.questions_needed)).verdict == Verdict.NOT_WORSE
    assert judged([0.0] * (59 + found.questions_needed)).verdict == Verdict.INCONCLUSIVE


def test_an_inconclusive_verdict_says_how_many_more_questions_it_takes() -> None:
    found = judge(around(0.0, 0.3, 100), [str(i // 2) for i in range(100)], MARGIN)
    assert found.verdict == Verdict.INCONCLUSIVE
    enough = found.needed or 0
    assert found.questions_needed == 2 * enough - 100
    assert found.detectable is not None
    generator = np.random.default_rng(1)
    clusters = [str(i // 2) for i in range(2 * enough)]
    deviation = found.design.deviation * 2**0.5  # of a question, as if those of a cluster had nothing in common
    passed = [
        judge(generator.normal(0, deviation, 2 * enough).clip(-1, 1).tolist(), clusters, MARGIN).verdict in PROMOTE
        for _ in range(200)
    ]
    assert 0.7 < np.mean(passed) < 0.9


def test_what_was_not_measured_is_taken_for_the_worst_and_shown_for_nothing() -> None:
    values = around(0.05, 0.1, 120)
    measured = judged(values[:117])
    clusters = [str(i) for i in range(120)]
    found = judge(values[:117] + [-1.0] * 3, clusters, MARGIN, values[:117] + [1.0] * 3)
    assert measured.verdict == Verdict.BETTER
    assert (found.estimate, found.unmeasured, found.differing) == (measured.estimate, 3, 117)
    assert found.low < measured.low < measured.high < found.high
    assert found.verdict == Verdict.NOT_WORSE
    assert found.worst_loss == pytest.approx(3 / 120)
    assert (found.needed or 0) > (measured.needed or 0)
    more = judge(values[:116] + [-1.0] * 4, clusters, MARGIN, values[:116] + [1.0] * 4)
    assert more.needed is None, "four lost questions of 120 are more than the margin"


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.floats(-1, 1, width=16), st.floats(0, 1, width=16)), max_size=6), st.integers(0, 9))
def test_no_value_of_the_unmeasured_is_worse_than_what_is_claimed(hidden: list[tuple[float, float]], seed: int) -> None:
    known = list(np.random.default_rng(seed).normal(0.0, 0.2, 40).clip(-1, 1))
    ends = [sorted((value, value + (1 - value) * wide)) for value, wide in hidden]
    clusters = [str(i) for i in range(40 + len(ends))]
    found = judge(known + [low for low, _ in ends], clusters, MARGIN, known + [high for _, high in ends])
    for part in (0.0, 0.3, 1.0):
        true = judge(known + [low + part * (high - low) for low, high in ends], clusters, MARGIN)
        for name in ("p", "p_not_worse", "p_better", "p_worse"):
            assert getattr(found, name) >= getattr(true, name) - 1e-9
        assert found.low <= true.low + 1e-9
        assert found.high >= true.high - 1e-9


def test_a_candidate_is_worse_only_if_the_unmeasured_could_not_save_it() -> None:
    known = around(-0.08, 0.1, 100)
    clusters = [str(i) for i in range(110)]
    assert judged(known).verdict == Verdict.WORSE
    assert judge(known + [-1.0] * 10, clusters, MARGIN, known + [0.0] * 10).verdict == Verdict.WORSE
    assert judge(known + [-1.0] * 10, clusters, MARGIN, known + [1.0] * 10).verdict == Verdict.INCONCLUSIVE


def test_a_metric_of_another_scale_has_a_bound() -> None:
    values = around(-0.01, 0.2, 60)
    one, other = judged(values), judge([800 * v for v in values], [str(i) for i in range(60)], 24.0, bound=800.0)
    assert one.verdict == other.verdict
    assert (one.p, one.p_not_worse, one.needed) == (other.p, other.p_not_worse, other.needed)
    for name in ("low", "high", "detectable"):
        assert getattr(other, name) == pytest.approx(800 * getattr(one, name))
    assert other.estimate.mean == pytest.approx(800 * one.estimate.mean)
    few, many = judged([0.0] * 130), judge([0.0] * 130, [str(i) for i in range(130)], 24.0, bound=800.0)
    assert (few.verdict, many.low) == (many.verdict, pytest.approx(800 * few.low))


def test_a_metric_where_less_is_better_is_turned_round() -> None:
    values = around(0.05, 0.1)
    found, turned = judged(values), judged([-value for value in values])
    assert (found.verdict, turned.verdict) == (Verdict.BETTER, Verdict.WORSE)
    assert (found.p, found.p_better) == (turned.p, turned.p_worse)


@pytest.mark.parametrize(
    ("low", "high", "message"),
    [([1.5], None, "between -1 and 1"), ([0.5], [0.4], "at most `high`"), ([-1.0], [1.0], "no question was measured")],
)
def test_what_cannot_be_judged_is_an_error(low: list[float], high: list[float] | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        judge(low, ["a"], MARGIN, high)


@pytest.mark.parametrize("margin", [0.0, -0.03, 1.0])
def test_a_margin_is_more_than_nothing_and_less_than_everything(margin: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        judge([0.0] * 30, [str(i) for i in range(30)], margin)


def test_equivalence_is_less_than_the_margin_either_way() -> None:
    """The two one-sided tests are those that the interval inverts: it lies within the margin on both sides."""
    alike = [0.01, -0.01] * 40
    found = judge(alike, [str(i) for i in range(80)], 0.03)
    assert found.equivalent
    assert -0.03 < found.low < found.high < 0.03
    ahead = judge([value + 0.05 for value in alike], [str(i) for i in range(80)], 0.03)
    assert (ahead.verdict, ahead.equivalent) == (Verdict.BETTER, False)
    unmeasured = judge([*alike, *[-1.0] * 20], [str(i) for i in range(100)], 0.03, [*alike, *[1.0] * 20])
    assert not unmeasured.equivalent
