"""Stage `clean_documents`: the documents fit to be used, and why the others are not."""

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import dagster as dg
from pydantic import Field, StringConstraints

from llmops_pipelines.corpus.cleaning.cleaner import Cleaner, clean_documents, cleaning_gates
from llmops_pipelines.corpus.cleaning.control_characters import ControlCharacters
from llmops_pipelines.corpus.cleaning.exact_duplicates import ExactDuplicates
from llmops_pipelines.corpus.cleaning.language import Language
from llmops_pipelines.corpus.cleaning.length import Length
from llmops_pipelines.corpus.cleaning.mojibake import Mojibake
from llmops_pipelines.corpus.cleaning.unicode_nfc import UnicodeNfc
from llmops_pipelines.orchestration.metadata import bullets, sync_metadata
from llmops_pipelines.orchestration.progress import Progress
from llmops_pipelines.orchestration.publishing import Publication, Staged, counts_at_rest, published_asset
from llmops_pipelines.orchestration.section import ExpectingSection
from llmops_pipelines.quality.suites import validate
from llmops_pipelines.storage.identity import text_hash, value_hash
from llmops_pipelines.storage.lake import Lake
from llmops_pipelines.storage.schemas import CLEAN_DOCUMENTS
from llmops_pipelines.storage.snapshot import Snapshot
from llmops_pipelines.storage.writer import Writer

if TYPE_CHECKING:
    import pandas as pd

    from llmops_pipelines.orchestration.corpus import Corpus

CODE_VERSION = "2"
GATES = {
    "not_empty": "Cleaning kept at least one document.",
    "row_accounting": "Every document is here once: kept, or dropped with a reason.",
}


LanguageCode = Annotated[str, StringConstraints(pattern="^[a-z]{2,3}$")]


class CleanDocumentsSection(ExpectingSection):
    """The cleaning rules and their bounds."""

    mojibake: bool = Field(default=True, description="Repair text that was decoded with the wrong encoding.")
    control_characters: bool = Field(default=True, description="Remove control and zero-width characters.")
    unicode_nfc: bool = Field(default=True, description="Normalise to NFC.")
    exact_duplicates: bool = Field(default=True, description="Keep one of several documents with the same text.")
    languages: list[LanguageCode] = Field(
        default=[], description="ISO 639-1 codes to keep; none named: every language."
    )
    min_characters: int = Field(default=Length.min_characters, ge=1, le=10_000)
    max_characters: int = Field(default=Length.max_characters, ge=10_000)

    def cleaner(self) -> Cleaner:
        repairs = [Mojibake()] * self.mojibake + [ControlCharacters()] * self.control_characters
        return Cleaner(
            repairs=[*repairs, *[UnicodeNfc()] * self.unicode_nfc],
            filters=[Length(self.min_characters, self.max_characters), Language(tuple(self.languages))],
            duplicates=ExactDuplicates() if self.exact_duplicates else None,
        )


def clean_documents_asset(corpus: "Corpus") -> dg.AssetsDefinition:
    """The asset `<corpus>/clean_documents`."""
    section = corpus.settings.clean_documents
    suite = section.load_suite(corpus.folder, "clean_documents.yaml", GATES)

    def stage(upstream: Snapshot, progress: Progress, writer: Writer, published: Snapshot | None) -> Staged:
        report = clean_documents(corpus.cleaner, upstream, writer, published, progress)
        staged = writer.staged()
        gates = [*cleaning_gates(upstream, staged), *validate(suite, _frame(staged))]
        lineage = {
            "corpus_version": upstream.data_version,
            "source": upstream.reference,
            "cleaner": corpus.cleaner.identity,
        }
        return Staged(report.data_version, {**report.as_dict(), "lineage": lineage}, gates)

    @published_asset(
        corpus, "clean_documents", code_version=CODE_VERSION, checks=GATES | suite.descriptions, deps=["documents"]
    )
    def clean_documents_(context: dg.AssetExecutionContext, lake: Lake) -> Publication:
        """The documents fit to be used: repaired text, and for every document that was dropped the rule that did it."""
        upstream = corpus.upstream(lake, "documents")
        return Publication(
            table=corpus.table("clean_documents"),
            schema=CLEAN_DOCUMENTS,
            inputs=value_hash([CODE_VERSION, corpus.cleaner.identity, suite.identity, upstream.data_version]),
            stage=partial(stage, upstream, Progress(context.log, "clean_documents", "documents")),
            describe=_describe,
            at_rest=lambda summary: {**counts_at_rest(summary), "reused": summary["documents"]},
        )

    return clean_documents_


def _frame(staged: Snapshot) -> "pd.DataFrame":
    """What the suite looks at: the documents that were kept, their text as length and hash."""
    columns = ["doc_id", "collection", "parent", "kind", "title", "language", "text"]
    frame = staged.arrow(columns, "dropped IS NULL").to_pandas()
    frame["characters"] = frame["text"].str.len()
    frame["text_hash"] = frame["text"].map(text_hash)
    frame["replacement_share"] = frame["text"].str.count("\ufffd") / frame["characters"].clip(lower=1)
    return frame.drop(columns="text")


def _describe(summary: dict[str, Any]) -> dict[str, Any]:
    metadata = {
        **sync_metadata(summary["counts"]),
        "documents": summary["documents"],
        "kept": summary["kept"],
        "dropped": sum(summary["dropped"].values()),
        "reused": summary["reused"],
        "dropped_by_rule": bullets(summary["dropped"]),
        "repaired_by_rule": bullets(summary["repaired"]),
        "languages": bullets(summary["languages"]),
    }
    if summary["dropped_examples"]:
        metadata["dropped_examples"] = bullets(
            {rule: "; ".join(examples) for rule, examples in summary["dropped_examples"].items()}
        )
    return metadata
