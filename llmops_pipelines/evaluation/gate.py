"""The gate: what the questions of a suite allow to say of a candidate against production, and whether it is promoted.

Pure statistics on rows that were measured; which rows, and what follows from the decision, is not known here.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from statistics import fmean
from typing import Any

from llmops_pipelines.evaluation.decision import GateTest, SuiteDecision
from llmops_pipelines.evaluation.few_differences import smallest_margin
from llmops_pipelines.evaluation.holm import holm
from llmops_pipelines.evaluation.intervals import CONFIDENCE, clustered_mean
from llmops_pipelines.evaluation.pairing import Pair, Paired, paired
from llmops_pipelines.evaluation.suites import Suite, SuiteMetric
from llmops_pipelines.evaluation.verdict import Judgement, Verdict, judge

Row = Mapping[str, Any]
LEVEL = 1 - CONFIDENCE
PROMOTING = frozenset({Verdict.BETTER, Verdict.NOT_WORSE})


def decide(
    suite: Suite, part: str, before: Iterable[Row], after: Iterable[Row], data_only: bool = False, spent: str = ""
) -> SuiteDecision:
    """The decision of `suite` on the rows of production (`before`) and candidate (`after`) of its set and `part`.

    With `data_only` nothing but the documents differ, and the margin is the suite's `data_margin`: where none is declared
    the suite's margin, or the smallest that so few questions could pass without any difference; `min_questions` is asked of
    new configurations alone. `spent` says why the candidate may not be judged on these questions; empty where it may.
    """
    rows = [[row for row in side if row["system"] == suite.system] for side in (before, after)]
    found = paired(*rows)
    margin = suite.margin(suite.primary, data_only)
    if data_only and suite.data_margin is None and found.pairs:
        margin = max(margin, smallest_margin([*Counter(pair.cluster for pair in found.pairs).values()]))
    tests = _tests(suite, found, margin, data_only)
    least = 1 if data_only else suite.min_questions
    verdict, promotes, reason = _verdict(suite, part, found, tests, margin, least, spent)
    return SuiteDecision(
        suite=suite.name,
        part=part,
        system=suite.system,
        verdict=verdict,
        promotes=promotes,
        reason=reason,
        margin=margin,
        questions=len(found.pairs),
        unmeasured=found.unmeasured,
        stale=found.stale,
        left_out=found.left_out,
        tests=tests,
    )


def _tests(suite: Suite, found: Paired, margin: float, data_only: bool) -> list[GateTest]:
    """The primary metric's test first, then the guards' and the slices', corrected together."""
    primary = suite.primary
    if not _both(found.pairs):
        return []
    tests = [_test(primary.name, "primary", primary, found.pairs, margin)]
    others = [_test(guard.name, "guard", guard, found.pairs, suite.margin(guard, data_only)) for guard in suite.guards]
    for one in suite.slices:
        members = found.within(one.name)
        if _both(members):
            others.append(_test(f"{primary.name} of {one.name}", "slice", primary, members, margin))
    corrected = holm({test.name: test.p for test in others})
    return tests + [replace(t, p=corrected[t.name], verdict=_corrected(t, corrected[t.name])) for t in others]


def _corrected(test: GateTest, p: float) -> Verdict:
    """A guard or slice is better or worse only by the corrected p."""
    if test.verdict == Verdict.NOT_WORSE or p <= LEVEL:
        return test.verdict
    return Verdict.NOT_WORSE if test.verdict == Verdict.BETTER else Verdict.INCONCLUSIVE


def _both(pairs: Sequence[Pair]) -> list[Pair]:
    return [pair for pair in pairs if pair.measured]


def _test(name: str, role: str, metric: SuiteMetric, pairs: Sequence[Pair], margin: float) -> GateTest:
    both = _both(pairs)
    sign = 1.0 if metric.direction == "higher" else -1.0
    bounds = [sorted(sign * bound for bound in pair.bounds(metric.name)) for pair in pairs]
    judgement = judge(
        [low for low, _ in bounds], [pair.cluster for pair in pairs], margin, [high for _, high in bounds]
    )
    return GateTest(
        name=name,
        role=role,
        metric=metric.name,
        before=clustered_mean([pair.before[metric.name] for pair in both], [pair.cluster for pair in both]),
        after=clustered_mean([pair.after[metric.name] for pair in both], [pair.cluster for pair in both]),
        p=judgement.p,
        judgement=judgement,
        verdict=judgement.verdict,
    )


def _verdict(
    suite: Suite, part: str, found: Paired, tests: Sequence[GateTest], margin: float, least: int, spent: str
) -> tuple[Verdict, bool, str]:
    """The verdict, whether it promotes, and the reason in a sentence."""
    where = f"{suite.name} ({part})"
    if spent:
        return Verdict.INCONCLUSIVE, False, spent
    if not tests:
        stale = [f"{len(found.stale)} stale (`llmops questions` lists them for review)"] if found.stale else []
        unmeasured = [f"{found.unmeasured} unmeasured"] if found.unmeasured else []
        left_out = [f"{n} {name}" for name, n in found.left_out.items()]
        why = "; ".join([*left_out, *unmeasured, *stale]) or "there is none"
        return Verdict.INCONCLUSIVE, False, f"no question of {where} was measured for both: {why}"
    primary, *others = tests
    shown = _shown(primary, suite.system, where, margin)
    measured = len(found.pairs) - found.unmeasured
    if measured < least:
        short = f"{measured} questions were measured, the suite asks for {least}"
        return Verdict.INCONCLUSIVE, False, f"{shown}; {short}"
    if lost := [test for test in others if test.verdict == Verdict.WORSE]:
        named = ", ".join(f"{t.name} {t.judgement.estimate.signed} (p {t.p:.2g})" for t in lost)
        return Verdict.WORSE, False, f"{shown}; but worse: {named}"
    if below := _below(suite, found.pairs):
        return primary.verdict, False, f"{shown}; but {below}"
    return primary.verdict, primary.verdict in PROMOTING, f"{shown}: {_reading(primary.judgement)}"


def _shown(test: GateTest, system: str, where: str, margin: float) -> str:
    estimate = test.judgement.estimate
    return (
        f"{test.metric} of {system} search on {estimate.n} questions of {where}: {test.before.mean:.3f} in production, "
        f"{test.after.mean:.3f} for the candidate, {estimate.signed}, margin {margin:.3g}"
    )


def _reading(judgement: Judgement) -> str:
    """What the test of the primary metric says, in words."""
    exact = f" (exactly bounded: only {judgement.differing} clusters differ)" if judgement.exact else ""
    match judgement.verdict:
        case Verdict.BETTER:
            return "shown to be better"
        case Verdict.WORSE:
            return "shown to be worse"
        case Verdict.NOT_WORSE if judgement.equivalent:
            return f"shown to be equivalent, less than the margin apart either way{exact}"
        case Verdict.NOT_WORSE:
            return f"shown not to be worse than the margin allows{exact}, not shown to be better"
    needed = judgement.questions_needed
    more = f"; about {needed:,} more questions would tell" if needed else ""
    return f"not shown to be within the margin{exact}{more}"


def _below(suite: Suite, pairs: Sequence[Pair]) -> str:
    """Which floors the candidate is below, in words; a question that was not measured counts as the worst score."""
    found = []
    for metric in suite.metrics:
        if metric.floor is None:
            continue
        worst = 0.0 if metric.direction == "higher" else 1.0
        scores = [pair.after[metric.name] for pair in pairs]
        level = fmean(worst if score is None else score for score in scores)
        if level < metric.floor if metric.direction == "higher" else level > metric.floor:
            found.append(f"{metric.name} {level:.3f} is beyond the floor {metric.floor:g} of the suite")
    return ", ".join(found)
