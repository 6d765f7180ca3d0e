"""Which release a candidate becomes: the one in force, a new one, a repaired one, or none, and why."""

from dataclasses import replace
from typing import TYPE_CHECKING

import dagster as dg

from llmops_pipelines.evaluation.decision import FIRST
from llmops_pipelines.evaluation.suites import gating_identity
from llmops_pipelines.orchestration.deciding import suites_of
from llmops_pipelines.orchestration.manifests import manifest_of, require_configured
from llmops_pipelines.orchestration.repair import released_damage
from llmops_pipelines.release.manifest import Manifest, NotPromotedError, Release
from llmops_pipelines.release.releases import Releases
from llmops_pipelines.storage.lake import Lake

if TYPE_CHECKING:
    from llmops_pipelines.orchestration.corpus import Corpus


def candidate(corpus: "Corpus", lake: Lake, model_key: str) -> Manifest:
    """The published index of a model, of which the published evaluation must be."""
    index = corpus.upstream(lake, "vector_index", model_key)
    evaluation = corpus.upstream(lake, "evaluation", model_key)
    if evaluation.summary["lineage"]["index"]["data_version"] != index.data_version:
        raise dg.Failure(
            f"the published evaluation of {model_key} is not of the index published now: materialise "
            f"{corpus.name}/evaluation and its report, then this",
            allow_retries=False,
        )
    suites = suites_of(corpus, evaluation, model_key)
    manifest = manifest_of(corpus, lake, index, model_key)
    require_configured(corpus, manifest)
    return replace(manifest, suites=gating_identity(suites))


def released(
    corpus: "Corpus", releases: Releases, before: Release | None, manifest: Manifest, requested_by: str, asked: bool
) -> Release:
    """The release in force, or a new one. A run that nobody `asked` for it undoes neither a rollback nor a withdrawal.

    Raises NotPromotedError or ReleaseError where there can be none.
    """
    if before and before.manifest.identity == manifest.identity:
        if before.manifest.model == manifest.model:
            return before
        return releases.repair(manifest, requested_by, "the model is found elsewhere, or run otherwise")
    if not asked:
        _require_nobody_against(corpus, releases, manifest)
    reason = f"release of {manifest.model_key}" if releases.history() else "the first release of this corpus"
    return releases.release(manifest, requested_by, reason)


def _require_nobody_against(corpus: "Corpus", releases: Releases, manifest: Manifest) -> None:
    """Raises NotPromotedError where a person decides: what somebody took back, and what was compared with nothing."""
    if row := releases.taken_back(manifest):
        what = "content" if row.manifest.identity == manifest.identity else "configuration"
        raise NotPromotedError(
            f"this {what} was taken back by {row.release_id}, a {row.action} ({row.reason}); the job {corpus.name}_promote "
            "releases it again, by a verdict"
        )
    verdict = releases.verdicts.of(manifest.identity, None)
    if releases.history() and not releases.in_force() and verdict and verdict.verdict == FIRST:
        raise NotPromotedError(
            f"{verdict.reason}, though the corpus had releases: if it is to be served unjudged, release it by the job "
            f"{corpus.name}_promote"
        )


def repaired(
    corpus: "Corpus", releases: Releases, before: Release | None, manifest: Manifest, requested_by: str
) -> Release:
    """The release in force, or a new one of the repaired index where the version that it names is damaged."""
    if before is None or before.manifest.model_key != manifest.model_key:
        raise dg.Failure(
            f"embeddings and index of {manifest.model_key} are repaired; no release of it is in force, so there is none "
            f"to repair. Leave {corpus.name}/release out, or put it in force by the job {corpus.name}_promote",
            allow_retries=False,
        )
    if not released_damage(corpus, releases.lake, before).found:
        return before
    if before.manifest.identity == manifest.identity:
        return releases.repair(manifest, requested_by, "repair")
    if releases.taken_back(manifest):
        raise dg.Failure(
            f"{before.release_id} is damaged and older than the repaired index, which somebody went back from: put that "
            f"in force by the job {corpus.name}_promote, or another release by {corpus.name}_rollback",
            allow_retries=False,
        )
    return releases.release(manifest, requested_by, "repair")
