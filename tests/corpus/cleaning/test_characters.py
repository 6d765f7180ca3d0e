"""Control characters and Unicode normalisation: what goes, and what must stay though nobody sees it."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmops_pipelines.corpus.cleaning.control_characters import ControlCharacters
from llmops_pipelines.corpus.cleaning.unicode_nfc import UnicodeNfc

ZWNJ, ZWJ = "\u200c", "\u200d"
INVISIBLE = [chr(code) for code in range(32) if code not in (9, 10, 13)] + ["\x7f", "\x80", "\x9f"]
INVISIBLE += ["\u00ad", "\u200b", "\u200e", "\u200f", "\u202a", "\u202e", "\u2060", "\u2066", "\ufeff", "\ud83d"]


@pytest.mark.parametrize("character", INVISIBLE, ids=lambda character: f"U+{ord(character):04X}")
def test_an_invisible_character_is_removed(character: str):
    assert ControlCharacters().repair(f"one{character}word") == "oneword"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\u2028", "\u2029", "\u0085"])
def test_line_ends_become_newlines(end: str):
    assert ControlCharacters().repair(f"one{end}two{end}{end}three") == "one\ntwo\n\nthree"


@pytest.mark.parametrize(
    "text",
    [
        "tab\tand newline\n",
        f"👨{ZWJ}👩{ZWJ}👧 and ❤\ufe0f{ZWJ}🔥 and 🏳\ufe0f{ZWJ}🌈",
        f"می{ZWNJ}خواهم و کتاب{ZWNJ}ها",
        f"क\u094d{ZWJ}ष और क\u094d{ZWNJ}ष",
        "no\u00a0break",
        "e\u0301",
        "漢字、かな。",
    ],
)
def test_what_belongs_to_the_text_stays(text: str):
    assert ControlCharacters().repair(text) == text


@pytest.mark.parametrize("joiner", [ZWNJ, ZWJ])
def test_joiners_that_join_nothing_go(joiner: str):
    assert ControlCharacters().repair(f"la{joiner}tin {joiner}{joiner}end{joiner}") == "latin end"
    assert ControlCharacters().repair(f"کتاب{joiner} است{joiner}") == "کتاب است"


TEXTS = st.text(st.characters() | st.sampled_from([*INVISIBLE, ZWNJ, ZWJ, "\r", "\n", "\u2028", "a", "é", "क"]))


@settings(max_examples=300)
@given(TEXTS)
def test_no_control_character_is_left_and_a_second_time_changes_nothing(text: str):
    mended = ControlCharacters().repair(text)
    assert not [c for c in mended if unicodedata.category(c) in ("Cc", "Cs") and c not in "\t\n"]
    assert ControlCharacters().repair(mended) == mended


@given(st.text(st.characters(exclude_categories=["C", "Zl", "Zp"])))
def test_text_without_invisible_characters_stays_as_it_is(text: str):
    assert ControlCharacters().repair(text) == text


def test_equal_letters_become_equal_characters():
    assert UnicodeNfc().repair("cafe\u0301 A\u030angstro\u0308m \u212b") == "café Ångström Å"
    assert UnicodeNfc().repair("\u1112\u1161\u11ab") == "한"


@pytest.mark.parametrize("text", ["x² + y₂", "ﬁne", "½", "①", "Å"])
def test_what_nfkc_would_rewrite_stays(text: str):
    assert UnicodeNfc().repair(text) == text


@given(st.text())
def test_the_result_is_normalised_and_canonically_the_same(text: str):
    mended = UnicodeNfc().repair(text)
    assert unicodedata.is_normalized("NFC", mended)
    assert unicodedata.normalize("NFD", mended) == unicodedata.normalize("NFD", text)
