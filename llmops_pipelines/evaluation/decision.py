"""What a gate decided: the tests of each suite, its verdict, and what the suites that gate say together."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from llmops_pipelines.evaluation.intervals import Estimate
from llmops_pipelines.evaluation.suites import Suite
from llmops_pipelines.evaluation.verdict import Judgement, Verdict

FIRST = "first"


@dataclass(frozen=True)
class GateTest:
    """One test of a suite: a metric over all questions, or over those of a slice. `role` is primary, guard or slice.

    `before` and `after` are the levels of production and candidate on the questions that both measured. `p` is two-sided, of
    no difference; of guards and slices it is Holm's, all of them together.
    """

    name: str
    role: str
    metric: str
    before: Estimate
    after: Estimate
    p: float
    judgement: Judgement
    verdict: Verdict

    def as_dict(self) -> dict[str, Any]:
        """What is kept of it, as JSON values."""
        found = self.judgement
        return {
            **{name: getattr(self, name) for name in ("name", "role", "metric", "p", "verdict")},
            **{name: asdict(estimate) for name, estimate in (("before", self.before), ("after", self.after))},
            "difference": asdict(found.estimate),
            **{name: getattr(found, name) for name in ("low", "high", "margin", "p_not_worse", "differing", "exact")},
            **{name: getattr(found, name) for name in ("equivalent", "unmeasured", "detectable", "questions_needed")},
        }


@dataclass(frozen=True)
class SuiteDecision:
    """What one suite says. `questions` counts those that are tested, `unmeasured` those among them that lack a score."""

    suite: str
    part: str
    system: str
    verdict: Verdict
    promotes: bool
    reason: str
    margin: float
    questions: int
    unmeasured: int
    stale: dict[str, str]
    left_out: dict[str, int]
    tests: list[GateTest]

    @property
    def primary(self) -> GateTest | None:
        """The test that decides first; None where no question is paired."""
        return self.tests[0] if self.tests else None

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {**vars(self), "tests": [test.as_dict() for test in self.tests]}


@dataclass(frozen=True)
class Decision:
    """What the suites that gate say together. `verdict` is `first` where nothing was in force to compare with."""

    verdict: str
    promotes: bool
    reason: str
    suites: list[SuiteDecision]

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {**vars(self), "suites": [suite.as_dict() for suite in self.suites]}


def decide_all(suites: Sequence[Suite], decisions: Sequence[SuiteDecision]) -> Decision:
    """The decision of the `suites` that gate, by those `decisions` that are of them.

    Each has to promote by itself, so that the level of one is that of all (Berger, "Multiparameter hypothesis testing and
    acceptance sampling", Technometrics 24, 1982: intersection-union).
    """
    gating = {suite.name for suite in suites if suite.gates}
    counted = [decision for decision in decisions if decision.suite in gating]
    if not counted:
        return undecided(
            "no question can be asked of this corpus: add an evaluation suite (docs/evaluation.md)", decisions
        )
    blocking = [decision for decision in counted if not decision.promotes]
    deciding = next((d for d in blocking if d.verdict == Verdict.WORSE), blocking[0] if blocking else counted[0])
    return Decision(deciding.verdict, not blocking, deciding.reason, list(decisions))


def first(alone: bool = True) -> Decision:
    """The decision where there is nothing to compare with: nothing else was ever in force, or, not `alone`, it is gone."""
    gone = "no index of what was in force before can be opened any more"
    why = "nothing else was ever in force: the first release of a corpus" if alone else f"{gone}: the candidate"
    return Decision(FIRST, True, f"{why} is compared with nothing", [])


def undecided(reason: str, decisions: Sequence[SuiteDecision] = ()) -> Decision:
    """The decision where nothing can be said."""
    return Decision(Verdict.INCONCLUSIVE, False, reason, list(decisions))
