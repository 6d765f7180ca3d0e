"""Length, language and exact duplicates: what each rule keeps and what it drops, with the reason."""

import gzip
import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmops_pipelines.corpus.cleaning.exact_duplicates import ExactDuplicates
from llmops_pipelines.corpus.cleaning.language import Language, identify, probabilities
from llmops_pipelines.corpus.cleaning.length import Length

ENGLISH = (
    "The moon pulls the sea towards itself, and because the earth turns below it most coasts see the water rise and "
    "fall two times a day, a little later each time."
)
GERMAN = (
    "Der Mond zieht das Meer zu sich heran, und weil sich die Erde unter ihm dreht, sehen die meisten Küsten das Wasser "
    "zwei Mal am Tag steigen und fallen, jedes Mal ein wenig später."
)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no text"),
        (" \n\t\u3000 ", "no text"),
        ("abcd", "4 characters, at least 5 are needed"),
        ("  abcd  ", "4 characters, at least 5 are needed"),
        ("abcde", None),
        (" abcdefghij ", None),
        ("abcdefghijk", "11 characters, at most 10 are allowed"),
    ],
)
def test_length_counts_without_spaces_at_the_ends(text: str, reason: str | None):
    assert Length(5, 10).reject(text) == reason


def test_length_keeps_twenty_characters_by_default():
    assert Length().reject("x" * 20) is None
    assert Length().reject("x" * 19) == "19 characters, at least 20 are needed"
    assert Length().reject("x" * 2_000_001) == "2,000,001 characters, at most 2,000,000 are allowed"


def test_every_language_is_kept_where_none_is_named():
    assert Language().reject(GERMAN) is None


def test_a_text_in_another_language_is_dropped_with_the_reason():
    assert Language(("en",)).reject(ENGLISH) is None
    assert Language(("de", "en")).reject(GERMAN) is None
    reason = Language(("en", "fr")).reject(GERMAN)
    assert reason is not None
    assert reason.startswith("de; en, fr has probability ")
    assert float(reason.split()[-1]) < 0.01


def test_short_texts_code_and_texts_without_words_are_not_dropped():
    letters = sum(map(str.isalpha, GERMAN))
    assert Language(("fr",)).reject("Five words are too few.") is None
    assert Language(("fr",)).reject("12345 67890 + - * / 1.5" * 20) is None
    assert Language(("fr",), min_letters=letters).reject(GERMAN) is not None
    assert Language(("fr",), min_letters=letters + 1).reject(GERMAN) is None


def test_a_language_is_as_likely_as_all_its_relatives_leave_it():
    found = probabilities(GERMAN)
    assert sum(found.values()) == pytest.approx(1, abs=1e-3)
    assert max(found, key=found.__getitem__) == identify(GERMAN) == "de"


def test_a_text_without_words_has_no_language():
    assert identify("12 + 30 = 42 ... a b c") == "und"
    assert not probabilities("12 + 30 = 42 ... a b c")


def test_only_the_beginning_of_a_long_text_is_looked_at():
    assert identify(ENGLISH * 40 + GERMAN * 1000) == "en"


@pytest.fixture(scope="module")
def paragraphs(labelled_data: Path) -> list[tuple[str, str]]:
    """2,880 paragraphs in twelve languages, with their language."""
    with gzip.open(labelled_data / "cleaning" / "language" / "langid.jsonl.gz", "rt", encoding="utf-8") as lines:
        records = [json.loads(line) for line in lines]
    return [(record["lang"], record["text"]) for record in records if record["kind"] == "paragraph"]


def test_the_language_of_paragraphs_is_right_in_99_of_100(paragraphs: list[tuple[str, str]]):
    right = Counter(language for language, text in paragraphs if identify(text) == language)
    assert len(paragraphs) == 12 * 240
    assert sum(right.values()) >= 0.99 * len(paragraphs)
    assert min(right[language] for language, _ in paragraphs) >= 0.97 * 240


def test_no_english_paragraph_is_dropped_and_hardly_one_of_the_others_is_kept(paragraphs: list[tuple[str, str]]):
    english = Language(("en",))
    kept = Counter(language for language, text in paragraphs if english.reject(text) is None)
    assert kept.pop("en") == 240
    assert sum(kept.values()) <= 3


def test_the_first_document_by_name_is_kept():
    hashes = {"c": "one", "a": "two", "d": "one", "b": "one", "e": "two", "f": "three"}
    assert ExactDuplicates().duplicates(hashes) == {"c": "b", "d": "b", "e": "a"}


@given(st.dictionaries(st.text(max_size=2), st.sampled_from("xyz")))
def test_one_document_a_text_is_kept(hashes: dict[str, str]):
    duplicates = ExactDuplicates().duplicates(hashes)
    kept = sorted(hashes.keys() - duplicates.keys())
    assert [hashes[doc_id] for doc_id in kept] == list(dict.fromkeys(hashes[doc_id] for doc_id in sorted(hashes)))
    assert all(hashes[doc_id] == hashes[first] and first in kept for doc_id, first in duplicates.items())
