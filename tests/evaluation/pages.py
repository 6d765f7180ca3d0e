"""Pages of a report made of rows by hand or measured, judged by the gate itself."""

import datetime
from collections.abc import Sequence
from typing import Any

from llmops_pipelines.evaluation.decision import Decision, decide_all, first
from llmops_pipelines.evaluation.evaluate import in_role
from llmops_pipelines.evaluation.gate import decide
from llmops_pipelines.evaluation.report import Page
from llmops_pipelines.evaluation.roles import CANDIDATE, PRODUCTION, UNTUNED, Role
from llmops_pipelines.evaluation.suites import Suite, SuiteMetric, gating_identity
from tests.evaluation.test_figures import question_set

Rows = list[dict[str, Any]]
AT = datetime.datetime(2026, 11, 20, 3, 4, tzinfo=datetime.UTC)
METRICS = (SuiteMetric("nDCG@10", "higher", "primary", 0.1, 0.05), SuiteMetric("recall@20", "higher", "guard", 0.1))


def suite(name: str = "written", **changed: Any) -> Suite:
    """A suite without a file, that gates with any number of questions unless that is changed."""
    made = {"version": 1, "metrics": METRICS, "known_items": 10, "min_questions": 1}
    return Suite(name, **{**made, **changed})


def side(role: Role, **changed: Any) -> dict[str, Any]:
    """What the summary of an evaluation says of one side."""
    about = {
        "role": role,
        "key": f"{role}-<key>",
        "fingerprint": f"{role}-fingerprint",
        "corpus_version": "documents-1",
        "index": f"{role}-index",
        "index_version": 3,
        "passages": 1234,
        "cleaner": "cleaner-1",
        "chunker": "chunker-1",
        "search": {"probes": 150, "stem": True},
        "rebuilt": None,
    }
    return {**about, **changed}


def sides(**rows: Rows) -> Rows:
    """The rows of every side, in its role."""
    roles: dict[str, Role] = {"candidate": CANDIDATE, "production": PRODUCTION, "untuned": UNTUNED}
    return [in_role(row, roles[name]) for name, members in rows.items() for row in members]


def decided(suites: Sequence[Suite], rows: Rows, part: str = "dev") -> Decision:
    """What the gate says of `rows`, the candidate's against production's; of those of `part`."""
    found = []
    for one in suites:
        before, after = (
            [row for row in rows if (row["role"], row["question_set"], row["part"]) == (role, one.name, part)]
            for role in (PRODUCTION, CANDIDATE)
        )
        found.append(decide(one, part, before, after))
    return decide_all(suites, found)


def page(
    rows: Rows,
    suites: Sequence[Suite],
    decision: Decision | None = None,
    history: Sequence[dict[str, Any]] = (),
    part: str = "dev",
    **summary: Any,
) -> Page:
    """The page of a candidate with `rows`, those of every side; of the first release where there are none of production."""
    roles = list(dict.fromkeys(row["role"] for row in rows))
    compared = PRODUCTION in roles
    said = {
        "sides": [side(role) for role in roles],
        "production": "a release" if compared else None,
        "data_only": False,
        "untuned_problem": "",
        "spent": {one.name: "" for one in suites},
        "looks": {one.name: 3 for one in suites if one.gates},
        "suites": {one.name: f"identity of {one.name}" for one in suites},
        "scorer": "by <hand>",
    }
    made = decision or (decided(suites, rows, part) if compared else first())
    return Page("articles under <key>", made, "verdict-1", AT, {**said, **summary}, suites, rows, history)


def released(name: str, day: int, by: Sequence[Suite], mean: float = 0.5, **changed: Any) -> dict[str, Any]:
    """One entry of a history, judged by the suites `by`."""
    entry = {
        "release": name,
        "at": f"2026-11-{day:02d}T03:00:00+00:00",
        "action": "release",
        "model": "old-<key>",
        "verdict": "not_worse",
        "suites": gating_identity(by),
        "metric": "nDCG@10 of hybrid search on written (dev)",
        "mean": mean,
        "low": mean - 0.1,
        "high": mean + 0.1,
    }
    return {**entry, **changed}


def many(shift: float, number: int = 60, **changed: Any) -> Rows:
    """`number` questions in as many clusters; every score lies `shift` above what it is with none, within [0, 1]."""
    scores = {f"q{i:03}": min(1.0, max(0.0, 0.3 + 0.4 * i / number + shift * (0.5 + i % 3 / 2))) for i in range(number)}
    return question_set(scores, **changed)
