"""Stage, validate, publish: how every asset of a corpus writes. Nothing to do, a failed gate and success look different."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from inspect import getdoc
from typing import TYPE_CHECKING, Any

import dagster as dg
import pyarrow as pa

from llmops_pipelines.orchestration.metadata import column_schema
from llmops_pipelines.orchestration.progress import Finished, tell
from llmops_pipelines.quality.gates import GateFailedError, GateResult
from llmops_pipelines.resources.lake import LakeResource
from llmops_pipelines.storage.lake import Lake
from llmops_pipelines.storage.snapshot import Snapshot
from llmops_pipelines.storage.writer import Writer

if TYPE_CHECKING:
    from llmops_pipelines.orchestration.corpus import Corpus

Summary = dict[str, Any]


@dataclass(frozen=True)
class Staged:
    """What an asset wrote and has not published: the identity of the rows, what to say of them, and its gates' results.

    `final` is False where the same inputs may give more next time, as after a file that could not be read: the next run
    looks again.
    """

    data_version: str
    summary: Summary
    gates: Sequence[GateResult]
    final: bool = True


@dataclass(frozen=True)
class Publication:
    """How one asset publishes its table.

    `stage` writes and runs the gates. `describe` makes metadata of the summary. `at_rest` is the summary of a run that
    found nothing to do: the same content, with the work of this run, which is none. There is nothing to do where the
    published version has the same `inputs`, or for the reason that `nothing` gives; never where `redo` says so.
    """

    table: str
    schema: pa.Schema
    inputs: str
    stage: Callable[[Writer, Snapshot | None], Staged]
    describe: Callable[[Summary], Mapping[str, Any]]
    at_rest: Callable[[Summary], Summary]
    nothing: str = ""
    redo: bool = False


def published_asset(
    corpus: "Corpus", stage: str, **options: Any
) -> Callable[[Callable[[dg.AssetExecutionContext, Lake], Publication]], dg.AssetsDefinition]:
    """Decorates what plans the publication of a stage's table; the asset carries it out. `options` are `Corpus.asset`'s."""

    def decorate(plan: Callable[[dg.AssetExecutionContext, Lake], Publication]) -> dg.AssetsDefinition:
        @corpus.asset(stage, description=getdoc(plan), **options)
        def asset(
            context: dg.AssetExecutionContext, lake: LakeResource
        ) -> Iterator[dg.AssetCheckResult | dg.MaterializeResult]:
            store = lake.open()
            yield from publish(context, store, plan(context, store))

        return asset

    return decorate


def publish(
    context: dg.AssetExecutionContext, lake: Lake, publication: Publication
) -> Iterator[dg.AssetCheckResult | dg.MaterializeResult]:
    """Yields the materialisation with its check results; or, after a failed gate, the check results and dg.Failure."""
    published = lake.published(publication.table)
    same = published is not None and published.inputs == publication.inputs
    if published is not None and (same or publication.nothing) and not publication.redo:
        why = publication.nothing or "inputs are unchanged"
        context.log.info(f"nothing to do: {why}; version {published.version} stays")
        summary = publication.at_rest(published.summary)
        yield _result(context, published, publication, summary, f"nothing: {why}")
        return
    writer = lake.writer(publication.table, publication.schema)
    try:
        staged = publication.stage(writer, published)
        gates = list(staged.gates)
    except GateFailedError as failure:
        gates = [failure.gate]
    failed = [gate for gate in gates if gate.blocking and not gate.passed]
    if failed:
        yield from map(_check_result, gates)
        raise dg.Failure(
            description=f"not published: {'; '.join(_complaint(gate) for gate in failed)}. "
            f"{_still_published(published)}",
            allow_retries=False,
        )
    summary = {**staged.summary, "gates": [gate.as_dict() for gate in gates]}
    inputs = publication.inputs if staged.final else f"not final: {publication.inputs}"
    snapshot = writer.publish(staged.data_version, inputs, summary)
    yield _result(context, snapshot, publication, summary, "published")


def counts_at_rest(summary: Summary) -> Summary:
    """The summary with every row unchanged: `at_rest` of an asset that syncs its table."""
    counts = summary["counts"]
    rows = counts["added"] + counts["changed"] + counts["unchanged"]
    return {**summary, "counts": {"added": 0, "changed": 0, "deleted": 0, "unchanged": rows, "examples": {}}}


def _result(
    context: dg.AssetExecutionContext, snapshot: Snapshot, publication: Publication, summary: Summary, done: str
) -> dg.MaterializeResult:
    tell(Finished(context.asset_key.path[-1], done))
    return dg.MaterializeResult(
        metadata={
            "done": done,
            **publication.describe(summary),
            "dagster/row_count": snapshot.count(),
            "dagster/column_schema": column_schema(snapshot.schema),
            "table": publication.table,
            "table_version": snapshot.version,
        },
        check_results=[_check_result(GateResult(**gate)) for gate in summary["gates"]],
        data_version=dg.DataVersion(snapshot.data_version),
    )


def _check_result(gate: GateResult) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=gate.name,
        passed=gate.passed,
        metadata=gate.metadata,
        description=gate.description,
        severity=dg.AssetCheckSeverity.ERROR if gate.blocking else dg.AssetCheckSeverity.WARN,
    )


def _complaint(gate: GateResult) -> str:
    named = gate.metadata.get("offending")
    return f"{gate.name} failed ({gate.description}{' Offending: ' + ', '.join(map(str, named[:5])) if named else ''})"


def _still_published(published: Snapshot | None) -> str:
    return f"Version {published.version} stays published." if published else "Nothing has been published before."
