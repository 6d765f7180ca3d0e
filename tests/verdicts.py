"""Verdicts made by hand, where a test is about releases and not about what leads to them."""

from llmops_pipelines.evaluation.verdicts import VerdictRow, Verdicts
from llmops_pipelines.release.manifest import Manifest
from llmops_pipelines.release.releases import Releases


def judge(
    releases: Releases,
    candidate: Manifest,
    verdict: str = "better",
    promotes: bool = True,
    by: str = "by hand",
    suites: str = "the suites",
) -> VerdictRow:
    """A verdict on `candidate` against what is in force now."""
    current = releases.in_force()
    return Verdicts(releases.lake, releases.corpus).append(
        VerdictRow(
            candidate=candidate.identity,
            candidate_key=candidate.model_key,
            production=current.manifest.identity if current else None,
            data_only=False,
            suites=suites,
            scorer="the scorer",
            evaluation="the evaluation",
            verdict=verdict,
            promotes=promotes,
            reason=f"{verdict}, by hand",
            requested_by=by,
        )
    )
