"""Finds questions that ask nearly the same: short texts, in which one word more or a negation must not hide the other."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from typing import Any

NEAR_QUESTION = 0.6
NGRAM = 13
APOSTROPHES = re.compile(r"['’]")
WORD = re.compile(r"[^\W_]+")  # `index_col`, `index-col` and `index col` are the same words
ACCENTS = re.compile(r"[\u0300-\u036f]")
BLOCK = 1_000
# A question and its negation share their subject: neither may be learned where the other is asked.
NEGATIONS = frozenset(
    {"no", "not", "never", "none", "nor", "neither", "without", "cannot", "cant", "do", "dont", "does", "doesnt", "did"}
    | {
        "didnt",
        "isnt",
        "arent",
        "wasnt",
        "werent",
        "wont",
        "wouldnt",
        "shouldnt",
        "couldnt",
        "hasnt",
        "havent",
        "hadnt",
    }
)


def words(text: str) -> list[str]:
    """The words of `text` in their order: compatibility forms and accents folded, lower case, without punctuation, invisible
    characters and negations, stems.

    Stems, because a negation changes the word beside it: "inhibits", "does not inhibit".
    """
    folded = ACCENTS.sub("", unicodedata.normalize("NFKD", text).casefold())
    seen = "".join(character for character in folded if unicodedata.category(character) != "Cf")
    found = WORD.findall(APOSTROPHES.sub("", seen))
    return [_stem(word) for word in found if word not in NEGATIONS] or found


def ngrams(text_words: Sequence[str], length: int = NGRAM) -> set[tuple[str, ...]]:
    """The runs of `length` successive words; none where there are fewer."""
    return set(zip(*(text_words[i:] for i in range(length)), strict=False))


class NearQuestions:
    """Questions that texts are compared with, read once.

    Nearly equal are two texts whose sets of words have a Jaccard index of at least `threshold`, or that share a run of 13
    words (the usual rule for long texts, which never fires on short questions: Brown et al., "Language models are
    few-shot learners", 2020, appendix C). Exact: every pair is compared.
    """

    def __init__(self, others: Sequence[str], threshold: float = NEAR_QUESTION) -> None:
        self._threshold = threshold
        self._runs: dict[tuple[str, ...], list[int]] = {}
        self._vocabulary: dict[str, int] = {}
        split = [words(text) for text in others]
        for j, found in enumerate(split):
            for run in ngrams(found):
                self._runs.setdefault(run, []).append(j)
            for word in found:
                self._vocabulary.setdefault(word, len(self._vocabulary))
        if self._vocabulary:
            matrix, self._sizes = self._matrix(split)
            self._others = matrix.T.tocsr()

    def pairs(self, texts: Sequence[str]) -> Iterator[tuple[int, int]]:
        """Pairs of positions in `texts` and in the questions whose texts are nearly equal."""
        for start in range(0, len(texts) if self._vocabulary else 0, BLOCK):
            block = [words(text) for text in texts[start : start + BLOCK]]
            matrix, own = self._matrix(block)
            shared = (matrix @ self._others).tocoo()
            union = own[shared.row] + self._sizes[shared.col] - shared.data
            near = shared.data >= self._threshold * union
            found = set(zip((shared.row[near] + start).tolist(), shared.col[near].tolist(), strict=True))
            for i, text_words in enumerate(block, start=start):
                found |= {(i, j) for run in ngrams(text_words) for j in self._runs.get(run, ())}
            yield from sorted(found)

    def _matrix(self, rows: Sequence[Sequence[str]]) -> tuple[Any, Any]:
        """Which word of the questions is in which row, and how many distinct words, known or not, each row has."""
        import numpy as np
        from scipy.sparse import csr_array

        distinct = [set(row) for row in rows]
        columns = [sorted(self._vocabulary[word] for word in row if word in self._vocabulary) for row in distinct]
        starts = np.cumsum([0, *map(len, columns)])
        flat = [column for row in columns for column in row]
        ones = np.ones(len(flat), np.int32)
        matrix = csr_array((ones, flat, starts), shape=(len(rows), len(self._vocabulary)))
        return matrix, np.array([len(row) for row in distinct])


def near_questions(
    texts: Sequence[str], others: Sequence[str], threshold: float = NEAR_QUESTION
) -> Iterator[tuple[int, int]]:
    """Pairs of positions in `texts` and `others` whose texts are nearly equal, as NearQuestions finds them."""
    return NearQuestions(others, threshold).pairs(texts)


@lru_cache(maxsize=200_000)
def _stem(word: str) -> str:
    return _stemmer().stemWord(word)


@cache
def _stemmer() -> Any:
    import snowballstemmer

    return snowballstemmer.stemmer("english")
