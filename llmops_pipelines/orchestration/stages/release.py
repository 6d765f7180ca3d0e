"""Stage `release`: materialising a partition puts its index in force, where a verdict promotes it."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field

from llmops_pipelines.drift.upstream import UpstreamError
from llmops_pipelines.embedding.model_folder import ModelError
from llmops_pipelines.orchestration.drifted import accept_promoted, upstream_of
from llmops_pipelines.orchestration.metadata import column_schema, table
from llmops_pipelines.orchestration.observed import tell_observed
from llmops_pipelines.orchestration.progress import Finished, tell
from llmops_pipelines.orchestration.releasing import candidate, released, repaired
from llmops_pipelines.orchestration.repairing import is_repair
from llmops_pipelines.orchestration.section import Section
from llmops_pipelines.orchestration.upstream.jobs import accepted
from llmops_pipelines.release.ledger import Standing
from llmops_pipelines.release.manifest import NotPromotedError, Release, ReleaseError
from llmops_pipelines.release.releases import Releases
from llmops_pipelines.resources.lake import LakeResource
from llmops_pipelines.storage.lake import Lake
from llmops_pipelines.storage.schemas import RELEASES

if TYPE_CHECKING:
    from llmops_pipelines.orchestration.corpus import Corpus

CODE_VERSION = "2"
BY_VERDICT_TAG = "llmops/by_verdict"  # of a run that a verdict started, and nobody asked for
CHECKS = {"promoted": "A verdict promotes this index over what is in force; a corpus's first release needs none."}
SHOWN = 20


class ReleaseSection(Section):
    """How long the way back is."""

    keep: int = Field(
        default=10, ge=1, description="Released contents that a rollback can go back to; others are cleaned."
    )


def release_asset(corpus: "Corpus") -> dg.AssetsDefinition:
    """The asset `<corpus>/release`."""

    @corpus.asset(
        "release",
        code_version=CODE_VERSION,
        checks=CHECKS,
        deps=["documents", "vector_index", "evaluation", "evaluation_report"],
        partitioned=True,
        output_required=False,
    )
    def release(
        context: dg.AssetExecutionContext, lake: LakeResource
    ) -> Iterator[dg.AssetCheckResult | dg.MaterializeResult]:
        """What readers search: the manifest of one index version. The newest valid release is in force."""
        store = lake.open()
        releases = Releases(store, corpus.name)
        before = releases.in_force()
        asked = _is_promotion(corpus, context)
        try:
            manifest = candidate(corpus, store, context.partition_key)
            requested_by = f"run {context.run.run_id}"
            if is_repair(context):
                now = repaired(corpus, releases, before, manifest, requested_by)
            else:
                now = released(corpus, releases, before, manifest, requested_by, asked)
        except NotPromotedError as refusal:
            yield _not_promoted(refusal, before, dg.AssetCheckSeverity.ERROR if asked else dg.AssetCheckSeverity.WARN)
            if asked:
                raise dg.Failure(f"not released: {refusal}", allow_retries=False) from refusal
            context.log.warning(f"not released: {refusal}")
            tell(Finished("release", "not released: its check `promoted` says why"))  # figures may be of test questions
            _accept_upstream(corpus, context, store)
            return
        except ReleaseError as error:
            raise dg.Failure(str(error), allow_retries=False) from error
        unchanged = before is not None and now.release_id == before.release_id
        state = "sound" if is_repair(context) else "in force"
        done = f"nothing: {now.release_id} is {state}" if unchanged else f"released {now.release_id}"
        tell(Finished("release", done))
        if not unchanged:
            tell_observed(corpus, context.instance, store, context.log)
        yield _in_force(done, now, releases)
        _accept_upstream(corpus, context, store)

    return release


def _accept_upstream(corpus: "Corpus", context: dg.AssetExecutionContext, lake: Lake) -> None:
    """A model that has changed is taken as it is where its evaluation promotes it. Where it cannot be, what is released
    stays, and the run fails, so that somebody is told.
    """
    key = context.partition_key
    model = upstream_of(corpus, key)
    if model is None:
        return
    evaluation = corpus.upstream(lake, "evaluation", key)
    try:
        made = accept_promoted(corpus, lake, key, evaluation, f"run {context.run.run_id}")
    except (UpstreamError, ModelError) as error:
        raise dg.Failure(
            f"the evaluation of {key} promotes {model.name} as it is now, but it could not be accepted: {error}. "
            f"Materialise {corpus.name}/evaluation, its report and release of this key together, or `llmops models accept "
            f"{model.name}`",
            allow_retries=False,
        ) from error
    if made:
        context.log.info(f"{model.name} is accepted as it is now: {made.reason}")
        context.instance.report_runless_asset_event(accepted(model, made))


def _is_promotion(corpus: "Corpus", context: dg.AssetExecutionContext) -> bool:
    """Whether somebody asked for this release by itself."""
    return BY_VERDICT_TAG not in context.run.tags and (
        context.run.asset_selection == {corpus.key("release")} or context.job_name == f"{corpus.name}_promote"
    )


def _in_force(done: str, now: Release, releases: Releases) -> dg.MaterializeResult:
    manifest, standings = now.manifest, releases.standings()
    reason = manifest.verdict or "the first release of a corpus needs no verdict"
    return dg.MaterializeResult(
        metadata={
            "done": done,
            "release_id": now.release_id,
            "model": manifest.model_key,
            "verdict": reason,
            "index": f"{manifest.index_table}, version {manifest.index_version}",
            "releases": history_table(standings),
            "dagster/row_count": len(standings),
            "dagster/column_schema": column_schema(RELEASES),
        },
        check_results=[
            dg.AssetCheckResult(
                check_name="promoted", passed=True, description=f"{now.release_id} is in force: {reason}"
            )
        ],
        data_version=dg.DataVersion(manifest.identity),
    )


def _not_promoted(
    refusal: NotPromotedError, before: Release | None, severity: dg.AssetCheckSeverity
) -> dg.AssetCheckResult:
    """Of severity WARN the run goes on and is a success that says so; nothing is materialised."""
    return dg.AssetCheckResult(
        check_name="promoted",
        passed=False,
        severity=severity,
        description=f"Not released: {refusal}",
        metadata={"reason": str(refusal), "in force": before.release_id if before else "nothing"},
    )


def history_table(standings: Sequence[Standing]) -> dg.MarkdownMetadataValue:
    """The newest rows, the last one first."""
    rows = [
        (
            s.release.release_id,
            f"{s.release.at:%Y-%m-%d %H:%M} UTC",
            s.release.action,
            s.release.manifest.model_key,
            s.release.manifest.verdict or "",
            s.state,
            s.release.reason,
        )
        for s in reversed(standings[-SHOWN:])
    ]
    return table(["release", "at", "action", "model", "verdict", "state", "reason"], rows)
