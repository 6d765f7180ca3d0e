"""Trains models of a recipe, one a seed, and keeps them: what was trained is not trained again, what was killed goes on."""

import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from llmops_pipelines.embedding.model_folder import ModelFolder
from llmops_pipelines.storage.identity import value_hash
from llmops_pipelines.tuning.recipe import Recipe

Rows = Sequence[Mapping[str, Any]]


def tuned_models(
    base: ModelFolder,
    rows: Mapping[str, Rows],
    recipe: Recipe,
    seeds: Sequence[int],
    work: Path,
    processes: int,
) -> Iterator[tuple[str, int, ModelFolder]]:
    """`base` tuned on the training set of each split, once a seed: split, seed and model, as they are ready, in that order.

    Models lie in `work` by split, seed and the hash of recipe and training set, checkpoints beside them.
    """
    wanted = [(split, replace(recipe, seed=seed)) for seed in seeds for split in rows]
    with ProcessPoolExecutor(processes, get_context("spawn"), _share_cores, (processes,)) as pool:
        folders = [work / "models" / _name(split, seeded, rows[split]) for split, seeded in wanted]
        trained = [
            pool.submit(_trained, base, rows[split], seeded, folder)
            for (split, seeded), folder in zip(wanted, folders, strict=True)
        ]
        for (split, seeded), folder, done in zip(wanted, folders, trained, strict=True):
            done.result()
            yield split, seeded.seed, ModelFolder("tuned", folder)


def _name(split: str, recipe: Recipe, rows: Rows) -> str:
    return f"{split}-{recipe.seed}-{value_hash([recipe.identity, sorted(row['row_hash'] for row in rows)])[:8]}"


def _share_cores(processes: int) -> None:
    import torch

    torch.set_num_threads(max(1, (os.cpu_count() or 1) // processes))


def _trained(base: ModelFolder, rows: Rows, recipe: Recipe, folder: Path) -> None:
    if folder.exists():
        return
    from llmops_pipelines.tuning.trainer import train

    checkpoints = folder.parent.parent / "trainings" / folder.name

    def log(line: str) -> None:
        print(f"{folder.name}: {line}", file=sys.stderr, flush=True)

    training = train(base, rows, recipe, checkpoints, log=log)
    whole = checkpoints / "model"
    training.model.save_pretrained(str(whole))
    folder.parent.mkdir(parents=True, exist_ok=True)
    whole.rename(folder)  # a folder is whole or not there
    shutil.rmtree(checkpoints)
