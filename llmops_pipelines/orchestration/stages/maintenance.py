"""Stage `maintenance`: the corpus's tables kept small. It makes nothing that readers see, and is no part of the life job.

It has a group of its own, so that "Materialize all" of the corpus stays the corpus's life.
"""

import datetime
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from llmops_pipelines.orchestration.metadata import table
from llmops_pipelines.orchestration.pools import held_pool
from llmops_pipelines.orchestration.progress import Finished, tell
from llmops_pipelines.orchestration.section import Section
from llmops_pipelines.release.ledger import Ledger
from llmops_pipelines.release.retention import retain
from llmops_pipelines.resources.lake import LakeResource
from llmops_pipelines.storage.errors import LakeError
from llmops_pipelines.storage.identity import value_hash
from llmops_pipelines.storage.lake import Lake
from llmops_pipelines.storage.maintenance import Maintained, maintain, maintain_appended, table_size, values_held

if TYPE_CHECKING:
    from llmops_pipelines.orchestration.corpus import Corpus

CODE_VERSION = "1"
POOL_WAIT_SECONDS = 300.0
FRESH_HOURS = 24 * 15
SIZES = ("versions", "files", "bytes")
# Tables that are written by another stage than the one that their name says.
WRITERS = {
    "embedding_runs": "embeddings",
    "question_embeddings": "evaluation",
    "question_pins": "evaluation",
    "looks": "evaluation",
    "training_question_embeddings": "training_set",
    "training_passage_embeddings": "training_set",
    "releases": "release",
    "verdicts": "evaluation_report",
}
# Tables whose newest version is what readers see: nothing of them is staged or published.
APPENDED = ("releases", "verdicts", "looks")
# What a lineage calls the table of a stage.
LINEAGE = {"source": "documents", "documents": "clean_documents", "chunks": "chunks", "index": "vector_index"}

Hold = Callable[[str], AbstractContextManager[bool]]


class MaintenanceSection(Section):
    """How long what nobody names is kept."""

    schedule: str = Field(
        default="0 5 * * 0",
        pattern=r"^\S+( +\S+){4}$",
        description="Cron of the maintenance (UTC); the schedule ships stopped.",
    )
    keep_days: int = Field(
        default=7, ge=1, description="Days that replaced versions, and vectors of text that is gone, are kept."
    )


def maintenance_asset(corpus: "Corpus") -> dg.AssetsDefinition:
    """The asset `<corpus>/maintenance`."""

    @corpus.asset(
        "maintenance",
        code_version=CODE_VERSION,
        checks={},
        group=f"{corpus.name}_maintenance",
        fresh_hours=FRESH_HOURS,
    )
    def maintenance(context: dg.AssetExecutionContext, lake: LakeResource) -> dg.MaterializeResult:
        """The tables of the corpus, their small files put together, without versions and vectors that nobody names."""
        hold = partial(held_pool, context.instance, context.run.run_id, wait=POOL_WAIT_SECONDS)
        done = maintain_corpus(corpus, lake.open(), datetime.datetime.now(datetime.UTC), hold)
        for one in done:
            if one.note:
                context.log.info(f"{one.table} was not compacted: {one.note}")
        worked = sum(one.before != one.after or one.deleted > 0 for one in done)
        outcome = f"{worked} of {len(done)} tables" if worked else f"nothing: {len(done)} tables are as they should be"
        tell(Finished("maintenance", outcome))
        return dg.MaterializeResult(
            metadata={"done": outcome, **_totals(done), "tables": _shown(done)},
            data_version=dg.DataVersion(value_hash([[one.table, vars(one.after)] for one in done])),
        )

    return maintenance


def maintain_corpus(
    corpus: "Corpus",
    lake: Lake,
    now: datetime.datetime,
    hold: Hold = lambda pool: nullcontext(True),
) -> list[Maintained]:
    """Maintain every table of `corpus` as of `now`, each while the pool of the stage that writes it is held by `hold`.

    No other stage's pool is held while one is waited for, so that it is in no deadlock with a run of the life job. A
    table whose pool does not come free is left for the next time. One that cannot be maintained, as on a full disk, keeps
    room from being made in no other: the first error is raised at the end.
    """
    before = now - datetime.timedelta(days=corpus.settings.maintenance.keep_days)
    done: list[Maintained] = []
    failed: list[LakeError] = []
    # Releases come first: the versions of those that go, and of what they were made from, can go with them.
    with hold(corpus.pool("release")) as free:
        if free:
            try:
                retain(Ledger(lake, corpus.name), corpus.settings.release.keep, before)
            except LakeError as error:
                failed.append(error)
    named = named_versions(corpus, lake)
    # Then chunks: which vectors are kept depends on which versions of them there still are.
    for name in sorted(corpus.tables(lake), key=lambda name: (name != corpus.table("chunks"), name)):
        stage = name.split(".")[1]
        held = None
        if stage == "embeddings":
            held = partial(values_held, lake, corpus.table("chunks"), "content_hash")
        with hold(corpus.pool(WRITERS.get(stage, stage))) as free:
            if free:
                try:
                    if stage in APPENDED:
                        done.append(maintain_appended(lake, name, before))
                    else:
                        done.append(maintain(lake, name, before, named.get(name, ()), held))
                except LakeError as error:
                    failed.append(error)
            else:
                size = table_size(lake, name)
                done.append(Maintained(name, size, size, note=f"{WRITERS.get(stage, stage)} is running"))
    if failed:
        raise failed[0]
    return sorted(done, key=lambda one: one.table)


def named_versions(corpus: "Corpus", lake: Lake) -> dict[str, set[int]]:
    """The versions that published and tagged ones were made from, by table: evaluating a release reads them."""
    named: dict[str, set[int]] = {}
    for name in corpus.tables(lake):
        model_key = name.split(".", 2)[2] if name.count(".") > 1 else None
        for snapshot in (one for one in lake.all_tagged(name) if one.has_identity):
            lineage = snapshot.summary.get("lineage") or {}
            for what in LINEAGE.keys() & lineage.keys():
                if what != "index" or model_key:
                    source = corpus.table(LINEAGE[what], model_key if what == "index" else None)
                    named.setdefault(source, set()).add(lineage[what]["version"])
    return named


def _totals(done: Sequence[Maintained]) -> dict[str, int]:
    totals = {
        f"{size} {when}": sum(getattr(getattr(one, when), size) for one in done)
        for size in SIZES
        for when in ("before", "after")
    }
    return {
        **totals,
        "vectors_deleted": sum(one.deleted for one in done),
        "not_compacted": sum(bool(o.note) for o in done),
    }


def _shown(done: Sequence[Maintained]) -> dg.MarkdownMetadataValue:
    rows: list[list[Any]] = [
        [
            one.table,
            *(f"{getattr(one.before, size):,} → {getattr(one.after, size):,}" for size in SIZES),
            one.deleted,
            one.note,
        ]
        for one in done
    ]
    return table(["table", *SIZES, "vectors deleted", "not compacted because"], rows)
