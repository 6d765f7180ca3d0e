"""Stage `vector_index`: the searchable table of one embedding model."""

from functools import partial
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from llmops_pipelines.index.build import IndexSettings, build_index
from llmops_pipelines.index.reconcile import recall_gate, reconcile, source_gate, unit_vectors_gate
from llmops_pipelines.index.search import SearchIndex
from llmops_pipelines.orchestration.metadata import sync_metadata
from llmops_pipelines.orchestration.progress import Progress
from llmops_pipelines.orchestration.publishing import Publication, Staged, counts_at_rest, published_asset
from llmops_pipelines.orchestration.repairing import is_repair
from llmops_pipelines.orchestration.section import Section
from llmops_pipelines.storage import schemas
from llmops_pipelines.storage.identity import value_hash
from llmops_pipelines.storage.lake import Lake
from llmops_pipelines.storage.snapshot import Snapshot
from llmops_pipelines.storage.writer import Writer

if TYPE_CHECKING:
    from llmops_pipelines.orchestration.corpus import Corpus

CODE_VERSION = "5"
CHECKS = {
    "nothing_missing": "Every chunk is in the index.",
    "nothing_orphaned": "Every row has its chunk.",
    "nothing_stale": "Every row holds its chunk's present text and this model's vector.",
    "one_row_a_chunk": "No chunk has two rows.",
    "rows_by_source": "Every collection has as many rows as its documents have chunks.",
    "unit_vectors": "Every vector is finite and has length 1 within 0.001.",
    "recall_against_exact": "Dense search finds what an exact search finds.",
}


class VectorIndexSection(Section):
    """How the index is searched."""

    ann_min_rows: int = Field(
        default=IndexSettings.ann_min_rows, ge=256, description="From how many rows on an approximate index is built."
    )
    probes: int = Field(default=IndexSettings.probes, ge=1, description="Partitions that an approximate search visits.")
    refine: int = Field(default=IndexSettings.refine, ge=1, description="Candidates scored again, as a multiple.")
    stem: bool = Field(default=True, description="Full text: reduce words to their stem.")
    stop_words: bool = Field(default=True, description="Full text: leave out English stop words.")
    hybrid_weight: float = Field(
        default=IndexSettings.hybrid_weight, ge=0, le=1, description="Hybrid search: the weight of dense scores."
    )
    recall_floor: float = Field(default=0.98, ge=0, le=1, description="Least recall@10 against exact search.")

    def index_settings(self) -> IndexSettings:
        return IndexSettings(**self.model_dump(exclude={"recall_floor"}))


def vector_index_asset(corpus: "Corpus") -> dg.AssetsDefinition:
    """The asset `<corpus>/vector_index`."""
    section = corpus.settings.vector_index
    settings = section.index_settings()

    def stage(
        upstream: dict[str, Snapshot],
        questions: Snapshot | None,
        fingerprint: str,
        progress: Progress,
        writer: Writer,
        published: Snapshot | None,
    ) -> Staged:
        report = build_index(
            **upstream,
            fingerprint=fingerprint,
            settings=settings,
            writer=writer,
            published=published,
            progress=progress,
        )
        staged = writer.staged()
        gates = [
            *reconcile(staged, upstream["chunks"], fingerprint),
            source_gate(staged, upstream["chunks"], upstream["documents"]),
            unit_vectors_gate(staged),
        ]
        if all(gate.passed for gate in gates):
            gates.append(recall_gate(SearchIndex(staged, settings), section.recall_floor, questions))
        lineage = {**upstream["chunks"].summary["lineage"], "chunks": upstream["chunks"].reference}
        return Staged(report.data_version, {**report.as_dict(), "lineage": lineage}, gates)

    @published_asset(
        corpus,
        "vector_index",
        code_version=CODE_VERSION,
        checks=CHECKS,
        deps=["chunks", "clean_documents", "embeddings"],
        partitioned=True,
    )
    def vector_index(context: dg.AssetExecutionContext, lake: Lake) -> Publication:
        """The searchable table of one embedding model: vectors, full text and what results are filtered by."""
        upstream = {
            "chunks": corpus.upstream(lake, "chunks"),
            "documents": corpus.upstream(lake, "clean_documents"),
            "embeddings": corpus.upstream(lake, "embeddings", context.partition_key),
        }
        if upstream["chunks"].summary["lineage"]["documents"]["data_version"] != upstream["documents"].data_version:
            raise dg.Failure(
                f"{corpus.name}/chunks was made from other clean_documents than those published now: materialise "
                f"{corpus.name}/chunks, then {corpus.name}/embeddings and this",
                allow_retries=False,
            )
        model = corpus.model(context.partition_key, lake)
        versions = [snapshot.data_version for snapshot in upstream.values()]
        return Publication(
            table=corpus.table("vector_index", context.partition_key),
            schema=schemas.vector_index(model.dimension),
            inputs=value_hash([CODE_VERSION, model.fingerprint, section.model_dump(), versions]),
            stage=partial(
                stage,
                upstream,
                lake.published(corpus.table("question_embeddings", context.partition_key)),
                model.fingerprint,
                Progress(context.log, "vector_index", "chunks"),
            ),
            describe=_describe,
            at_rest=lambda summary: {**counts_at_rest(summary), "distrusted": 0},
            redo=is_repair(context),
        )

    return vector_index


def _describe(summary: dict[str, Any]) -> dict[str, Any]:
    return {
        **sync_metadata(summary["counts"]),
        "distrusted": summary["distrusted"],
        "approximate": summary["ann"],
        "indexes": ", ".join(summary["indexes"]),
    }
