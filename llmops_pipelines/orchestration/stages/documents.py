"""Stage `documents`: the source, synced."""

from functools import partial
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from llmops_pipelines.corpus.document import UNREADABLE
from llmops_pipelines.corpus.sources.protocol import Stated
from llmops_pipelines.corpus.syncing import sync_documents
from llmops_pipelines.orchestration.metadata import bullets, sync_metadata
from llmops_pipelines.orchestration.progress import Progress
from llmops_pipelines.orchestration.publishing import Publication, Staged, counts_at_rest, published_asset
from llmops_pipelines.orchestration.section import ExpectingSection
from llmops_pipelines.quality.suites import validate
from llmops_pipelines.storage.identity import value_hash
from llmops_pipelines.storage.lake import Lake
from llmops_pipelines.storage.schemas import DOCUMENTS
from llmops_pipelines.storage.snapshot import Snapshot
from llmops_pipelines.storage.writer import Writer

if TYPE_CHECKING:
    from llmops_pipelines.orchestration.corpus import Corpus

CODE_VERSION = "1"
GATES = {
    "not_empty": "The source has documents.",
    "no_mass_deletion": "The source has not suddenly lost its documents.",
}


class DocumentsSection(ExpectingSection):
    """How the source is synced."""

    max_loss: float = Field(default=0.2, ge=0, le=1, description="The share of documents that one sync may delete.")


def documents_asset(corpus: "Corpus") -> dg.AssetsDefinition:
    """The asset `<corpus>/documents`."""
    section = corpus.settings.documents
    suite = section.load_suite(corpus.folder, "documents.yaml", GATES)

    def stage(progress: Progress, writer: Writer, published: Snapshot | None) -> Staged:
        report = sync_documents(corpus.source, writer, published, section.max_loss, progress)
        staged = writer.staged()
        frame = staged.arrow(["doc_id", "version", "collection", "parent", "kind", "title", "bytes"]).to_pandas()
        gates = [*report.gates, *validate(suite, frame)]
        return Staged(report.data_version, report.as_dict(), gates, final=UNREADABLE not in report.skipped)

    @published_asset(corpus, "documents", code_version=CODE_VERSION, checks=GATES | suite.descriptions)
    def documents(context: dg.AssetExecutionContext, lake: Lake) -> Publication:
        """One row a source document, as ingested; synced with the source: added, changed, deleted, unchanged."""
        source = corpus.source
        # A source that cannot tell cheaply whether it changed is read every time.
        state = source.state() if isinstance(source, Stated) else context.run.run_id
        return Publication(
            table=corpus.table("documents"),
            schema=DOCUMENTS,
            inputs=value_hash([CODE_VERSION, repr(source), section.model_dump(), suite.identity, state]),
            stage=partial(stage, Progress(context.log, "documents", "documents")),
            describe=_describe,
            at_rest=counts_at_rest,
        )

    return documents


def _describe(summary: dict[str, Any]) -> dict[str, Any]:
    metadata = {
        **sync_metadata(summary["counts"]),
        "skipped": sum(summary["skipped"].values()),
        "kept_despite_skip": summary["kept_despite_skip"],
        "collections": bullets(summary["collections"]),
    }
    if summary["skipped"]:
        metadata["skipped_by_reason"] = bullets(summary["skipped"])
        metadata["skipped_examples"] = summary["skipped_examples"]
    return metadata
