"""Stage `release`: materialising a partition puts its index in force."""

from typing import TYPE_CHECKING

import dagster as dg

from llmops_pipelines.orchestration.metadata import column_schema, table
from llmops_pipelines.orchestration.progress import Finished, tell
from llmops_pipelines.orchestration.repair import released_damage
from llmops_pipelines.orchestration.repairing import is_repair
from llmops_pipelines.release.releases import Manifest, Release, Releases
from llmops_pipelines.resources.lake import LakeResource
from llmops_pipelines.storage.lake import Lake
from llmops_pipelines.storage.schemas import RELEASES

if TYPE_CHECKING:
    from llmops_pipelines.orchestration.corpus import Corpus

CODE_VERSION = "1"
SHOWN = 20


def release_asset(corpus: "Corpus") -> dg.AssetsDefinition:
    """The asset `<corpus>/release`."""

    @corpus.asset(
        "release",
        code_version=CODE_VERSION,
        checks={},
        deps=["documents", "vector_index", "evaluation", "evaluation_report"],
        partitioned=True,
    )
    def release(context: dg.AssetExecutionContext, lake: LakeResource) -> dg.MaterializeResult:
        """What readers search: the manifest of one index version. The newest release is in force."""
        store = lake.open()
        index = corpus.upstream(store, "vector_index", context.partition_key)
        evaluation = corpus.upstream(store, "evaluation", context.partition_key)
        lineage = evaluation.summary["lineage"]
        if lineage["index"]["data_version"] != index.data_version:
            raise dg.Failure(
                f"the published evaluation of {context.partition_key} is not of the index published now: materialise "
                f"{corpus.name}/evaluation and its report, then this",
                allow_retries=False,
            )
        manifest = Manifest(
            model_key=context.partition_key,
            fingerprint=corpus.model(context.partition_key, store).fingerprint,
            index_table=index.name,
            index_version=index.version,
            index_identity=index.data_version,
            corpus_version=lineage["corpus_version"],
            cleaner=lineage["cleaner"],
            chunker=lineage["chunker"],
            evaluation=evaluation.data_version,
        )
        releases = Releases(store, corpus.name)
        before = releases.in_force()
        requested_by = f"run {context.run_id}"
        if is_repair(context):
            now = _repaired(corpus, store, releases, manifest, requested_by)
            unchanged = before is not None and now.release_id == before.release_id
            done = f"nothing: {now.release_id} is sound" if unchanged else f"released {now.release_id}"
        elif before is not None and releases.was_rolled_back(manifest) and not _is_promotion(corpus, context):
            now = before
            done = f"nothing: somebody went back from this content; the job {corpus.name}_promote releases it again"
        else:
            reason = "the first release of this corpus" if before is None else f"release of {context.partition_key}"
            now = releases.release(manifest, requested_by, reason)
            unchanged = before is not None and now.release_id == before.release_id
            done = f"nothing: {now.release_id} has this content" if unchanged else f"released {now.release_id}"
        tell(Finished("release", done))
        history = releases.history()
        return dg.MaterializeResult(
            metadata={
                "done": done,
                "release_id": now.release_id,
                "index": f"{now.manifest.index_table}, version {now.manifest.index_version}",
                "releases": history_table(history),
                "dagster/row_count": len(history),
                "dagster/column_schema": column_schema(RELEASES),
            },
            data_version=dg.DataVersion(now.manifest.content),
        )

    return release


def _repaired(corpus: "Corpus", lake: Lake, releases: Releases, manifest: Manifest, requested_by: str) -> Release:
    """The release in force, or a new one of the repaired index where the version that it names is damaged."""
    current = releases.in_force()
    if current is None or current.manifest.model_key != manifest.model_key:
        raise dg.Failure(
            f"embeddings and index of {manifest.model_key} are repaired; no release of it is in force, so there is none "
            f"to repair. Leave {corpus.name}/release out, or put it in force by the job {corpus.name}_promote",
            allow_retries=False,
        )
    if not released_damage(corpus, lake, current).found:
        return current
    if releases.was_rolled_back(manifest):
        raise dg.Failure(
            f"{current.release_id} is damaged and older than the repaired index, which somebody went back from: put that "
            f"in force by the job {corpus.name}_promote, or another release by {corpus.name}_rollback",
            allow_retries=False,
        )
    return releases.release(manifest, requested_by, "repair", again=True)


def _is_promotion(corpus: "Corpus", context: dg.AssetExecutionContext) -> bool:
    """Whether somebody asked for this release by itself; a run of the whole life must not undo a rollback."""
    return context.run.asset_selection == {corpus.key("release")} or context.job_name == f"{corpus.name}_promote"


def history_table(history: list[Release]) -> dg.MarkdownMetadataValue:
    """The newest releases, the one in force first."""
    rows = [
        (
            r.release_id,
            f"{r.released_at:%Y-%m-%d %H:%M} UTC",
            r.action,
            r.manifest.model_key,
            r.manifest.index_version,
            r.reason,
        )
        for r in reversed(history[-SHOWN:])
    ]
    return table(["release", "at", "action", "model", "index version", "reason"], rows)
