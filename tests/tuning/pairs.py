"""A training set in miniature: questions about numbered subjects, with passages that answer them."""

from typing import Any

SUBJECTS = ["moon", "sea", "query", "passage", "the moon", "the sea", "moon sea", "sea passage"]


def training_rows(train: int = 24, dev: int = 8, negatives: int = 1) -> list[dict[str, Any]]:
    """Rows of a training set with `train` and `dev` questions, one pair each."""
    rows = []
    for i in range(train + dev):
        subject = SUBJECTS[i % len(SUBJECTS)]
        first, count = (0, train) if i < train else (train, dev)
        others = [first + (i - first + n + 1) % count for n in range(negatives)]
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
                "negative_ids": [f"d{other:03d}#0" for other in others],
                "negative_doc_ids": [f"d{other:03d}" for other in others],
                "negatives": [f"{other} {subject} is not" for other in others],
                "score": 0.5,
                "negative_scores": [0.4] * negatives,
                "base": "b" * 64,
            }
        )
    return rows
