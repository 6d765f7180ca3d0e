"""Chooses positives and mines hard negatives in the base model's index."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from llmops_pipelines.evaluation.near_questions import words
from llmops_pipelines.index.search import Hit, SearchIndex
from llmops_pipelines.tuning.pairs import Pair

if TYPE_CHECKING:
    import numpy as np

MINING_DEPTH = 100


@dataclass(frozen=True)
class MinedPair:
    """A pair with its hard negatives, hardest first, and the cosine of each text to the question under the base model."""

    pair: Pair
    score: float
    negatives: tuple[Hit, ...]


def mine(
    pairs: Sequence[Pair],
    question_vectors: Mapping[str, "np.ndarray"],
    passage_vectors: Mapping[str, "np.ndarray"],
    index: SearchIndex,
    may_be_negative: Callable[[Pair, Hit], bool],
    positives: int,
    negatives: int,
    margin: float,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[MinedPair]:
    """The best `positives` passages of each question, each with at most `negatives` hard negatives.

    Labels name documents: of their passages those are taken that are nearest to the question. A negative is a passage of
    a document without a label for the question that ranks among the first 100 of dense search and scores at most
    `margin` times the positive: what is nearer may answer as well (Moreira et al., "NV-Retriever: Improving text
    embedding models with effective hard-negative mining", 2024). `question_vectors` are by question id,
    `passage_vectors` by pair id.
    """
    by_question: dict[str, list[Pair]] = {}
    for pair in pairs:
        by_question.setdefault(pair.question_id, []).append(pair)
    mined: list[MinedPair] = []
    for done, (question_id, members) in enumerate(by_question.items(), start=1):
        vector = question_vectors[question_id]
        scored = sorted(((float(passage_vectors[pair.id] @ vector), pair) for pair in members), key=_nearest_first)
        right = {pair.doc_id for pair in members}
        distinct: dict[str, tuple[float, Pair]] = {}  # a passage that stands twice counts once
        for score, pair in scored:
            distinct.setdefault(pair.id, (score, pair))
        same = {" ".join(words(pair.text)) for pair in members}
        hits = [hit for hit in (index.dense(vector, MINING_DEPTH) if negatives else []) if hit.doc_id not in right]
        for score, pair in list(distinct.values())[:positives]:
            hard = (  # no more of them are looked at than are taken
                hit
                for hit in hits
                if hit.score <= min(score, margin * score)  # below 0 the margin is above the score
                and may_be_negative(pair, hit)
                and " ".join(words(hit.text)) not in same
            )
            mined.append(MinedPair(pair, score, tuple(islice(hard, negatives))))
        progress(done, len(by_question))
    return mined


def _nearest_first(scored: tuple[float, Pair]) -> tuple[float, str, str]:
    return -scored[0], scored[1].id, scored[1].chunk_id
