"""The chunkers: bounded passages that cover the text in order, cut at headings; and the whole document as one passage."""

import tokenizers
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pytest import fixture

from llmops_pipelines.corpus.chunking.passages import PassageChunker
from llmops_pipelines.corpus.chunking.protocol import Chunker, Passage
from llmops_pipelines.corpus.chunking.section_chunker import SectionChunker
from llmops_pipelines.corpus.chunking.tokenizer import ChunkTokenizer
from llmops_pipelines.corpus.chunking.whole_document import WholeDocumentChunker

PIECES = [
    "word ",
    "a",
    "b",
    " ",
    "\n",
    "\n\n",
    "# ",
    "## ",
    "- ",
    "> ",
    "```\n",
    "| a | b |\n|---|---|\n",
    ".",
    "!",
    "1",
]
PIECES += [
    "\t",
    "\r\n",
    "é",
    "e\u0301",
    "漢",
    "字",
    "👨‍👩‍👧",
    "क\u094d",
    "\u200d",
    "\u00a0",
    "\u3000",
    "[SEP]",
    "##s",
    "ﷺ",
]
PIECES += ["x" * 90, "y" * 15, "antidisestablishmentarianism "]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=80).map("".join) | st.text(max_size=40)


@fixture(scope="module")
def counter(tokenizer: ChunkTokenizer) -> tokenizers.Tokenizer:
    """The same tokenizer file, opened by itself."""
    counter = tokenizers.Tokenizer.from_file(str(tokenizer.path))
    counter.no_truncation()
    counter.no_padding()
    return counter


def check(text: str, passages: list[Passage], counter: tokenizers.Tokenizer, bound: int | None) -> None:
    position, left_out = 0, ""
    for passage in passages:
        assert passage.start >= position, "passages overlap or are out of order"
        assert passage.text == text[passage.start : passage.end]
        assert passage.text.strip()
        assert passage.tokens == len(counter.encode(passage.text).ids)
        assert bound is None or passage.tokens <= bound
        left_out += text[position : passage.start]
        position = passage.end
    assert not (left_out + text[position:]).strip(), "visible characters are in no passage"


@settings(deadline=None, max_examples=120)
@given(TEXTS)
@example("x" * 101 + " word" * 30)
@example("👨‍👩‍👧" * 40)
def test_passages_are_bounded_and_cover_the_text_in_order(
    small: PassageChunker, small_sections: SectionChunker, counter: tokenizers.Tokenizer, text: str
):
    for chunker in (small, small_sections):
        passages = chunker.split(text)
        check(text, passages, counter, 16)
        assert chunker.split(text) == passages


def test_a_chunker_of_the_same_settings_makes_the_same_passages(tokenizer: ChunkTokenizer, small: PassageChunker):
    text = "# Tides\n\n" + "The moon pulls the sea, so that most coasts see two high waters a day. " * 20
    again = PassageChunker(ChunkTokenizer(tokenizer.path), 16)
    assert again.identity == small.identity
    assert again.split(text) == small.split(text)


def test_passages_are_cut_at_headings(small: PassageChunker):
    sections = [
        "# Bees\n\nBees live in colonies of many workers.",
        "## Dance\n\nA forager dances on the comb.",
        "# Bread\n\nYeast.",
    ]
    assert [passage.text for passage in small.split("\n\n".join(sections) + "\n")] == sections


def test_a_passage_never_spans_two_sections(tokenizer: ChunkTokenizer):
    text = "# Bees\n\nBees.\n\nHoney\n-----\n\nSweet."
    chunker = SectionChunker(tokenizer, 256, 128)
    assert [passage.text for passage in chunker.split(text)] == ["# Bees\n\nBees.", "Honey\n-----\n\nSweet."]


def test_a_long_sentence_is_cut_between_words(small: PassageChunker):
    words = [f"word{number}" for number in range(200)]
    passages = small.split(" ".join(words))
    assert [word for passage in passages for word in passage.text.split()] == words


def test_a_text_within_the_bound_is_one_passage(small: PassageChunker):
    assert small.split("\n\nTwo short lines.\n\nNo more.\n\n") == [Passage(2, 28, "Two short lines.\n\nNo more.", 9)]


def test_a_line_of_a_hundred_thousand_characters(tokenizer: ChunkTokenizer, counter: tokenizers.Tokenizer):
    text = ("lorem ipsum dolor sit amet " * 4000)[:100_000]
    passages = PassageChunker(tokenizer, 256).split(text)
    check(text, passages, counter, 256)
    assert sum(len(passage.text.split()) for passage in passages) == len(text.split())
    assert min(passage.tokens for passage in passages[:-1]) > 240


def test_blank_texts_have_no_passages(small: PassageChunker, tokenizer: ChunkTokenizer):
    for blank in ("", " ", "\n\t \u3000\n"):
        assert small.split(blank) == []
        assert WholeDocumentChunker(tokenizer).split(blank) == []


@settings(deadline=None, max_examples=50)
@given(TEXTS.filter(str.strip))
def test_a_whole_document_is_one_passage(tokenizer: ChunkTokenizer, counter: tokenizers.Tokenizer, text: str):
    expected = Passage(0, len(text), text, len(counter.encode(text).ids))
    assert WholeDocumentChunker(tokenizer).split(text) == [expected]


def test_a_whole_document_is_counted_beyond_the_window_of_the_model(tokenizer: ChunkTokenizer):
    chunker: Chunker = WholeDocumentChunker(tokenizer)
    assert chunker.max_tokens is None
    [passage] = chunker.split("moon " * 5000)
    assert passage.tokens == 5002


def test_identity_follows_chunker_settings_and_tokenizer(tokenizer: ChunkTokenizer, tmp_path):
    other = ChunkTokenizer(tmp_path / "tokenizer.json")
    other.path.write_text(tokenizer.path.read_text("utf-8") + " ", "utf-8")
    chunkers: list[Chunker] = [
        PassageChunker(tokenizer, 16),
        PassageChunker(tokenizer, 17),
        PassageChunker(other, 16),
        SectionChunker(tokenizer, 16, 8),
        SectionChunker(tokenizer, 17, 8),
        SectionChunker(tokenizer, 16, 9),
        WholeDocumentChunker(tokenizer),
        WholeDocumentChunker(other),
    ]
    assert len({chunker.identity for chunker in chunkers}) == len(chunkers)


def test_special_tokens_are_counted(tokenizer: ChunkTokenizer):
    assert tokenizer.special_tokens == 2
    assert tokenizer.counts(["moon", "", "the moon"]) == [3, 2, 4]
    assert tokenizer.counts([]) == []
