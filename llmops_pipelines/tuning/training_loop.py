"""What happens between the steps of a training: progress, dev scores, an end where it goes wrong, marks on checkpoints."""

import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer
from sentence_transformers.base.evaluation import BaseEvaluator
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from llmops_pipelines.embedding.model_folder import ModelFolder
from llmops_pipelines.tuning.dev_score import DevSet, mean_score

WHOLE = "whole.json"
SCORE = "ndcg10"


class TrainingError(RuntimeError):
    """A training that cannot go on. The message says what to do."""


def newest_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint in `folder` that is whole: one cut short while written or removed is not."""
    whole = [mark.parent for mark in folder.glob(f"checkpoint-*/{WHOLE}") if _is_whole(mark)]
    return max(whole, key=lambda path: int(path.name.rpartition("-")[2]), default=None)


def _sizes(checkpoint: Path) -> dict[str, int]:
    files = (path for path in checkpoint.rglob("*") if path.is_file() and path.name != WHOLE)
    return {path.relative_to(checkpoint).as_posix(): path.stat().st_size for path in files}


def _is_whole(mark: Path) -> bool:
    try:
        return json.loads(mark.read_text("utf-8")) == _sizes(mark.parent)
    except ValueError:  # the mark itself was cut short
        return False


def at_home(checkpoint: Path) -> None:
    """Make a checkpoint whose folder was moved name the best one where that is now: it is kept by its absolute path."""
    file = checkpoint / "trainer_state.json"
    state = json.loads(file.read_text("utf-8"))
    best = state["best_model_checkpoint"]
    here = str(checkpoint.parent / Path(best).name) if best else None
    if best != here:
        file.write_text(json.dumps({**state, "best_model_checkpoint": here}, indent=2), "utf-8")
        _mark(checkpoint)


def _mark(checkpoint: Path) -> None:
    (checkpoint / WHOLE).write_text(json.dumps(_sizes(checkpoint)), "utf-8")


@contextmanager
def written(what: str, folder: str | Path) -> Iterator[None]:
    """What cannot be written is a TrainingError that says what to do. A full disk is a RuntimeError of torch's."""
    try:
        yield
    except (OSError, RuntimeError, SafetensorError) as error:
        raise TrainingError(
            f"{what} could not be written to {folder}: {error}. Where the disk is full, make room (about four times the "
            "size of the model). Run again: training goes on from the last whole checkpoint"
        ) from error


class Tuner(SentenceTransformerTrainer):
    """The trainer of sentence-transformers; a checkpoint that cannot be written is a TrainingError that says what to do."""

    def add_model_card_callback(self, *args: Any, **kwargs: Any) -> None:
        """Leaves it out: it embeds examples for a card, and the card is ours."""

    def _save_checkpoint(self, *args: Any, **kwargs: Any) -> None:
        assert self.args.output_dir is not None
        with written("a checkpoint", self.args.output_dir):
            super()._save_checkpoint(*args, **kwargs)


class DevEvaluator(BaseEvaluator):
    """Scores the model in training on `dev`. Texts are read as far as when tuning is over, not as far as in training."""

    def __init__(self, dev: DevSet, base: ModelFolder, bf16: bool) -> None:
        super().__init__()
        self.dev = dev
        self.base = base
        self.bf16 = bf16

    def __call__(  # type: ignore[override]
        self, model: SentenceTransformer, output_path: str | None = None, epoch: int = -1, steps: int = -1
    ) -> dict[str, float]:
        """The mean nDCG@10."""
        length, model.max_seq_length = model.max_seq_length, self.base.max_tokens
        try:
            return {SCORE: mean_score(self.dev.scores(model, self.base, self.bf16))}
        finally:
            model.max_seq_length = length


class Watch(TrainerCallback):
    """Tells `progress` (steps done, all steps) and `log`; raises TrainingError where the loss is no number."""

    def __init__(self, progress: Callable[[int, int], None], log: Callable[[str], None]) -> None:
        self.progress = progress
        self.log = log

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Called after each step."""
        self.progress(state.global_step, state.max_steps)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **_: Any,
    ) -> None:
        """Called with the loss since the last call, and with the scores of an evaluation."""
        logs = logs or {}
        for name in ("loss", "grad_norm"):
            value = logs.get(name)
            if value is not None and not math.isfinite(value):
                raise TrainingError(
                    f"at step {state.global_step} of {state.max_steps} {name} is {value}: training has diverged and was "
                    "stopped; no model was kept. Lower fine_tuned_model.learning_rate, or set precision to fp32"
                )
        if "loss" in logs:
            self.log(f"step {state.global_step} of {state.max_steps}: loss {logs['loss']:.4f}")
        if f"eval_{SCORE}" in logs:
            self.log(f"step {state.global_step} of {state.max_steps}: dev nDCG@10 {logs[f'eval_{SCORE}']:.4f}")

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Called when a checkpoint has been written, older ones removed."""
        assert args.output_dir is not None
        with written("a checkpoint", args.output_dir):
            _mark(Path(args.output_dir) / f"checkpoint-{state.global_step}")
