"""Copies of a model's folder with one thing changed. The weights are linked, not copied."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from llmops_pipelines.embedding.model_folder import ModelFolder

WEIGHTS = "model.safetensors"


def copy_of(model: ModelFolder, folder: Path) -> ModelFolder:
    """The same model in another folder."""
    shutil.copytree(model.folder, folder, ignore=shutil.ignore_patterns(WEIGHTS))
    (folder / WEIGHTS).symlink_to(model.folder / WEIGHTS)
    return ModelFolder(model.name, folder)


def edit(model: ModelFolder, file: str, change: Callable[[Any], Any]) -> None:
    """Rewrite the JSON file of a copied model by `change`, which alters what it is handed."""
    path = model.folder / file
    content = json.loads(path.read_text("utf-8"))
    change(content)
    path.write_text(json.dumps(content), "utf-8")


def damage_weights(model: ModelFolder) -> None:
    """Give a copied model weights of its own whose last byte differs."""
    original = (model.folder / WEIGHTS).read_bytes()
    (model.folder / WEIGHTS).unlink()
    (model.folder / WEIGHTS).write_bytes(original[:-1] + bytes([original[-1] ^ 1]))
