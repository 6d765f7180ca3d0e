"""A small real index with questions about it, evaluated: what the tests of evaluation, figures and report read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llmops_pipelines.embedding.torch_embedder import TorchEmbedder
from llmops_pipelines.evaluation.evaluate import evaluate
from llmops_pipelines.evaluation.questions import Question
from llmops_pipelines.index.search import SearchIndex
from llmops_pipelines.storage import Lake
from tests.conftest import ARTICLES
from tests.index.hand_made import HandMade

PASSAGES = {name: text.strip().split("\n\n") for name, text in ARTICLES.items()} | {
    "html.md": [
        "<b>Markup</b> & <script>alert('passage')</script>",
        "The picture <img src=x onerror=alert(1)> of markup",
    ]
}


def ask(name: str, text: str, *answers: str, question_set: str = "written", **more: Any) -> Question:
    return Question(name, text, dict.fromkeys(answers, 1), question_set, "dev", **more)


QUESTIONS = [
    ask("q1", "how do insects tell their nest mates about food?", "bees.md", rejected=("tides.md",)),
    ask("q2", "what makes sourdough rise?", "bread.md"),
    ask("q3", "who dances and who bakes?", "bees.md", "bread.md"),
    ask("q4", "why does the ocean come and go?", "tides.md"),
    ask("q5", "what is a <script>alert('question')</script> & \"markup\"?", "html.md"),
    ask("q6", "which documents are not here?"),
    ask(
        "k1", "Honey bees live in colonies", "bees.md", question_set="known_items", excluded=("bees.md#0", "bees.md#1")
    ),
    ask("k2", "zeppelin zeppelins", "rails/gauge.md", question_set="known_items"),
]


@dataclass
class Measured:
    index: SearchIndex
    rows: list[dict[str, Any]]

    def of(self, question: str, system: str) -> dict[str, Any]:
        (row,) = [row for row in self.rows if (row["question_id"], row["system"]) == (question, system)]
        return row


def measured(
    lake: Lake,
    embedder: TorchEmbedder,
    questions: Sequence[Question] = QUESTIONS,
    passages: Mapping[str, Sequence[str]] = PASSAGES,
) -> Measured:
    texts = [text for texts in passages.values() for text in texts]
    vectors = dict(zip(texts, embedder.embed(texts, "document").vectors, strict=True))
    made = HandMade(lake, 384, embedder.fingerprint, vectors.__getitem__)
    _, index = made.build(passages)
    asked = embedder.embed([question.text for question in questions], "query").vectors
    by_question = {question.id: asked[i] for i, question in enumerate(questions)}
    return Measured(index, evaluate(index, questions, by_question))
