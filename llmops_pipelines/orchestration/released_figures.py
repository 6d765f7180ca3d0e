"""What the releases of a corpus scored when they were judged: the history that a report plots."""

import datetime
import json
from typing import TYPE_CHECKING, Any

from llmops_pipelines.evaluation.metrics import SCORER
from llmops_pipelines.evaluation.verdicts import Verdicts
from llmops_pipelines.release.ledger import Ledger
from llmops_pipelines.storage.lake import Lake

if TYPE_CHECKING:
    from llmops_pipelines.orchestration.corpus import Corpus


def released_figures(corpus: "Corpus", lake: Lake, until: datetime.datetime) -> list[dict[str, Any]]:
    """One entry a judged release up to that time, oldest first: its id, time, model and verdict, and the first suite's
    primary metric with its mean and interval. Releases that were judged by other suites are told apart by `suites`.
    """
    verdicts = {row.verdict_id: row for row in Verdicts(lake, corpus.name).history()}
    found: list[dict[str, Any]] = []
    for release in (entry.release for entry in Ledger(lake, corpus.name).entries() if entry.eligible):
        verdict = verdicts.get(release.manifest.verdict_id or "") if release.at <= until else None
        suites = json.loads(verdict.figures).get("suites", []) if verdict else []
        if verdict is None or verdict.scorer != SCORER or not suites or not suites[0]["tests"]:
            continue
        test = suites[0]["tests"][0]
        found.append(
            {
                "release": release.release_id,
                "at": release.at.isoformat(),
                "action": release.action,
                "model": release.manifest.model_key,
                "verdict": verdict.verdict,
                "suites": verdict.suites,
                "metric": f"{test['metric']} of {suites[0]['system']} search on {suites[0]['suite']} ({suites[0]['part']})",
                "mean": test["after"]["mean"],
                "low": test["after"]["low"],
                "high": test["after"]["high"],
            }
        )
    return found
