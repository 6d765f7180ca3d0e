"""Scores a model in memory on the dev part of a training set: what a checkpoint is chosen by."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from llmops_pipelines.embedding.model_folder import ModelFolder
from llmops_pipelines.evaluation.metrics import DEPTH, PRIMARY, score_rankings
from llmops_pipelines.storage.identity import text_hash

if TYPE_CHECKING:
    import numpy as np
    from sentence_transformers import SentenceTransformer

ENCODE_BATCH = 64
OTHERS = 800


def autocast(device: str, bf16: bool) -> AbstractContextManager[Any]:
    """Matrix products in bfloat16 where `bf16`, weights as they are."""
    import torch

    return torch.autocast(torch.device(device).type, dtype=torch.bfloat16, enabled=bf16)


def encode(model: "SentenceTransformer", texts: Sequence[str], prompt: str, bf16: bool = False) -> "np.ndarray":
    """Vectors of `texts` of unit length, float32, shape (texts, dimension)."""
    import torch

    with autocast(str(model.device), bf16), torch.inference_mode():
        vectors = model.encode(
            list(texts),
            prompt=prompt,
            batch_size=ENCODE_BATCH,
            show_progress_bar=False,
            convert_to_tensor=True,
            normalize_embeddings=False,
        )
    return torch.nn.functional.normalize(vectors.float(), dim=1).cpu().numpy()


@dataclass(frozen=True)
class DevSet:
    """Dev questions and the passages they are searched in: their positives, and positives and negatives of the train part.

    Their own negatives are left out: they were chosen to be farther than the positive under the base, so that the base
    would rank every one of them right.
    """

    questions: dict[str, str]
    passages: dict[str, str]
    relevant: dict[str, dict[str, int]]

    @classmethod
    def of(cls, rows: Sequence[Mapping[str, Any]]) -> "DevSet":
        """From the rows of a training set, train and dev; passages are known by the hash of their text.

        Of the train part 800 passages are taken, those with the smallest hash: the score is taken at every checkpoint.
        """
        dev = [row for row in rows if row["part"] == "dev"]
        passages = {text_hash(row["positive"]): row["positive"] for row in dev}
        train = [text for row in rows if row["part"] == "train" for text in (row["positive"], *row["negatives"])]
        others = {text_hash(text): text for text in train}
        passages |= {key: others[key] for key in sorted(others.keys() - passages.keys())[:OTHERS]}
        relevant: dict[str, dict[str, int]] = {}
        for row in dev:
            relevant.setdefault(row["question_id"], {})[text_hash(row["positive"])] = 1
        return cls({row["question_id"]: row["question"] for row in dev}, passages, relevant)

    def scores(self, model: "SentenceTransformer", base: ModelFolder, bf16: bool = False) -> dict[str, float]:
        """nDCG@10 of exact search by question id; the prompts are those of `base`."""
        import numpy as np

        ids, keys = list(self.questions), list(self.passages)
        asked = encode(model, list(self.questions.values()), base.prompt("query"), bf16)
        found = encode(model, list(self.passages.values()), base.prompt("document"), bf16)
        order = np.argsort(-(asked @ found.T), axis=1, kind="stable")[:, :DEPTH]
        rankings = {question: [keys[i] for i in row] for question, row in zip(ids, order, strict=True)}
        return {question: scored[PRIMARY] for question, scored in score_rankings(rankings, self.relevant).items()}


def mean_score(scores: Mapping[str, float]) -> float:
    """The mean over questions, 0 where there are none."""
    return sum(scores.values()) / len(scores) if scores else 0.0
