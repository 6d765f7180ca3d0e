"""What the suites of an evaluation cannot see, as far as it can be computed from what was asked."""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean
from typing import Any, NamedTuple

from llmops_pipelines.evaluation.decision import SuiteDecision
from llmops_pipelines.evaluation.few_differences import MIN_DIFFERING
from llmops_pipelines.evaluation.roles import CANDIDATE
from llmops_pipelines.evaluation.suites import DAILY_PART, Suite
from llmops_pipelines.evaluation.wording import percent

Row = Mapping[str, Any]
EVERY_SUITE = "every suite"


class Limit(NamedTuple):
    """One thing that cannot be seen: what it is about, and what that means."""

    about: str
    says: str


def limits(
    suites: Sequence[Suite], decisions: Sequence[SuiteDecision], rows: Sequence[Row], summary: Mapping[str, Any]
) -> dict[str, list[Limit]]:
    """What `rows` cannot show, by suite and part: by the questions that were judged, by those of dev where none were."""
    by_suite = {decision.suite: decision for decision in decisions}
    passages = next(side["passages"] for side in summary["sides"] if side["role"] == CANDIDATE)
    found: dict[str, list[Limit]] = {}
    for suite in suites:
        decision = by_suite.get(suite.name)
        part = decision.part if decision else DAILY_PART
        wanted = CANDIDATE, suite.name, part, suite.system
        asked = [row for row in rows if (row["role"], row["question_set"], row["part"], row["system"]) == wanted]
        found[f"{suite.name.replace('_', ' ')} ({part})"] = [
            *(_tests(suite, decision) if decision else ()),
            *_questions(suite, asked, passages),
            *_looks(suite, summary),
        ]
    return {**found, EVERY_SUITE: list(ALWAYS)}


def _tests(suite: Suite, decision: SuiteDecision) -> Iterator[Limit]:
    """What the tests would not have found."""
    sizes = {test.name: test.judgement.detectable for test in decision.tests}
    if known := [f"{name} {size:.3f}" for name, size in sizes.items() if size is not None]:
        yield Limit(
            "small differences",
            f"differences of this size are found in 80 of 100 such evaluations, smaller ones less often: {', '.join(known)}",
        )
    if unknown := [name for name, size in sizes.items() if size is None]:
        yield Limit(
            "differences of unknown size",
            f"for {', '.join(unknown)} no smallest difference can be given: too little differs, or in too few clusters",
        )
    if beyond := [t.name for t in decision.tests if t.judgement.margin < (t.judgement.detectable or 0.0)]:
        yield Limit(
            "losses near the margin",
            f"for {', '.join(beyond)} the smallest difference is greater than the margin: a candidate that is equal to "
            "production will often be inconclusive there",
        )
    if few := [test.name for test in decision.tests if test.judgement.exact]:
        yield Limit(
            "few differences",
            f"fewer than {MIN_DIFFERING} clusters differ in {', '.join(few)}: neither better nor worse can be shown there, "
            "only not worse, by an exact bound",
        )
    tested = {test.name for test in decision.tests if test.role == "slice"}
    empty = [one.name for one in suite.slices if f"{suite.primary.name} of {one.name}" not in tested]
    if tested and empty:
        yield Limit("slices without questions", f"no question that both sides measured is in {', '.join(empty)}")


def _questions(suite: Suite, asked: Sequence[Row], passages: int) -> Iterator[Limit]:
    """What the questions are not about."""
    if not asked:
        return
    if suite.synthetic:
        yield Limit(
            "what people ask",
            "the questions are synthetic, first sentences of documents: they show whether passages are found by their "
            "subject, not whether what people ask is answered",
        )
    answers = {answer for row in asked for answer in row["answers"]}
    yield Limit(
        "subjects that nobody asks about",
        f"the {len(asked):,} questions are answered by {len(answers):,} documents; of what else is in the {passages:,} "
        "passages of the index they say nothing",
    )
    scripts = sorted({script for row in asked for script in _scripts(row["question"])})
    yield Limit(
        "other languages",
        f"the questions are written in {' and '.join(scripts) or 'no'} letters: of other scripts, and of languages that "
        "are not among them, they say nothing",
    )
    if measured := [row for row in asked if row["unmeasured"] is None]:
        yield Limit(
            "other wordings",
            f"{percent(fmean(row['overlap'] for row in measured))} of the words of a question occur in its answer, on "
            "average: questions in words nearer to the documents, or farther from them, may be answered otherwise",
        )
        yield Limit(
            "answers that nobody judged",
            f"{percent(fmean(row['unjudged_at_10'] for row in measured))} of the first ten documents of the candidate were "
            "judged by nobody and count as wrong: the level is a lower bound, and right answers that nobody knew of are not "
            "credited",
        )


def _looks(suite: Suite, summary: Mapping[str, Any]) -> Iterator[Limit]:
    """How often the part that is judged was looked at: who chooses by it again and again fits it in the end."""
    if reason := summary["spent"].get(suite.name):
        yield Limit("anything more", reason)
    elif suite.gates and suite.gate_part != DAILY_PART:
        yield Limit(
            "what repeated looks cost",
            f"{summary['looks'][suite.name]:,} of at most {suite.max_looks:,} configurations were judged by these "
            "questions: each has a chance of up to 2.5 % to pass though it loses more than the margin, and what was chosen "
            "by them fits them better than others",
        )


ALWAYS = (
    Limit(
        "how much dev flatters",
        "settings and checkpoints are chosen by dev questions: levels on dev flatter what was chosen by them",
    ),
    Limit(
        "what the upstream models have read",
        "the training data of models that others trained are not known: they may have read these documents, or these "
        "questions. What was tuned here is accounted for under Contamination",
    ),
    Limit(
        "errors of judgement",
        "how far two readers agree on what answers a question is not recorded: an error of theirs counts as one of the "
        "system",
    ),
)


def _scripts(text: str) -> set[str]:
    """The scripts of the letters in `text`, by the first word of their names in Unicode: Latin, Greek, Cjk."""
    return {unicodedata.name(letter, "unnamed").split()[0].title() for letter in text if letter.isalpha()}
