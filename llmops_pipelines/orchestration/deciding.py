"""From what was measured to a verdict that is kept: a release asks for it."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from llmops_pipelines.evaluation.decision import Decision, SuiteDecision, decide_all, first, undecided
from llmops_pipelines.evaluation.gate import decide
from llmops_pipelines.evaluation.roles import CANDIDATE, PRODUCTION
from llmops_pipelines.evaluation.suites import DAILY_PART, Suite, gating_identity, identities
from llmops_pipelines.evaluation.verdicts import VerdictRow, Verdicts
from llmops_pipelines.release.ledger import Ledger
from llmops_pipelines.storage.lake import Lake
from llmops_pipelines.storage.snapshot import Snapshot

if TYPE_CHECKING:
    from llmops_pipelines.orchestration.corpus import Corpus

Row = Mapping[str, Any]


def decision(suites: Sequence[Suite], summary: Mapping[str, Any], rows: Sequence[Row]) -> Decision:
    """What `suites` say of the candidate whose evaluation has these `rows` and this `summary`."""
    if summary["production"] is None:
        return first(summary["alone"])
    if summary["problem"]:
        return undecided(f"what is in force could not be measured: {summary['problem']}")
    return decide_all(suites, [_of_suite(suite, summary, rows) for suite in suites])


def suites_of(corpus: "Corpus", evaluation: Snapshot, key: str) -> list[Suite]:
    """The suites of the corpus, by which the `evaluation` of `key` was made. Raises Failure where those were others."""
    suites = corpus.suites
    if evaluation.summary["suites"] != identities(suites):
        raise dg.Failure(
            f"the suites of {corpus.name} have changed since {key} was evaluated: run the job {corpus.name}_candidate for "
            "it, or materialise its evaluation, then this",
            allow_retries=False,
        )
    return suites


def _of_suite(suite: Suite, summary: Mapping[str, Any], rows: Sequence[Row]) -> SuiteDecision:
    """A suite that does not gate, or that may not be looked at any more, is shown by its dev questions."""
    spent = summary["spent"][suite.name]
    part = suite.gate_part if suite.gates and not spent else DAILY_PART
    before, after = (
        [row for row in rows if (row["role"], row["question_set"], row["part"]) == (role, suite.name, part)]
        for role in (PRODUCTION, CANDIDATE)
    )
    return decide(suite, part, before, after, summary["data_only"], spent)


def kept(
    corpus: "Corpus", lake: Lake, key: str, suites: Sequence[Suite], evaluation: Snapshot, found: Decision, by: str
) -> VerdictRow:
    """The verdict as a row of the corpus: the newest stays if it is the same, and the candidate was not withdrawn since."""
    verdicts = Verdicts(lake, corpus.name)
    summary = evaluation.summary
    content = {
        "candidate": summary["candidate"],
        "candidate_key": key,
        "production": summary["against"],
        "data_only": summary["data_only"],
        "suites": gating_identity(suites),
        "scorer": summary["scorer"],
        "evaluation": evaluation.data_version,
        "verdict": str(found.verdict),
        "promotes": found.promotes,
        "reason": found.reason,
        "figures": json.dumps(found.as_dict()),
    }
    taken_back = [
        row.at
        for row in Ledger(lake, corpus.name).history()
        if row.action == "withdrawal" and row.manifest.identity == summary["candidate"]
    ]
    newest = verdicts.of(summary["candidate"], summary["against"])
    same = newest and all(getattr(newest, name) == value for name, value in content.items())
    if newest and same and all(newest.at > at for at in taken_back):
        return newest
    return verdicts.append(VerdictRow(**content, requested_by=by))
