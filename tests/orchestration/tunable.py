"""A corpus that can be tuned on in seconds, by a model of 16 dimensions.

Question and passage share a number among letters that mean nothing: that the letters do is what can be learned.
"""

import json
import random
import string
from pathlib import Path
from typing import Any

from llmops_pipelines.orchestration.corpus import Corpus
from llmops_pipelines.orchestration.settings import CorpusSettings
from tests.embedding.tiny_models import tiny_model
from tests.suite_files import write_suite

PARTS = {"train": 48, "dev": 8, "test": 4}
RECIPE = {
    "epochs": 20,
    "batch": 8,
    "learning_rate": 0.003,
    "precision": "fp32",
    "min_dev": 4,
    "min_neighbours": 0.0,
    "evaluations": 2,
}


def tunable(folder: Path, name: str = "moons", **sections: Any) -> Corpus:
    """60 documents, a question about each; known items are left out. `sections` go over the settings."""
    (folder / "documents").mkdir(parents=True, exist_ok=True)
    lines = []
    parts = [part for part, count in PARTS.items() for _ in range(count)]
    draw = random.Random(0)
    for i, part in enumerate(parts):
        question, passage = (" ".join(draw.sample(string.ascii_lowercase, 4)) for _ in range(2))
        (folder / "documents" / f"d{i:02d}.md").write_text(f"{passage} {i * 37}", "utf-8")
        line = {"id": f"q{i}", "question": f"{question} {i * 37}", "answers": [f"d{i:02d}.md"], "part": part}
        lines.append(json.dumps(line))
    (folder / "questions.jsonl").write_text("\n".join(lines), "utf-8")
    write_suite(folder)
    if not (folder / "tiny").exists():
        tiny_model(folder / "tiny", window=48)
    settings = {
        "name": name,
        "source": {"type": "directory", "uri": "documents"},
        "clean_documents": {"min_characters": 1},
        "embeddings": {"models": [{"name": "tiny", "folder": "tiny"}], "precision": "fp32"},
        "evaluation": {"suites": ["written.yaml"], "known_items": 0},
        "training_set": {"dev_share": 0.2},
        "fine_tuned_model": RECIPE,
    }
    return Corpus(CorpusSettings.model_validate({**settings, **sections}), folder)
