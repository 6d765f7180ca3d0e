"""Writes suite files for corpora of tests: small enough to judge, and reaching for nothing that a test does not name."""

from pathlib import Path
from typing import Any

import yaml


def write_suite(folder: Path, name: str = "written", questions: str | None = "questions.jsonl", **changed: Any) -> Path:
    """`<name>.yaml` in `folder`, which asks the questions in `questions`; `changed` goes over the file's keys."""
    raw = {
        "name": name,
        "version": 1,
        "questions": questions,
        "metrics": {
            "nDCG@10": {"direction": "higher", "role": "primary", "margin": 0.1},
            "recall@20": {"direction": "higher", "role": "guard", "margin": 0.1},
        },
        "min_questions": 1,
    }
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump({**raw, **changed}, sort_keys=False), "utf-8")
    return path
