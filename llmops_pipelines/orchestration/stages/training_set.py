"""Stage `training_set`: pairs to tune on, mined in the base model's index."""

from functools import partial
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from llmops_pipelines.corpus.cleaning.cleaner import KEPT
from llmops_pipelines.embedding.embedder import Embedder
from llmops_pipelines.evaluation.contamination import HeldOut
from llmops_pipelines.evaluation.known_items import KNOWN_ITEMS
from llmops_pipelines.evaluation.measure import corpus_questions
from llmops_pipelines.evaluation.split import split_documents
from llmops_pipelines.evaluation.suites import Suite
from llmops_pipelines.index.search import SearchIndex
from llmops_pipelines.orchestration.metadata import bullets, sync_metadata, table
from llmops_pipelines.orchestration.progress import Progress
from llmops_pipelines.orchestration.publishing import Publication, Staged, counts_at_rest, published_asset
from llmops_pipelines.orchestration.section import Section
from llmops_pipelines.storage import schemas
from llmops_pipelines.storage.identity import value_hash
from llmops_pipelines.storage.lake import Lake
from llmops_pipelines.storage.snapshot import Snapshot
from llmops_pipelines.storage.writer import Writer
from llmops_pipelines.tuning.gates import GATES, training_set_gates
from llmops_pipelines.tuning.training_set import TrainingSetSettings, build_training_set

if TYPE_CHECKING:
    from llmops_pipelines.orchestration.corpus import Corpus

CODE_VERSION = "2"
SHOWN_CHARACTERS = 200


class TrainingSetSection(Section):
    """What the fine-tuned model learns from: train parts of the question files, and known items."""

    max_questions: int = Field(
        default=TrainingSetSettings.max_questions, ge=1, description="Questions to take, those of the smallest hash."
    )
    positives: int = Field(
        default=TrainingSetSettings.positives, ge=1, description="Passages a question, those nearest to it."
    )
    negatives: int = Field(default=TrainingSetSettings.negatives, ge=0, description="Hard negatives a pair.")
    margin: float = Field(
        default=TrainingSetSettings.margin,
        gt=0,
        le=1,
        description="A negative scores at most this multiple of the positive under the base model.",
    )
    dev_share: float = Field(
        default=TrainingSetSettings.dev_share,
        gt=0,
        lt=1,
        description="Share of the questions that choose a checkpoint.",
    )

    def settings(self) -> TrainingSetSettings:
        return TrainingSetSettings(**self.model_dump())


def training_set_asset(corpus: "Corpus") -> dg.AssetsDefinition:
    """The asset `<corpus>/training_set`."""
    section = corpus.settings.training_set
    evaluation = corpus.settings.evaluation

    def stage(
        suites: list[Suite],
        upstream: dict[str, Snapshot],
        embedder: Embedder,
        question_writer: Writer,
        passage_writer: Writer,
        progress: Progress,
        writer: Writer,
        published: Snapshot | None,
    ) -> Staged:
        documents = list(upstream["documents"].rows(["doc_id", "title", "parent", "text"], KEPT))
        questions = corpus_questions(
            suites, upstream["source"], upstream["documents"], upstream["chunks"], every_known_item=True
        )
        learned = [question for question in questions if question.part == "train"]
        held_out = HeldOut([question for question in questions if question.part != "train"])
        usable = {document["doc_id"] for document in documents}
        if any(suite.synthetic for suite in suites):  # what is asked of unseen modules must be unseen
            texts = {document["doc_id"]: document["text"] for document in documents}
            parts = split_documents(texts, {document["doc_id"]: document["parent"] for document in documents})
            usable = {doc_id for doc_id, part in parts.items() if part == "train"}
            usable |= {answer for q in learned if q.question_set != KNOWN_ITEMS for answer in q.answers}
        report = build_training_set(
            learned,
            held_out,
            usable,
            documents,
            upstream["chunks"],
            SearchIndex(upstream["index"], corpus.settings.vector_index.index_settings()),
            embedder,
            section.settings(),
            question_writer,
            passage_writer,
            writer,
            published,
            progress,
        )
        lineage = {**upstream["index"].summary["lineage"], "index": upstream["index"].reference}
        gates = training_set_gates(writer.staged(), held_out)
        return Staged(report.data_version, {**report.as_dict(), "lineage": lineage}, gates)

    @published_asset(
        corpus,
        "training_set",
        code_version=CODE_VERSION,
        checks=GATES,
        deps=["clean_documents", "chunks", corpus.base_dep("vector_index")],
    )
    def training_set(context: dg.AssetExecutionContext, lake: Lake) -> Publication:
        """Questions with passages that answer them and hard negatives, free of what models are evaluated by."""
        base = corpus.base_model
        upstream = corpus.index_with_sources(lake, corpus.upstream(lake, "vector_index", base.key))
        embedder = corpus.embedder(base.key, lake)
        vectors = schemas.embeddings(embedder.dimension)
        suites = evaluation.load_suites(corpus.folder)
        # What is judged of them, and how, changes nothing that may be learned.
        asked = [[suite.name, suite.questions_hash] for suite in suites]
        versions = [snapshot.data_version for snapshot in upstream.values()]
        return Publication(
            table=corpus.table("training_set"),
            schema=schemas.TRAINING_SET,
            inputs=value_hash([CODE_VERSION, section.model_dump(), asked, base.fingerprint, versions]),
            stage=partial(
                stage,
                suites,
                upstream,
                embedder,
                lake.writer(corpus.table("training_question_embeddings", base.key), vectors),
                lake.writer(corpus.table("training_passage_embeddings", base.key), vectors),
                Progress(context.log, "training_set", "questions"),
            ),
            describe=_describe,
            at_rest=lambda summary: {**counts_at_rest(summary), "questions_embedded": 0, "passages_embedded": 0},
        )

    return training_set


def _describe(summary: dict[str, Any]) -> dict[str, Any]:
    metadata = {
        **sync_metadata(summary["counts"]),
        "train_pairs": summary["pairs"].get("train", 0),
        "dev_pairs": summary["pairs"].get("dev", 0),
        "documents": summary["documents"],
        "hard_negatives": summary["hard_negatives"],
        "questions_embedded": summary["questions_embedded"],
        "passages_embedded": summary["passages_embedded"],
        "pairs_by_source": bullets(summary["sources"]),
        "words": table(
            ["text", "median", "95 %", "longest"],
            [[name, *(f"{n:.0f}" for n in lengths.values())] for name, lengths in summary["lengths"].items()],
        ),
        "pairs": table(
            ["question", "positive", "hardest negative"],
            [[_short(e["question"]), _short(e["positive"]), _short(*e["negatives"][:1])] for e in summary["examples"]],
        ),
        "dropped": sum(summary["dropped"].values()),
    }
    if summary["dropped"]:
        examples = summary["dropped_examples"]
        metadata["dropped_by_reason"] = bullets(
            {
                reason: f"{count}, for instance: {_short(examples[reason])}"
                for reason, count in summary["dropped"].items()
            }
        )
    return metadata


def _short(text: str = "") -> str:
    """One line for a table cell."""
    line = " ".join(text.split()).replace("|", "\\|")
    return line if len(line) <= SHOWN_CHARACTERS else line[:SHOWN_CHARACTERS] + "…"
