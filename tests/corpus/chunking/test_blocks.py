"""Sections and paragraphs: which lines are headings, and which only look like one."""

import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmops_pipelines.corpus.chunking.blocks import blocks, sections

LINES = [
    "# H",
    "text",
    "",
    "  ",
    "---",
    "===",
    "~~~",
    "```",
    "````",
    "```python",
    "    code",
    "a`b",
    "- x",
    "\t# t",
    "#",
    "\r",
]


def headings(text: str) -> list[str]:
    return [text[block.start : block.end].strip() for block in blocks(text) if block.is_heading]


@pytest.mark.parametrize(
    "text",
    [
        "# Bees",
        "   ###### Bees #",
        "#",
        "Bees\n====",
        "Bees and honey\n---",
        "Bees\n~~~~~",
        "====\nBees\n====",
        "#\tBees",
    ],
)
def test_headings(text: str):
    assert headings(f"before\n\n{text}\n\nafter") == [text.strip()]


@pytest.mark.parametrize(
    "text",
    [
        "#Bees",
        "    # Bees",
        "####### Bees",
        "Bees live\nin colonies\n---------",  # a paragraph and a rule
        "Bees and honey\n~~~",  # shorter than its title
        "  Bees\n  ----",
        "----",
        "====\n----",
        "==== ====\nBees Wasp\n==== ====",
        "```\n# Bees\n```",
        "~~~ sh\n```\n# Bees\n\nWasps\n=====\n~~~",
        "````\n```\n# Bees\n````",
    ],
)
def test_what_is_no_heading(text: str):
    assert headings(f"before\n\n{text}\n\nafter") == []


def test_a_fence_that_is_never_closed_hides_no_heading():
    assert headings("```\n# Bees\n\n~~~\n# Bread") == ["# Bees", "# Bread"]


def test_fenced_code_is_one_block_with_its_blank_lines():
    text = "Run it:\n\n```sh\na\n\n\nb\n```\n\nDone."
    assert [text[block.start : block.end].strip() for block in blocks(text)] == [
        "Run it:",
        "```sh\na\n\n\nb\n```",
        "Done.",
    ]


def test_headings_that_follow_one_another_open_one_section():
    text = "Before.\n\n# Bees\n\n## Dance\nA forager dances.\n\nOn the comb.\n\n## Honey\n\nIs sweet."
    found = [[text[block.start : block.end].strip() for block in section] for section in sections(text)]
    assert found == [
        ["Before."],
        ["# Bees", "## Dance", "A forager dances.", "On the comb."],
        ["## Honey", "Is sweet."],
    ]


@settings(deadline=None)
@given(st.lists(st.sampled_from(LINES), max_size=30).map("\n".join) | st.text(max_size=60))
def test_blocks_cover_the_text_in_order(text: str):
    found = blocks(text)
    assert bool(found) == bool(text.strip())
    for block, following in pairwise(found):
        assert block.start < block.end == following.start
    if found:
        assert not text[: found[0].start].strip()
        assert found[-1].end == len(text)
    assert [block for section in sections(text) for block in section] == found


def test_many_fences_that_are_never_closed_take_linear_time():
    text = "\n\n".join(f"```lang{number}" for number in range(20_000))
    started = time.process_time()
    assert len(blocks(text)) == 20_000
    assert time.process_time() - started < 5
