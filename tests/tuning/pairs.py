"""A training set in miniature: questions about numbered subjects, with passages that answer them."""

from typing import Any

SUBJECTS = ["moon", "sea", "query", "passage", "the moon", "the sea", "moon sea", "sea passage"]


def training_rows(train: int = 24, dev: int = 8, negatives: int = 1) -> list[dict[str, Any]]:
    """Rows of a training set with `train` and `dev` questions, one pair each."""
    rows = []
    for i in range(train + dev):
        subject = SUBJECTS[i % len(SUBJECTS)]
        rows.append(
            {
                "pair_id": f"p{i:03d}",
                "part": "train" if i < train else "dev",
                "question_id": f"q{i:03d}",
                "question": f"{subject} {i} ?",
                "source": "written",
                "doc_id": f"d{i:03d}",
                "chunk_id": f"d{i:03d}#0",
                "positive": f"{i} {subject} is so",
                "negative_ids": [f"d{i + n + 1:03d}#0" for n in range(negatives)],
                "negative_doc_ids": [f"d{i + n + 1:03d}" for n in range(negatives)],
                "negatives": [f"{i + n + 1} {subject} is not" for n in range(negatives)],
                "score": 0.5,
                "negative_scores": [0.4] * negatives,
            }
        )
    return rows
