"""What a search loses by a drift, measured apart from the probes: SciFact questions against a frozen index.

The share of the first ten of each question that is found no more, by questions that the drifted model embeds, and by
documents that it embeds. The expected verdict follows from it, before the probes are asked.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from benchmarks.drift.calls import kept_arrays
from benchmarks.drift.jitter import Engines, configurations
from llmops_pipelines.corpus.sources.beir import BeirSource
from llmops_pipelines.corpus.sources.protocol import SourceDocument
from llmops_pipelines.drift.distances import overlap
from llmops_pipelines.embedding.torch_embedder import Precision
from llmops_pipelines.evaluation.question_files import load_questions

Expected = Literal["behaviour_changed", "unchanged", "borderline"]
BORDER = 0.25  # of the floor, to either side: there neither verdict is wrong
MIXTURES = 20
FIRST = 10


@dataclass(frozen=True)
class Search:
    """Vectors of the documents and questions under one model, of unit length."""

    documents: np.ndarray
    questions: np.ndarray


@dataclass(frozen=True)
class Loss:
    """The shares of the first ten that are lost."""

    queries: float
    documents: float

    @property
    def greatest(self) -> float:
        return max(self.queries, self.documents)

    def expected(self, floor: float) -> Expected:
        """The verdict that this loss asks for."""
        if abs(self.greatest - floor) <= BORDER * floor:
            return "borderline"
        return "behaviour_changed" if self.greatest > floor else "unchanged"


class SciFact:
    """Documents of SciFact and claims of its test part, drawn once; what was embedded is kept in `work`.

    What was not drawn is `left`, for probes of the same domain.
    """

    def __init__(self, folder: Path, documents: int, questions: int, seed: int, work: Path) -> None:
        generator = np.random.default_rng(seed)
        texts = [found.text for found in BeirSource(folder).documents() if isinstance(found, SourceDocument)]
        asked = [question.text for question in load_questions(folder, "claims") if question.part == "test"]
        texts = [texts[i] for i in generator.permutation(len(texts))]
        asked = [asked[i] for i in generator.permutation(len(asked))]
        self._documents, self._questions = texts[:documents], asked[:questions]
        self.left = texts[documents:], asked[questions:]
        self._work = work

    def search(self, name: str, engines: Engines, precision: Precision = "fp32") -> Search:
        """All texts under a model, by the fastest engine that there is."""

        def embedded() -> dict[str, np.ndarray]:
            embedder = engines.of(configurations()[-1].engine, precision)
            return {
                "documents": embedder.embed(self._documents, "document").vectors,
                "questions": embedder.embed(self._questions, "query").vectors,
            }

        return Search(
            **kept_arrays(self._work / f"scifact-{len(self._documents)}-{len(self._questions)}-{name}.npz", embedded)
        )


def loss(before: Search, now: Search) -> Loss:
    """What is lost where questions, or documents, come from another model than the index was built with."""
    ranked = before.questions @ before.documents.T
    return Loss(
        1 - float(overlap(ranked, now.questions @ before.documents.T, FIRST).mean()),
        1 - float(overlap(ranked, before.questions @ now.documents.T, FIRST).mean()),
    )


def mixed_loss(before: Search, now: Search, share: float, generator: np.random.Generator) -> Loss:
    """What is lost where a share of the questions, or of the documents, comes from another model, over many mixtures."""
    losses = []
    for _ in range(MIXTURES):
        vectors = [
            np.where(generator.random((len(old), 1)) < share, new, old)
            for old, new in ((before.documents, now.documents), (before.questions, now.questions))
        ]
        losses.append(loss(before, Search(*vectors)))
    return Loss(float(np.mean([one.queries for one in losses])), float(np.mean([one.documents for one in losses])))
