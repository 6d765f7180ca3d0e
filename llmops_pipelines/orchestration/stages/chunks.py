"""Stage `chunks`: the passages that are embedded."""

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import dagster as dg
from pydantic import Discriminator, Field, model_validator

from llmops_pipelines.corpus.chunking.chunk import chunk_documents, chunk_gates
from llmops_pipelines.corpus.chunking.passages import PassageChunker
from llmops_pipelines.corpus.chunking.protocol import Chunker
from llmops_pipelines.corpus.chunking.section_chunker import SectionChunker
from llmops_pipelines.corpus.chunking.tokenizer import ChunkTokenizer
from llmops_pipelines.corpus.chunking.whole_document import WholeDocumentChunker
from llmops_pipelines.embedding.model_folder import ModelFolder
from llmops_pipelines.orchestration.metadata import sync_metadata
from llmops_pipelines.orchestration.progress import Progress
from llmops_pipelines.orchestration.publishing import Publication, Staged, counts_at_rest, published_asset
from llmops_pipelines.orchestration.section import ByTag, Section
from llmops_pipelines.storage.identity import value_hash
from llmops_pipelines.storage.lake import Lake
from llmops_pipelines.storage.schemas import CHUNKS
from llmops_pipelines.storage.snapshot import Snapshot
from llmops_pipelines.storage.writer import Writer

if TYPE_CHECKING:
    from llmops_pipelines.orchestration.corpus import Corpus

CODE_VERSION = "3"
CHECKS = {
    "token_bound": "No passage is longer than the chunker's bound.",
    "coverage": "Every character of every document, spaces aside, is in a passage.",
    "no_orphans": "Every passage belongs to a document that was kept.",
}


class PassagesSection(Section):
    """Passages of a bounded length, cut at headings and paragraphs."""

    chunker: Literal["passages"]
    max_tokens: int | None = Field(
        default=None,
        ge=16,
        description="Bound of a passage with special tokens; by default what the base model's prompt leaves of its window.",
    )

    def chunker_for(self, base: ModelFolder) -> Chunker:
        return PassageChunker(ChunkTokenizer(base.tokenizer_path), self.max_tokens or base.text_tokens)


class SectionsSection(Section):
    """Passages of a bounded length: every section is cut by itself, so that an edit moves no boundary in another."""

    chunker: Literal["sections"]
    max_tokens: int | None = Field(
        default=None, ge=16, description="Bound of a passage with special tokens; by default as of `passages`."
    )
    preferred_tokens: int | None = Field(
        default=None,
        ge=8,
        description="A longer section is cut where its paragraphs allow; by default half of the bound. Of shorter passages "
        "an edit embeds less again, and each says less by itself.",
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.max_tokens and self.preferred_tokens and self.preferred_tokens > self.max_tokens:
            raise ValueError(
                f"preferred_tokens is {self.preferred_tokens}, over max_tokens, {self.max_tokens}: lower it"
            )
        return self

    def chunker_for(self, base: ModelFolder) -> SectionChunker:
        bound = self.max_tokens or base.text_tokens
        return SectionChunker(
            ChunkTokenizer(base.tokenizer_path), bound, min(self.preferred_tokens or bound // 2, bound)
        )


class WholeDocumentSection(Section):
    """One passage a document. What a model truncates is counted."""

    chunker: Literal["whole_document"]

    def chunker_for(self, base: ModelFolder) -> Chunker:
        return WholeDocumentChunker(ChunkTokenizer(base.tokenizer_path))


ChunksSection = Annotated[
    PassagesSection | SectionsSection | WholeDocumentSection, Discriminator("chunker"), ByTag("chunker")
]


def chunks_asset(corpus: "Corpus") -> dg.AssetsDefinition:
    """The asset `<corpus>/chunks`."""

    def stage(upstream: Snapshot, progress: Progress, writer: Writer, published: Snapshot | None) -> Staged:
        report = chunk_documents(corpus.chunker, upstream, writer, published, progress)
        gates = chunk_gates(corpus.chunker, upstream, writer.staged())
        lineage = {**upstream.summary["lineage"], "chunker": corpus.chunker.identity, "documents": upstream.reference}
        return Staged(report.data_version, {**report.as_dict(), "lineage": lineage}, gates)

    @published_asset(corpus, "chunks", code_version=CODE_VERSION, checks=CHECKS, deps=["clean_documents"])
    def chunks(context: dg.AssetExecutionContext, lake: Lake) -> Publication:
        """Passages with the text that is embedded, its content hash, and where in the document it stands."""
        upstream = corpus.upstream(lake, "clean_documents")
        return Publication(
            table=corpus.table("chunks"),
            schema=CHUNKS,
            inputs=value_hash([CODE_VERSION, corpus.chunker.identity, upstream.data_version]),
            stage=partial(stage, upstream, Progress(context.log, "chunks", "documents")),
            describe=_describe,
            at_rest=lambda summary: {**counts_at_rest(summary), "documents_reused": summary["documents"]},
        )

    return chunks


def _describe(summary: dict[str, Any]) -> dict[str, Any]:
    sizes = ("documents", "documents_reused", "chunks", "distinct_texts", "tokens", "longest_tokens")
    return {**sync_metadata(summary["counts"]), **{name: summary[name] for name in sizes}}
