"""Splits documents, and questions, into parts so that no part has seen another's text."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from llmops_pipelines.evaluation.components import components, deal
from llmops_pipelines.evaluation.near_questions import near_questions
from llmops_pipelines.evaluation.near_text import near_pairs
from llmops_pipelines.evaluation.questions import Question

SHARES = {"train": 0.6, "dev": 0.2, "test": 0.2}
TRAIN_SHARES = {"train": 0.8, "dev": 0.2}
NEAR = 0.6


def split_documents(texts: Mapping[str, str], parents: Mapping[str, str]) -> dict[str, str]:
    """The part of every document, by doc_id.

    Documents of one parent (module, folder) stay together, and so do parents that hold nearly equal texts (Jaccard of
    three-word shingles at least 0.6): the unit is the connected component. The parts come as near to 60, 20 and 20 % of
    the documents as whole components allow.
    """
    names = sorted(set(parents.values()))
    position = {name: i for i, name in enumerate(names)}
    labels = components(len(names), [(position[parents[a]], position[parents[b]]) for a, b in near_pairs(texts, NEAR)])
    members: dict[int, list[str]] = defaultdict(list)
    for doc_id in texts:
        members[labels[position[parents[doc_id]]]].append(doc_id)
    return deal(list(members.values()), SHARES)


def split_questions(questions: Sequence[Question], shares: Mapping[str, float]) -> dict[str, str]:
    """The part of every question, by id: questions that share an answer or are nearly equal stay together."""
    texts = [question.text for question in questions]
    first: dict[str, int] = {}
    pairs = [(first.setdefault(answer, i), i) for i, q in enumerate(questions) for answer in q.answers]
    pairs += near_questions(texts, texts)
    members: dict[int, list[str]] = defaultdict(list)
    for question, label in zip(questions, components(len(questions), pairs), strict=True):
        members[label].append(question.id)
    return deal(list(members.values()), shares)


def with_dev(questions: Sequence[Question]) -> list[Question]:
    """`questions`, with a fifth of the train questions in dev where there are train questions and no dev ones.

    Questions that share an answer or are nearly equal stay together. Depends on the questions alone, not on the corpus,
    so that a question never changes its part because a document did.
    """
    parts = {question.part for question in questions}
    if "train" not in parts or "dev" in parts:
        return list(questions)
    dealt = split_questions([question for question in questions if question.part == "train"], TRAIN_SHARES)
    return [replace(question, part=dealt.get(question.id, question.part)) for question in questions]
