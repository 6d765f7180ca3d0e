"""A model a few tuning steps on: what a provider changes who trains on and says nothing of it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from llmops_pipelines.corpus.sources.beir import BeirSource
from llmops_pipelines.corpus.sources.protocol import SourceDocument
from llmops_pipelines.embedding.model_folder import ModelFolder
from llmops_pipelines.evaluation.question_files import load_questions

TUNED_STEPS = (1, 4, 16, 64)
BATCH, LEARNING_RATE, WINDOW, SEED = 16, 2e-5, 128, 11


def train_pairs(folder: Path) -> list[tuple[str, str]]:
    """The claims of SciFact's train part with a document that answers each; none that is a claim of the test part."""
    questions = load_questions(folder, "claims")
    held_out = {key for one in questions if one.part == "test" for key in (one.id, one.text.lower())}
    documents = {
        found.doc_id: found.text for found in BeirSource(folder).documents() if isinstance(found, SourceDocument)
    }
    return [
        (question.text, documents[answer])
        for question in questions
        if question.part == "train" and held_out.isdisjoint((question.id, question.text.lower()))
        for answer in question.answers
    ]


def tuned(base: ModelFolder, pairs: Sequence[tuple[str, str]], folders: Mapping[int, Path]) -> None:
    """Saves `base` to each folder after so many steps of a plain contrastive loop.

    The loss takes the other documents of a batch for negatives (MultipleNegativesRankingLoss), Adam with one learning
    rate and no warm-up, texts cut at 128 tokens to save time.
    """
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

    torch.manual_seed(SEED)
    generator = np.random.default_rng(SEED)
    model = SentenceTransformer(str(base.folder), device="cpu", local_files_only=True)
    window, model.max_seq_length = model.max_seq_length, WINDOW
    loss = MultipleNegativesRankingLoss(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE)
    order: list[int] = []
    for step in range(1, max(folders) + 1):
        if len(order) < BATCH:
            order = generator.permutation(len(pairs)).tolist()
        batch = [pairs[order.pop()] for _ in range(BATCH)]
        model.train()
        features = [model.preprocess([pair[side] for pair in batch]) for side in (0, 1)]
        loss(features, torch.empty(0)).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        if step in folders:
            model.max_seq_length = window
            model.save_pretrained(str(folders[step]))
            model.max_seq_length = WINDOW
