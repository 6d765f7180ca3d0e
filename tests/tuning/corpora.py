"""Small corpora for tests of training sets: questions, and passages whose vectors are set by hand."""

from collections.abc import Mapping, Sequence

import numpy as np

from llmops_pipelines.evaluation.questions import Question
from llmops_pipelines.tuning.pairs import Pair


def ask(name: str, text: str, *answers: str, part: str = "train", excluded: Sequence[str] = ()) -> Question:
    return Question(name, text, dict.fromkeys(answers, 1), "written", part, excluded=tuple(excluded))


def pair(question: str, doc_id: str, text: str, ordinal: int = 0) -> Pair:
    return Pair(question, f"{question} ?", "written", doc_id, f"{doc_id}#{ordinal}", text)


def at(cosine: float, dimension: int = 16) -> np.ndarray:
    """The unit vector in the plane of the first two axes with this cosine to the first."""
    vector = np.zeros(dimension, np.float32)
    vector[:2] = cosine, np.sqrt(1 - cosine**2)
    return vector


def passage_rows(passages: Mapping[str, Sequence[str]]) -> dict[str, list[dict[str, str]]]:
    """Rows of chunk_id and text by doc_id."""
    return {
        doc_id: [{"chunk_id": f"{doc_id}#{i}", "doc_id": doc_id, "text": text} for i, text in enumerate(texts)]
        for doc_id, texts in passages.items()
    }


def document_rows(passages: Mapping[str, Sequence[str]]) -> list[dict[str, str]]:
    """Rows of doc_id, title and text."""
    return [
        {"doc_id": doc_id, "title": doc_id.title(), "text": "\n\n".join(texts)} for doc_id, texts in passages.items()
    ]
