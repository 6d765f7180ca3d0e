"""What the sections of a report show, taken from the rows of an evaluation and from its decision."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llmops_pipelines.evaluation.changes import Change, Flips, changed_most, first_right
from llmops_pipelines.evaluation.contamination import LEARNED_DOCUMENT, LEARNED_QUESTION
from llmops_pipelines.evaluation.decision import Decision, SuiteDecision
from llmops_pipelines.evaluation.evaluate import SYSTEMS
from llmops_pipelines.evaluation.forest_plot import forest_plot
from llmops_pipelines.evaluation.metrics import PRIMARY
from llmops_pipelines.evaluation.pairing import Pair, paired
from llmops_pipelines.evaluation.plots import change_plot, svg
from llmops_pipelines.evaluation.roles import CANDIDATE, PRODUCTION, UNTUNED, Role
from llmops_pipelines.evaluation.suites import DAILY_PART, Suite
from llmops_pipelines.evaluation.wording import what_it_would_take
from llmops_pipelines.storage.identity import text_hash

Row = Mapping[str, Any]
WORST = 5
IDENTITIES = {
    "key": "model",
    "fingerprint": "fingerprint",
    "corpus_version": "documents",
    "cleaner": "cleaner",
    "chunker": "chunker",
    "index": "index",
    "index_version": "version of its table",
    "passages": "passages",
    "search": "search settings",
    "rebuilt": "texts embedded for this comparison",
}


@dataclass(frozen=True)
class SuiteSection:
    """The tests of one suite. `needs` says what an inconclusive verdict that stops the candidate lacks."""

    suite: Suite
    decision: SuiteDecision
    needs: str | None
    svg: str | None

    @property
    def widened(self) -> float | None:
        """The margin that is declared, where so few questions could not pass it and a greater one was taken."""
        declared = self.suite.margin(self.suite.primary)
        return declared if self.suite.data_margin is None and self.decision.margin > declared else None

    @property
    def label(self) -> str:
        """The suite and its part, as a heading."""
        return f"{self.suite.name.replace('_', ' ')} ({self.decision.part})"


def suite_sections(decision: Decision, suites: Sequence[Suite], spent: Mapping[str, str]) -> list[SuiteSection]:
    """The suites that gate first, each group in the order of the decision. `spent` gives why one may not judge any more.

    Where its looks are spent its tests are of dev: no more questions of these would promote anything.
    """
    by_name = {suite.name: suite for suite in suites}
    found = [
        SuiteSection(
            suite=by_name[one.suite],
            decision=one,
            needs=what_it_would_take(one) if by_name[one.suite].gates and not spent.get(one.suite) else None,
            svg=svg(forest_plot(one.tests)) if one.tests else None,
        )
        for one in decision.suites
    ]
    return sorted(found, key=lambda section: not section.suite.gates)


@dataclass(frozen=True)
class SuiteFlips:
    """How many questions of one suite and part changed, and of dev those that changed most."""

    suite: str
    part: str
    system: str
    counts: Mapping[Role, Flips]  # the candidate against each of the others that was measured
    rose: Sequence[Change]
    fell: Sequence[Change]
    svg: str | None


def flips(suites: Sequence[Suite], rows: Sequence[Row]) -> list[SuiteFlips]:
    """The flips of every suite and part that was measured of the candidate and of another, dev first."""
    found = []
    for suite in suites:
        for part in sorted({row["part"] for row in rows if row["question_set"] == suite.name}):
            sides = {
                role: [
                    row
                    for row in rows
                    if (row["role"], row["question_set"], row["part"], row["system"])
                    == (role, suite.name, part, suite.system)
                ]
                for role in (CANDIDATE, PRODUCTION, UNTUNED)
            }
            others: tuple[Role, ...] = (PRODUCTION, UNTUNED)
            pairs: dict[Role, list[Pair]] = {role: _measured(sides[role], sides[CANDIDATE]) for role in others}
            counts: dict[Role, Flips] = {role: Flips.of(members) for role, members in pairs.items() if members}
            if not counts:
                continue
            against = pairs[PRODUCTION]
            rose, fell = changed_most(against) if part == DAILY_PART else ([], [])
            plot = svg(change_plot([pair.change for pair in against])) if against else None
            found.append(SuiteFlips(suite.name, part, suite.system, counts, rose, fell, plot))
    return found


def _measured(before: Sequence[Row], after: Sequence[Row]) -> list[Pair]:
    return [pair for pair in paired(before, after).pairs if pair.measured]


@dataclass(frozen=True)
class LearnedShare:
    """How many of the questions of one suite and part a side's model has learned, or learned the answer of."""

    suite: str
    part: str
    role: Role
    asked: int
    questions: int
    documents: int

    @property
    def left_out(self) -> int:
        """How many questions are left out, for either reason."""
        return self.questions + self.documents

    @property
    def share(self) -> float:
        """That of the questions that were asked, 0 to 1."""
        return self.left_out / self.asked


def learned(rows: Sequence[Row]) -> list[LearnedShare]:
    """The share of every suite, part and side that was asked, in the order of `rows`."""
    asked: dict[tuple[str, str, Role], list[str | None]] = {}
    for row in rows:
        if row["system"] == SYSTEMS[0]:
            asked.setdefault((row["question_set"], row["part"], row["role"]), []).append(row["unmeasured"])
    return [
        LearnedShare(*name, len(reasons), reasons.count(LEARNED_QUESTION), reasons.count(LEARNED_DOCUMENT))
        for name, reasons in asked.items()
    ]


def identities(summary: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    """What each of the sides was, a row a name, a column a side."""
    return [(words, [_said(side[name]) for side in summary["sides"]]) for name, words in IDENTITIES.items()]


def _said(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {one}" for name, one in value.items())
    return "none: as it serves" if value is None else str(value)


def worst(suites: Sequence[Suite], rows: Sequence[Row]) -> list[tuple[Suite, list[dict[str, Any]]]]:
    """The questions of each suite that the candidate answers worst, with the passages that it put first instead."""
    found = []
    for suite in suites:
        measured = [
            row
            for row in rows
            if (row["role"], row["question_set"], row["system"]) == (CANDIDATE, suite.name, suite.system)
            and row["unmeasured"] is None
        ]
        if measured:
            lowest = sorted(measured, key=_badness)[:WORST]
            found.append((suite, [{**row, "score": row[PRIMARY], "first_right": first_right(row)} for row in lowest]))
    return found


def _badness(row: Row) -> tuple[float, float, str]:
    """Worst first; among equals the hash decides, so that not one subject fills the list."""
    return row[PRIMARY], row["recall@100"], text_hash(row["result_id"])


def reviewed(rows: Sequence[Row]) -> dict[str, list[dict[str, str]]]:
    """The candidate's questions that are stale, and those that are unmeasured, each with its reason."""
    own = [row for row in rows if row["role"] == CANDIDATE and row["system"] == SYSTEMS[0]]
    return {
        kind: [
            {
                "suite": row["question_set"],
                "id": row["question_id"],
                "question": row["question"] if row["part"] == DAILY_PART else "",
                "reason": row[kind],
            }
            for row in own
            if row[kind]
        ]
        for kind in ("stale", "unmeasured")
    }
