"""What a model may not learn from: questions it will be asked, in any wording, and passages that hold them."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmops_pipelines.evaluation.near_questions import NEAR_QUESTION, NGRAM, NearQuestions, near_questions, words
from llmops_pipelines.evaluation.questions import Question

# A question of fewer words says too little for a passage that holds them to be about it.
MIN_WORDS_WITHIN = 4
SHORT_WORDS = 25
PARAGRAPH = re.compile(r"\n\s*\n")
SENTENCE = re.compile(r"[.!?]+(?=[\"'”’)\]*_`]*(?:\s|$))|[。！？]")
LEARNED = "learned.json"
LEARNED_DOCUMENT = "this model has learned from a document that answers it"
LEARNED_QUESTION = "this model has learned a question like it"


@dataclass(frozen=True)
class Leak:
    """The text at `position` tells of the held-out question `question_id`, found by `rule`."""

    position: int
    question_id: str
    rule: str


class HeldOut:
    """The questions of dev and test parts."""

    def __init__(self, questions: Sequence[Question]) -> None:
        self.questions = list(questions)
        self._ids = {question.id for question in questions}
        self._texts = [question.text for question in questions]
        self._near = NearQuestions(self._texts)
        self._lengths = [len(words(text)) for text in self._texts]
        self._short = {
            " ".join(words(question.text)): question.id
            for question, length in zip(questions, self._lengths, strict=True)
            if 0 < length < MIN_WORDS_WITHIN
        }
        self._starts: dict[tuple[str, ...], list[tuple[tuple[str, ...], str]]] = {}
        for question in questions:
            for run in _runs(words(question.text)):
                self._starts.setdefault(run[:MIN_WORDS_WITHIN], []).append((run, question.id))

    @property
    def answers(self) -> set[str]:
        """The documents that answer a held-out question."""
        return {answer for question in self.questions for answer in question.answers}

    def in_questions(self, ids: Sequence[str], texts: Sequence[str]) -> list[Leak]:
        """The questions to learn from that are held out: by id, by text, by near text, or within a longer text.

        Case, punctuation and negations do not count. `ids` and `texts` are of the same questions; the first rule that finds
        a question is named.
        """
        normal = {
            " ".join(words(text)): question.id for text, question in zip(self._texts, self.questions, strict=True)
        }
        found: dict[int, Leak] = {}
        for position, (question_id, text) in enumerate(zip(ids, texts, strict=True)):
            if question_id in self._ids:
                found[position] = Leak(position, question_id, "same id")
            elif (same := normal.get(" ".join(words(text)))) is not None:
                found[position] = Leak(position, same, "same text")
        for position, other in self._near.pairs(texts):
            found.setdefault(position, Leak(position, self.questions[other].id, "near text"))
        for leak in self.in_passages(texts):
            found.setdefault(leak.position, Leak(leak.position, leak.question_id, "text within a longer one"))
        return [found[position] for position in sorted(found)]

    def in_passages(self, texts: Sequence[str]) -> list[Leak]:
        """The passages that hold a held-out question, or a sentence near one.

        It is held where all its words are in a row, of 25 words and more any 13 of them. Of fewer than four words it is
        held where a sentence is equal to it.
        """
        found: dict[int, Leak] = {}
        for position, text in enumerate(texts):
            passage = words(text)
            for start in range(len(passage) - MIN_WORDS_WITHIN + 1):
                candidates = self._starts.get(tuple(passage[start : start + MIN_WORDS_WITHIN]), ())
                hit = next((q for run, q in candidates if tuple(passage[start : start + len(run)]) == run), None)
                if hit is not None:
                    found[position] = Leak(position, hit, "text within a passage")
                    break
        for leak in self._near_sentences({i: text for i, text in enumerate(texts) if i not in found}):
            found.setdefault(leak.position, leak)
        return [found[position] for position in sorted(found)]

    def _near_sentences(self, texts: Mapping[int, str]) -> Iterator[Leak]:
        """A leak for every sentence of `texts` (by position) that is near a question, or equal to a short one."""
        holders: dict[str, list[int]] = {}
        for position, text in texts.items():
            for sentence in _sentences(text):
                holders.setdefault(sentence, []).append(position)
        long: list[str] = []
        for sentence, positions in holders.items():
            found = words(sentence)
            if len(found) >= MIN_WORDS_WITHIN:
                long.append(sentence)
            elif (short := self._short.get(" ".join(found))) is not None:
                yield from (Leak(position, short, "text within a passage") for position in positions)
        for i, other in self._near.pairs(long):
            if self._lengths[other] >= MIN_WORDS_WITHIN:
                name = self.questions[other].id
                yield from (Leak(position, name, "near text within a passage") for position in holders[long[i]])


@dataclass(frozen=True)
class Learned:
    """What a tuned model was trained on, train and dev: texts of questions, and the doc_ids of their answers."""

    questions: Sequence[str]
    documents: Sequence[str]

    @classmethod
    def of_rows(cls, rows: Sequence[Mapping[str, Any]]) -> "Learned":
        """From the rows of a training set; sorted, each text and document once."""
        return cls(sorted({row["question"] for row in rows}), sorted({row["doc_id"] for row in rows}))

    @classmethod
    def of(cls, folder: Path | None) -> "Learned | None":
        """As it was written into a model's folder; None where it was not: such a model was not tuned here."""
        file = folder / LEARNED if folder else None
        return cls(**json.loads(file.read_text("utf-8"))) if file and file.is_file() else None

    def and_of(self, other: "Learned | None") -> "Learned":
        """This and what `other` learned before."""
        if other is None:
            return self
        return Learned(
            sorted({*self.questions, *other.questions}),
            sorted({*self.documents, *other.documents}),
        )

    def write(self, folder: Path) -> None:
        """Write it into a model's folder; a model's fingerprint does not depend on it."""
        raw = {"questions": list(self.questions), "documents": list(self.documents)}
        (folder / LEARNED).write_text(json.dumps(raw, indent=1), "utf-8")

    def answering(self, questions: Sequence[Question]) -> list[str]:
        """The ids of `questions` that a learned document answers."""
        documents = set(self.documents)
        return [question.id for question in questions if not documents.isdisjoint(question.answers)]

    def near(self, questions: Sequence[Question]) -> list[str]:
        """The ids of `questions` that are equal or nearly equal to a learned one."""
        same = {" ".join(words(text)) for text in self.questions}
        like = {i for i, question in enumerate(questions) if " ".join(words(question.text)) in same}
        like |= {i for i, _ in near_questions([question.text for question in questions], self.questions)}
        return [questions[i].id for i in sorted(like)]

    def reasons(self, questions: Sequence[Question]) -> dict[str, str]:
        """Why a question, by its id, says nothing about the model; questions that do are not named."""
        return {
            **dict.fromkeys(self.answering(questions), LEARNED_DOCUMENT),
            **dict.fromkeys(self.near(questions), LEARNED_QUESTION),
        }


def _sentences(text: str) -> list[str]:
    """The sentences of `text`, its lines, in case a sentence ends without a mark, and the whole where it is short."""
    pieces = [text] if len(text.split()) < SHORT_WORDS / NEAR_QUESTION else []
    pieces += [sentence for paragraph in PARAGRAPH.split(text) for sentence in SENTENCE.split(paragraph)]
    pieces += [sentence for line in text.splitlines() for sentence in SENTENCE.split(line)]
    return list(dict.fromkeys(" ".join(piece.split()) for piece in pieces if piece.strip()))


def _runs(question: Sequence[str]) -> list[tuple[str, ...]]:
    """The runs of words that give a question away inside a passage."""
    if len(question) < MIN_WORDS_WITHIN:
        return []
    if len(question) < SHORT_WORDS:
        return [tuple(question)]
    return [tuple(question[i : i + NGRAM]) for i in range(len(question) - NGRAM + 1)]
