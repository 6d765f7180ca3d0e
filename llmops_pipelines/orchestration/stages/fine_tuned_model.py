"""Stage `fine_tuned_model`: the base model tuned on the corpus, registered where it is better."""

import json
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from llmops_pipelines.embedding.model_folder import ModelFolder
from llmops_pipelines.evaluation.plots import png
from llmops_pipelines.orchestration.metadata import bullets, image
from llmops_pipelines.orchestration.partitions import register_keys
from llmops_pipelines.orchestration.progress import Progress
from llmops_pipelines.orchestration.publishing import Publication, Staged, published_asset
from llmops_pipelines.orchestration.section import Section
from llmops_pipelines.quality.gates import GateResult
from llmops_pipelines.storage import schemas
from llmops_pipelines.storage.identity import value_hash
from llmops_pipelines.storage.lake import Lake
from llmops_pipelines.storage.snapshot import Snapshot
from llmops_pipelines.storage.writer import Writer
from llmops_pipelines.tuning.general_ability import sample_passages
from llmops_pipelines.tuning.plots import training_plot
from llmops_pipelines.tuning.recipe import Loss, Recipe, TrainingPrecision
from llmops_pipelines.tuning.tune import GATES, Tuned, tune

if TYPE_CHECKING:
    from llmops_pipelines.orchestration.corpus import Corpus

CODE_VERSION = "1"


class FineTunedModelSection(Section):
    """The recipe by which the base model is tuned."""

    loss: Loss = Field(
        default=Recipe.loss, description="gist takes the base as a guide: slower, fewer false negatives."
    )
    epochs: int = Field(default=Recipe.epochs, ge=0, description="0: the base is kept, nothing is tuned.")
    batch: int = Field(default=Recipe.batch, ge=2, description="Pairs a step; the others' passages are negatives too.")
    learning_rate: float = Field(default=Recipe.learning_rate, gt=0)
    warmup: float = Field(default=Recipe.warmup, ge=0, lt=1, description="Share of the steps with a rising rate.")
    negatives: int = Field(default=Recipe.negatives, ge=0, description="Hard negatives of a pair that are used.")
    length: int = Field(default=Recipe.length, ge=16, description="Tokens of a text that are read while training.")
    precision: TrainingPrecision = Field(default=Recipe.precision, description="auto: bf16 where it is faster.")
    lora_rank: int = Field(default=Recipe.lora_rank, ge=0, description="Rank of a LoRA adapter; 0 tunes all weights.")
    seed: int = Recipe.seed
    evaluations: int = Field(default=Recipe.evaluations, ge=1, description="Checkpoints that are scored on dev.")
    min_dev: int = Field(default=Recipe.min_dev, ge=2, description="Fewer dev questions: the base is kept.")
    min_gain: float = Field(default=Recipe.min_gain, ge=0, le=1, description="Gain of dev nDCG@10 that is asked.")
    min_neighbours: float = Field(
        default=Recipe.min_neighbours, ge=0, le=1, description="Share of the base's nearest passages to be kept."
    )
    retrain_share: float = Field(
        default=0.05, ge=0, le=1, description="Tuned again when this share of the pairs is new to the last training."
    )

    def recipe(self) -> Recipe:
        return Recipe(**self.model_dump(exclude={"retrain_share"}))


def fine_tuned_model_asset(corpus: "Corpus") -> dg.AssetsDefinition:
    """The asset `<corpus>/fine_tuned_model`."""
    section = corpus.settings.fine_tuned_model

    def stage(
        context: dg.AssetExecutionContext,
        lake: Lake,
        base: ModelFolder,
        training_set: Snapshot,
        done: dict[str, Any] | None,
        writer: Writer,
        published: Snapshot | None,
    ) -> Staged:
        if done:
            context.log.info(f"this training was done before: {done['outcome']}")
        row = done or _trained(corpus, context, lake, base, training_set, writer)
        register_keys(corpus, context.instance, lake, row["model_key"])
        writer.staged()
        staged = _staged(row, base)
        return replace(staged, summary={**staged.summary, "seconds": 0.0}) if done else staged

    @published_asset(
        corpus,
        "fine_tuned_model",
        code_version=CODE_VERSION,
        checks=GATES,
        deps=["training_set"],
        kinds=["huggingface"],
    )
    def fine_tuned_model(context: dg.AssetExecutionContext, lake: Lake) -> Publication:
        """The base model tuned on the corpus: a partition to embed, evaluate and release like any other."""
        base = corpus.base_model
        training_set = corpus.upstream(lake, "training_set")
        settings = _settings(corpus, base)
        inputs = value_hash([*settings, training_set.data_version])
        last = lake.published(corpus.table("fine_tuned_model"))
        nothing, redo, done = "", False, None
        if last is not None:
            registered = {None, *(entry.key for entry in corpus.registry(lake).entries())}
            redo = last.summary["model_key"] not in registered
            done = next(
                (row for row in last.rows() if row["training"] == inputs and row["model_key"] in registered), None
            )
            if last.summary["settings"] == settings and last.summary.get("steps"):
                new = _new_share(last, training_set)
                if new < section.retrain_share:
                    nothing = f"{new:.1%} of the pairs are new or gone, {section.retrain_share:.1%} call for a training"
        register_keys(corpus, context.instance, lake)
        return Publication(
            table=corpus.table("fine_tuned_model"),
            schema=schemas.FINE_TUNED_MODEL,
            inputs=inputs,
            stage=partial(stage, context, lake, base, training_set, done),
            describe=_describe,
            at_rest=lambda summary: {**summary, "seconds": 0.0},
            nothing=nothing,
            redo=redo,
        )

    return fine_tuned_model


def _trained(
    corpus: "Corpus",
    context: dg.AssetExecutionContext,
    lake: Lake,
    base: ModelFolder,
    training_set: Snapshot,
    writer: Writer,
) -> dict[str, Any]:
    """Trains, registers what came of it, and writes its row, which is returned."""
    rows = list(training_set.rows())
    settings = _settings(corpus, base)
    training = value_hash([*settings, training_set.data_version])
    tuned = tune(
        corpus.name,
        base,
        rows,
        training_set.data_version,
        corpus.settings.fine_tuned_model.recipe(),
        sample_passages(corpus.upstream(lake, "vector_index", base.key)),
        corpus.registry(lake),
        training,
        Progress(context.log, "fine_tuned_model", "steps"),
        context.log.info,
    )
    row = _row(training, base, training_set, rows, tuned, settings)
    writer.upsert_rows([{**row, "row_hash": value_hash(row)}])
    return row


def _settings(corpus: "Corpus", base: ModelFolder) -> list[str]:
    """What a training depends on besides the pairs: another of these always calls for another training."""
    training_set = value_hash(corpus.settings.training_set.model_dump())
    return [CODE_VERSION, corpus.settings.fine_tuned_model.recipe().identity, base.fingerprint, training_set]


def _row(
    training: str,
    base: ModelFolder,
    training_set: Snapshot,
    rows: list[dict[str, Any]],
    tuned: Tuned,
    settings: list[str],
) -> dict[str, Any]:
    model_key = tuned.entry.key if tuned.entry else None
    summary = {**tuned.facts, "outcome": tuned.outcome, "model_key": model_key, "settings": settings}
    return {
        "training": training,
        "outcome": tuned.outcome,
        "model_key": model_key,
        "fingerprint": tuned.entry.fingerprint if tuned.entry else None,
        "base": base.key,
        "training_set": training_set.data_version,
        "pairs": sorted(f"{row['part']}/{row['pair_id']}" for row in rows),
        "summary": json.dumps({**summary, "gates": [gate.as_dict() for gate in tuned.gates]}),
    }


def _staged(row: dict[str, Any], base: ModelFolder) -> Staged:
    """What `row` says of its training, to be published."""
    summary = json.loads(row["summary"])
    gates = [GateResult(**gate) for gate in summary.pop("gates")]
    return Staged(row["fingerprint"] or base.fingerprint, summary, gates)


def _new_share(last: Snapshot, training_set: Snapshot) -> float:
    """The share of the pairs, of now and of the last training, that are in one of them only, or in another part."""
    [row] = (row for row in last.rows(["training", "pairs"]) if row["training"] == last.inputs)
    learned = set(row["pairs"])
    pairs = {f"{row['part']}/{row['pair_id']}" for row in training_set.rows(["part", "pair_id"])}
    return len(learned ^ pairs) / max(len(learned | pairs), 1)


def _describe(summary: dict[str, Any]) -> dict[str, Any]:
    metadata: dict[str, Any] = {"outcome": summary["outcome"]}
    if summary["model_key"]:
        metadata["model"] = summary["model_key"]
    if "history" in summary:
        metadata |= {
            "dev nDCG@10 before": summary["before"],
            "dev nDCG@10 after": summary["after"],
            "neighbours_kept": "not measured" if summary["neighbours_kept"] is None else summary["neighbours_kept"],
            "steps": summary["steps"],
            "best_step": summary["best_step"],
            "resumed_at": summary["resumed_at"],
            "seconds": summary["seconds"],
            "training": image("loss and dev nDCG@10 by step", png(training_plot(summary["history"]))),
        }
    return metadata | {
        "train_pairs": summary["train"],
        "dev_questions": summary["dev"],
        "recipe": bullets(summary["recipe"]),
    }
