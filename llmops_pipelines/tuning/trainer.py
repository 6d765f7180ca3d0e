"""Tunes a model by the sentence-transformers trainer: seeded, resumable, the checkpoint chosen on dev."""

import math
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median_low
from typing import TYPE_CHECKING, Any

from llmops_pipelines.embedding.model_folder import ModelFolder
from llmops_pipelines.embedding.torch_embedder import TorchEmbedder
from llmops_pipelines.tuning.dev_score import DevSet, mean_score
from llmops_pipelines.tuning.recipe import Recipe

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Training:
    """What a training gave: the tuned `model` in memory, dev scores by question, and what was logged on the way.

    `history` has entries of `step` with `loss`, or with `dev`; `resumed_at` is the step that it went on from.
    """

    model: "SentenceTransformer"
    before: dict[str, float]
    after: dict[str, float]
    best_step: int
    history: list[dict[str, float]]
    steps: int
    seconds: float
    resumed_at: int


def train(
    base: ModelFolder,
    rows: Rows,
    recipe: Recipe,
    folder: Path,
    progress: Callable[[int, int], None] = lambda done, total: None,
    log: Callable[[str], None] = lambda line: None,
) -> Training:
    """Tune `base` on the `rows` of a training set (parts train and dev, pairs in any order).

    Checkpoints are kept in `folder`: called again with the same arguments after a kill, training goes on from the newest
    one that is whole, to the same weights. Raises TrainingError where the loss is no number or the disk is full.
    """
    from transformers.trainer_callback import PrinterCallback
    from transformers.trainer_utils import set_seed

    from llmops_pipelines.tuning.training_loop import DevEvaluator, Tuner, Watch, at_home, newest_checkpoint

    started = time.perf_counter()
    engine = TorchEmbedder(base, recipe.precision)
    bf16 = engine.precision == "bf16"
    ordered = sorted(rows, key=lambda row: row["pair_id"])
    dev = DevSet.of(ordered)
    set_seed(recipe.seed)
    model = _loaded(base.folder, engine.device)
    before = dev.scores(model, base, bf16)
    log(f"base: dev nDCG@10 {mean_score(before):.4f}, {len(before)} questions in {len(dev.passages)} passages")
    dataset = _dataset([row for row in ordered if row["part"] == "train"], recipe.negatives)
    if recipe.lora_rank:
        _add_adapter(model, recipe.lora_rank)
    model.max_seq_length = min(recipe.length, base.max_tokens)
    resume_from = newest_checkpoint(folder)
    for cut_short in set(folder.glob("checkpoint-*")) - {resume_from}:
        if resume_from is None or _step(cut_short) > _step(resume_from):
            shutil.rmtree(cut_short)
    trainer = Tuner(
        model=model,
        args=_arguments(recipe, folder, len(dataset), dataset.column_names, base, bf16, engine.device),
        train_dataset=dataset,
        loss=_loss(recipe, model, base, engine.device),
        evaluator=DevEvaluator(dev, base, bf16),
        callbacks=[Watch(progress, log)],
    )
    trainer.remove_callback(PrinterCallback)
    if resume_from:
        at_home(resume_from)
    trainer.train(resume_from_checkpoint=str(resume_from) if resume_from else None)
    best = Path(trainer.state.best_model_checkpoint or "")
    tuned = _merged(best, base, engine.device) if recipe.lora_rank else _loaded(best, engine.device)
    tuned.max_seq_length = base.max_tokens
    return Training(
        model=tuned,
        before=before,
        after=dev.scores(tuned, base, bf16),
        best_step=_step(best),
        history=_history(trainer.state.log_history, mean_score(before)),
        steps=trainer.state.max_steps,
        seconds=time.perf_counter() - started,
        resumed_at=_step(resume_from) if resume_from else 0,
    )


def _loaded(folder: Path, device: str) -> "SentenceTransformer":
    """The model in `folder` with weights in float32."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    import torch
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    return SentenceTransformer(
        str(folder),
        device=device,
        local_files_only=True,
        model_kwargs={"dtype": torch.float32, "use_safetensors": True},
    )


def _dataset(rows: Rows, negatives: int) -> Any:
    """Columns question, positive and one for each negative: at most `negatives`, as many as most pairs have.

    The texts of a batch are negatives of each other anyway, so a pair that has fewer is filled up with those of others.
    """
    from datasets import Dataset

    wanted = min(negatives, median_low(len(row["negatives"]) for row in rows))
    spare = [text for row in rows for text in row["negatives"]]
    filled = [_filled(row, spare, i, wanted) for i, row in enumerate(rows)]
    used = min(len(texts) for texts in filled)  # fewer where there are not so many different ones
    columns = {"question": [row["question"] for row in rows], "positive": [row["positive"] for row in rows]}
    columns |= {f"negative_{n + 1}": [texts[n] for texts in filled] for n in range(used)}
    return Dataset.from_dict(columns)


def _filled(row: Mapping[str, Any], spare: Sequence[str], start: int, count: int) -> list[str]:
    """The first `count` negatives of a pair; those it lacks are taken from `spare`, from position `start` on."""
    own = row["negatives"][:count]
    if len(own) == count:
        return own
    turned = dict.fromkeys([*spare[start:], *spare[:start]])
    return [*own, *(text for text in turned if text != row["positive"] and text not in own)][:count]


def _arguments(
    recipe: Recipe, folder: Path, pairs: int, columns: Sequence[str], base: ModelFolder, bf16: bool, device: str
) -> Any:
    from sentence_transformers import SentenceTransformerTrainingArguments
    from sentence_transformers.base.sampler import BatchSamplers

    from llmops_pipelines.tuning.training_loop import SCORE

    steps = max(1, recipe.epochs * math.ceil(pairs / recipe.batch))
    between = math.ceil(steps / recipe.evaluations)
    prompts = {column: base.prompt("query" if column == "question" else "document") for column in columns}
    return SentenceTransformerTrainingArguments(
        output_dir=str(folder),
        num_train_epochs=recipe.epochs,
        per_device_train_batch_size=recipe.batch,
        learning_rate=recipe.learning_rate,
        warmup_steps=recipe.warmup,
        bf16=bf16,
        use_cpu=device == "cpu",
        seed=recipe.seed,
        data_seed=recipe.seed,
        batch_sampler=BatchSamplers.NO_DUPLICATES,
        prompts={column: prompt for column, prompt in prompts.items() if prompt},
        eval_strategy="steps",
        eval_steps=between,
        save_strategy="steps",
        save_steps=between,
        save_total_limit=2,
        metric_for_best_model=f"eval_{SCORE}",
        greater_is_better=True,
        logging_steps=max(1, between // 4),
        logging_nan_inf_filter=False,
        dataloader_pin_memory=False,
        disable_tqdm=True,
        report_to="none",
    )


def _loss(recipe: Recipe, model: "SentenceTransformer", base: ModelFolder, device: str) -> Any:
    from sentence_transformers.sentence_transformer import losses

    if recipe.loss == "gist":  # the base as guide: what it finds nearer than the positive is no negative
        return losses.GISTEmbedLoss(model, guide=_loaded(base.folder, device))
    if recipe.loss == "cached_multiple_negatives_ranking":
        return losses.CachedMultipleNegativesRankingLoss(model, mini_batch_size=32)
    loss: MultipleNegativesRankingLoss = losses.MultipleNegativesRankingLoss(model)
    return loss


def _add_adapter(model: "SentenceTransformer", rank: int) -> None:
    from llmops_pipelines.tuning.training_loop import TrainingError

    try:
        from peft import LoraConfig, TaskType
    except ImportError as error:
        raise TrainingError(
            "lora_rank needs peft: run `pip install torch==2.13.0 'llmops-pipelines[lora]'`, or set lora_rank to 0"
        ) from error
    model.add_adapter(LoraConfig(task_type=TaskType.FEATURE_EXTRACTION, r=rank, lora_alpha=2 * rank))


def _merged(checkpoint: Path, base: ModelFolder, device: str) -> "SentenceTransformer":
    """The base with the adapter of `checkpoint` added to its weights."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    adapted, merged = _loaded(checkpoint, device), _loaded(base.folder, device)
    for module in adapted.modules():
        if isinstance(module, BaseTunerLayer):
            module.merge()
    weights = {
        name.replace(".base_layer.", "."): value for name, value in adapted.state_dict().items() if ".lora_" not in name
    }
    merged.load_state_dict(weights)
    return merged


def _history(logged: Sequence[Mapping[str, float]], before: float) -> list[dict[str, float]]:
    from llmops_pipelines.tuning.training_loop import SCORE

    names = {"loss": "loss", f"eval_{SCORE}": "dev"}
    found = [{"step": 0, "dev": before}]
    found += [{"step": e["step"], short: e[name]} for e in logged for name, short in names.items() if name in e]
    return found


def _step(checkpoint: Path) -> int:
    return int(checkpoint.name.rpartition("-")[2])
