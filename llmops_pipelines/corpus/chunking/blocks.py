"""The structure that passages are cut along: sections of paragraphs. Knows Markdown's and reStructuredText's headings.

Looks at the text only: how long anything is in tokens is decided elsewhere.
"""

import re
from dataclasses import dataclass

LINE = re.compile(r"[^\n]*\n|[^\n]+")
HASHED_HEADING = re.compile(r" {0,3}#{1,6}(?:[ \t]|$)")
ADORNMENT = re.compile(r"([=\-~^\"'`#*+.:_<>])\1{2,}")
FENCE = re.compile(r" {0,3}(?:(`{3,})[^`]*|(~{3,}).*)")


@dataclass(frozen=True)
class Block:
    """A heading, or a paragraph: lines up to a blank one, or fenced code. `start` and `end` are characters."""

    start: int
    end: int
    is_heading: bool
    indent: int


def sections(text: str) -> list[list[Block]]:
    """The blocks of `text` by section: a heading, or several that follow one another, and what stands below.

    What stands before the first heading is a section too. None where the text is blank.
    """
    found: list[list[Block]] = []
    for block in blocks(text):
        if not found or (block.is_heading and not found[-1][-1].is_heading):
            found.append([])
        found[-1].append(block)
    return found


def blocks(text: str) -> list[Block]:
    """The headings and paragraphs of `text` in order; each ends where the next begins."""
    spans = [match.span() for match in LINE.finditer(text)]
    lines = [text[start:end].rstrip() for start, end in spans]
    found: list[tuple[int, bool, int]] = []  # start, whether a heading, indent
    never_closed: dict[str, int] = {}
    in_paragraph = False
    number = 0
    while number < len(lines):
        line, start = lines[number], spans[number][0]
        if not line:
            in_paragraph = False
            number += 1
            continue
        height = _heading_lines(lines, number, in_paragraph)
        if height:
            found.append((start, True, 0))
            in_paragraph = False
            number += height
            continue
        if not in_paragraph:
            found.append((start, False, len(line) - len(line.lstrip())))
            in_paragraph = True
        number = _end_of_fence(lines, number, never_closed) + 1
    ends = [*(start for start, _, _ in found), len(text)][1:]
    return [Block(start, end, heading, indent) for (start, heading, indent), end in zip(found, ends, strict=True)]


def _heading_lines(lines: list[str], number: int, in_paragraph: bool) -> int:
    """How many lines the heading has that begins here: 0 where none does."""
    line = lines[number]
    if HASHED_HEADING.match(line):
        return 1
    if in_paragraph or number + 1 >= len(lines) or not lines[number + 1]:
        return 0
    if ADORNMENT.fullmatch(line):  # a line above the title as well as below it
        closed = number + 2 < len(lines) and lines[number + 2] == line and len(line) >= len(lines[number + 1])
        return 3 if closed and not ADORNMENT.fullmatch(lines[number + 1]) else 0
    if line[0].isspace() or not ADORNMENT.fullmatch(lines[number + 1]):
        return 0
    # Markdown lets an underline be short; reStructuredText, which knows more of them, does not.
    return 2 if lines[number + 1][0] in "=-" or len(lines[number + 1]) >= len(line) else 0


def _end_of_fence(lines: list[str], number: int, never_closed: dict[str, int]) -> int:
    """The line that closes the fence which this line opens; the line itself where it opens none that is closed.

    `never_closed` remembers the lengths of fences without an end, by character, so that none is looked for twice.
    """
    match = FENCE.fullmatch(lines[number])
    if match is None:
        return number
    fence = match.group(1) or match.group(2)
    character, length = fence[0], len(fence)
    if length >= never_closed.get(character, length + 1):
        return number
    for closing in range(number + 1, len(lines)):
        line = lines[closing].strip()
        if len(line) >= length and not line.strip(character):
            return closing
    never_closed[character] = length
    return number
