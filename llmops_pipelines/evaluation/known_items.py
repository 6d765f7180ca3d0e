"""Known items: the first sentence of a document as the question, the rest of it as the answer. Synthetic by nature."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from llmops_pipelines.evaluation.questions import Question
from llmops_pipelines.evaluation.split import split_documents
from llmops_pipelines.storage.identity import text_hash

KNOWN_ITEMS = "known_items"
MIN_WORDS, MAX_WORDS = 4, 60
SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[\"'(`A-Z0-9])|\n\s*\n")
HEADING = re.compile(r"#{1,6}\s.*|.*\n[=\-]{3,}\s*")
UNDERLINED = re.compile(r".*\n[=\-]{3,}\s*\n")


def first_sentence(text: str, title: str) -> str | None:
    """The first sentence of running text, white space made single; None where there is none of 4 to 60 words.

    The title and headings before it are passed over.
    """
    for paragraph in re.split(r"\n\s*\n", text):
        block = paragraph.strip()
        if not block or block == title or HEADING.fullmatch(block):
            continue
        if UNDERLINED.match(block):
            return None  # a list of parameters, not running text
        sentence = " ".join(SENTENCE_END.split(block)[0].split())
        return sentence if MIN_WORDS <= len(sentence.split()) <= MAX_WORDS else None
    return None


def known_items(
    documents: Sequence[Mapping[str, Any]], chunks: Iterable[Mapping[str, Any]], limit: int | None = None
) -> list[Question]:
    """One question a distinct first sentence, with every document that begins with it as an answer.

    `documents` have doc_id, title, parent and text, `chunks` chunk_id, doc_id and text. Passages of the answers that
    hold the sentence are excluded from the ranking; documents with no other passage give no question. `limit` bounds
    the questions of each part; those with the smallest hash are taken, so that others do not change with the corpus.
    """
    sentences: dict[str, list[str]] = defaultdict(list)
    wording: dict[str, str] = {}
    for document in documents:
        sentence = first_sentence(document["text"], document["title"])
        if sentence is not None:
            normal = sentence.casefold()
            wording.setdefault(normal, sentence)
            sentences[normal].append(document["doc_id"])
    passages: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for chunk in chunks:
        passages[chunk["doc_id"]].append((chunk["chunk_id"], " ".join(chunk["text"].split()).casefold()))

    parts = split_documents(
        {document["doc_id"]: document["text"] for document in documents},
        {document["doc_id"]: document["parent"] for document in documents},
    )
    questions: list[Question] = []
    for normal, doc_ids in sentences.items():
        excluded: list[str] = []
        answers: dict[str, int] = {}
        for doc_id in sorted(doc_ids):
            holding = [chunk_id for chunk_id, text in passages[doc_id] if normal in text]
            excluded += holding
            if len(holding) < len(passages[doc_id]):
                answers[doc_id] = 1
        in_parts = {parts[doc_id] for doc_id in doc_ids}
        # A sentence that documents of two parts begin with would tell one part about the other.
        if answers and len(in_parts) == 1:
            key = text_hash(normal)
            questions.append(
                Question(key[:16], wording[normal], answers, KNOWN_ITEMS, in_parts.pop(), excluded=tuple(excluded))
            )
    chosen: dict[str, list[Question]] = defaultdict(list)
    for question in sorted(questions, key=lambda question: question.id):
        if limit is None or len(chosen[question.part]) < limit:
            chosen[question.part].append(question)
    return [question for part in sorted(chosen) for question in chosen[part]]
