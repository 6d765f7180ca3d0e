"""Boundaries hold still: an edit in one section moves none in another, and few in its own."""

from dataclasses import dataclass

from hypothesis import example, given, settings
from hypothesis import strategies as st

from llmops_pipelines.corpus.chunking.section_chunker import SectionChunker
from llmops_pipelines.corpus.chunking.tokenizer import ChunkTokenizer

WORDS = [
    "bees",
    "dance",
    "on",
    "the",
    "comb",
    "yeast",
    "tides",
    "honey",
    "moon",
    "worker",
    "antidisestablishmentarianism",
]
PARAGRAPH = (
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=24).map(" ".join)
    | st.lists(st.sampled_from(WORDS), min_size=1, max_size=5).map(lambda words: "    " + " ".join(words))
    | st.sampled_from(
        ["```\n# not a heading\n\nx = 1\n```", "- one\n- two\n\n  more", "| a | b |\n|---|---|\n| 1 | 2 |"]
    )
)
HEADING = st.sampled_from(["# Bees", "## Dance", "### `moon`", "Tides\n=====", "Honey\n-----", "Yeast\n~~~~~~", "#"])
SECTION = st.tuples(HEADING, st.lists(PARAGRAPH, min_size=1, max_size=8))


@dataclass(frozen=True)
class Edit:
    """Another text for one section, by inserting, deleting or changing one of its paragraphs."""

    before: list[tuple[str, list[str]]]
    section: int
    after: list[tuple[str, list[str]]]


@st.composite
def edits(draw: st.DrawFn) -> Edit:
    before = draw(st.lists(SECTION, min_size=2, max_size=6))
    if draw(st.booleans()):
        before[0] = ("", before[0][1])  # what stands before the first heading
    section = draw(st.integers(0, len(before) - 1))
    heading, paragraphs = before[section]
    place = draw(st.integers(0, len(paragraphs) - 1))
    kind = draw(st.sampled_from(["insert", "delete", "change"] if len(paragraphs) > 1 else ["insert", "change"]))
    new = [] if kind == "delete" else [draw(PARAGRAPH)]
    edited = [*paragraphs[:place], *new, *paragraphs[place + (kind != "insert") :]]
    return Edit(before, section, [*before[:section], (heading, edited), *before[section + 1 :]])


def cuts(chunker: SectionChunker, document: list[tuple[str, list[str]]]) -> list[list[tuple[int, int, str]]]:
    """The passages of each section, offsets counted from where the section begins; none is in two sections."""
    texts = ["\n\n".join(filter(None, [heading, *paragraphs])) + "\n\n" for heading, paragraphs in document]
    passages = chunker.split("".join(texts))
    found: list[list[tuple[int, int, str]]] = []
    begin = 0
    for text in texts:
        end = begin + len(text)
        inside = [passage for passage in passages if begin <= passage.start < end]
        assert all(passage.end <= end for passage in inside)
        found.append([(passage.start - begin, passage.end - begin, passage.text) for passage in inside])
        begin = end
    assert sum(map(len, found)) == len(passages)
    return found


@settings(deadline=None, max_examples=200)
@given(edits())
@example(Edit([("# Bees", ["bees"]), ("# Bees", ["moon"])], 0, [("# Bees", ["bees " * 90]), ("# Bees", ["moon"])]))
def test_an_edit_in_one_section_moves_no_boundary_in_another(small_sections: SectionChunker, edit: Edit):
    before, after = cuts(small_sections, edit.before), cuts(small_sections, edit.after)
    for section in range(len(before)):
        if section != edit.section:
            assert after[section] == before[section]


def test_an_edit_in_a_long_section_moves_few_of_its_boundaries(tokenizer: ChunkTokenizer):
    chunker = SectionChunker(tokenizer, 64, 32)
    paragraphs = [f"Colony {number} sends {number * 7} workers to the {number % 5}th meadow." for number in range(120)]
    before = {passage.text for passage in chunker.split("\n\n".join(paragraphs))}
    assert len(before) > 30
    moved = []
    for place in range(0, len(paragraphs), 5):
        for new in ([], ["A worker dances."], ["A worker dances on the comb, and the others go out to the meadow."]):
            for taken in (0, 1):
                edited = [*paragraphs[:place], *new, *paragraphs[place + taken :]]
                moved.append(len({passage.text for passage in chunker.split("\n\n".join(edited))} - before))
    assert sum(moved) / len(moved) < 2
    assert max(moved) <= 6


def test_no_part_of_a_long_section_is_a_crumb_where_paragraphs_are_short(tokenizer: ChunkTokenizer):
    chunker = SectionChunker(tokenizer, 256, 128)
    paragraphs = [f"Colony {number} sends {number * 7} workers to the {number % 5}th meadow." for number in range(300)]
    tokens = [passage.tokens for passage in chunker.split("# Bees\n\n" + "\n\n".join(paragraphs))]
    assert min(tokens) >= 256 / 8
    assert max(tokens) <= 256 / 2


def test_a_section_of_equal_paragraphs_is_cut_in_reasonable_time(tokenizer: ChunkTokenizer):
    passages = SectionChunker(tokenizer, 64, 32).split("The same line.\n\n" * 20_000)
    assert sum(passage.text.count("same") for passage in passages) == 20_000
    assert max(passage.tokens for passage in passages) <= 64
