"""Pairs of a question and a passage that answers it: from questions with known answers, or made from the text itself."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llmops_pipelines.evaluation.known_items import HEADING, first_sentence
from llmops_pipelines.evaluation.questions import Question
from llmops_pipelines.storage.identity import text_hash

GENERATED = "generated"
MIN_HEADING_WORDS = 2
MIN_PASSAGE_WORDS = 8
UNDERLINE = re.compile(r"\n[=\-]{3,}\s*")


@dataclass(frozen=True)
class Pair:
    """A question and one passage that answers it.

    `text` is what is learned: the passage as it is embedded, or that without the words of which the question was made.
    """

    question_id: str
    question: str
    source: str  # the question set, or `generated`
    doc_id: str
    chunk_id: str
    text: str

    @property
    def id(self) -> str:
        return text_hash(f"{self.question_id}\n{self.text}")[:16]


def question_pairs(
    questions: Sequence[Question], passages: Mapping[str, Sequence[Mapping[str, Any]]], usable: set[str]
) -> list[Pair]:
    """Each question with every passage of its answers that are `usable` (doc_ids), excluded passages passed over.

    `passages` are rows of chunk_id and text by doc_id.
    """
    return [
        Pair(question.id, question.text, question.question_set, doc_id, passage["chunk_id"], passage["text"])
        for question in questions
        for doc_id in question.answers
        if doc_id in usable
        for passage in passages.get(doc_id, ())
        if passage["chunk_id"] not in question.excluded
    ]


def generated_pairs(
    documents: Iterable[Mapping[str, Any]], passages: Mapping[str, Sequence[Mapping[str, Any]]], usable: set[str]
) -> list[Pair]:
    """For a corpus without questions: headings and first sentences, each with the rest of the passage they stand in.

    `documents` are rows of doc_id, title and text. A question is made once, and not of what stands in two documents (a
    heading "See also" is about neither); the passage keeps none of its words' line.
    """
    found: dict[str, Pair] = {}
    common: set[str] = set()

    def add(question: str, doc_id: str, chunk_id: str, text: str) -> None:
        rest = text.strip()
        if len(rest.split()) >= MIN_PASSAGE_WORDS and question.casefold() not in " ".join(rest.split()).casefold():
            key = text_hash(question.casefold())[:16]
            if found.setdefault(key, Pair(key, question, GENERATED, doc_id, chunk_id, rest)).doc_id != doc_id:
                common.add(key)

    for document in documents:
        doc_id = document["doc_id"]
        if doc_id not in usable:
            continue
        sentence = first_sentence(document["text"], document["title"])
        for passage in passages.get(doc_id, ()):
            heading, _, rest = passage["text"].strip().partition("\n\n")
            if HEADING.fullmatch(heading) or heading == document["title"]:
                question = UNDERLINE.sub("", heading).lstrip("#").strip()
                if len(question.split()) >= MIN_HEADING_WORDS:
                    add(question, doc_id, passage["chunk_id"], rest)
            if sentence is not None:
                words = r"\s+".join(map(re.escape, sentence.split()))
                rest, removed = re.subn(words, "", passage["text"], count=1)
                if removed:
                    add(sentence, doc_id, passage["chunk_id"], rest)
    return [pair for key, pair in found.items() if key not in common]
