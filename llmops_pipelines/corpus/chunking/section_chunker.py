"""Passages of bounded length whose boundaries hold still while the text around them is edited."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate
from typing import ClassVar

from llmops_pipelines.corpus.chunking.blocks import Block, sections
from llmops_pipelines.corpus.chunking.passages import PassageChunker
from llmops_pipelines.corpus.chunking.protocol import Passage
from llmops_pipelines.corpus.chunking.tokenizer import ChunkTokenizer
from llmops_pipelines.storage.identity import text_hash, value_hash

CRUMB = 1 / 4  # of the preferred length: no part of a section that is cut is shorter, where paragraphs are short enough


@dataclass(frozen=True)
class SectionChunker:
    """Every section is cut by itself: a passage never spans two, and no section's cuts depend on another.

    A section of more than `preferred_tokens` is cut where its paragraphs allow, one of more than `max_tokens` in any case.
    A section is cut at the paragraph boundary that ranks highest, then each part again, until the parts are short
    enough. The rank is that of the paragraph below the boundary alone: less indented first, then by hash. So an edit
    moves only boundaries whose rank it changes, or near which it makes a part long enough to be cut. A paragraph that
    is over the bound is cut as PassageChunker cuts a text.
    """

    tokenizer: ChunkTokenizer
    max_tokens: int
    preferred_tokens: int
    name: ClassVar[str] = "sections"
    version: ClassVar[int] = 2

    @property
    def identity(self) -> str:
        return value_hash([self.name, self.version, self.max_tokens, self.preferred_tokens, self.tokenizer.identity])

    @cached_property
    def _packing(self) -> PassageChunker:
        return PassageChunker(self.tokenizer, self.max_tokens)

    def split(self, text: str) -> list[Passage]:
        found = sections(text)
        counts = iter(self.tokenizer.counts([text[block.start : block.end] for blocks in found for block in blocks]))
        spans: list[tuple[int, int]] = []
        for blocks in found:
            sizes = [next(counts) - self.tokenizer.special_tokens for _ in blocks]
            spans += [_stripped(text, *span) for span in self._parts(text, blocks, sizes)]
        passages = self._passages(text, spans)
        # Tokens of paragraphs add up for most tokenizers, and nearly so for the others; a part that is over the bound
        # is a paragraph by itself, but for those.
        return [part for passage in passages for part in self._bounded(passage)]

    def _parts(self, text: str, blocks: Sequence[Block], sizes: Sequence[int]) -> Iterator[tuple[int, int]]:
        """The spans of a section's parts, in order."""
        ranks = [(block.indent, text_hash(" ".join(text[block.start : block.end].split()))) for block in blocks]
        before = list(accumulate(sizes, initial=0))
        preferred = self.preferred_tokens - self.tokenizer.special_tokens
        crumb = preferred * CRUMB
        body = next((i for i, block in enumerate(blocks) if not block.is_heading), len(blocks))
        left = [(0, len(blocks))]
        while left:
            first, last = left.pop()
            cuts = range(max(first, body) + 1, last)  # headings stay with the paragraph below
            if not cuts or before[last] - before[first] <= preferred:
                yield blocks[first].start, blocks[last - 1].end
                continue
            ends = (before[first] + crumb, before[last] - crumb)
            cut = min(
                [cut for cut in cuts if ends[0] <= before[cut] <= ends[1]] or cuts,
                key=lambda cut: (ranks[cut], abs(2 * cut - first - last)),
            )
            left += [(cut, last), (first, cut)]

    def _bounded(self, passage: Passage) -> list[Passage]:
        if passage.tokens <= self.max_tokens:
            return [passage]
        return [
            replace(part, start=passage.start + part.start, end=passage.start + part.end)
            for part in self._packing.split(passage.text)
        ]

    def _passages(self, text: str, spans: Sequence[tuple[int, int]]) -> list[Passage]:
        texts = [text[start:end] for start, end in spans]
        counts = self.tokenizer.counts(texts)
        return [Passage(*span, piece, count) for span, piece, count in zip(spans, texts, counts, strict=True)]


def _stripped(text: str, start: int, end: int) -> tuple[int, int]:
    part = text[start:end]
    return start + len(part) - len(part.lstrip()), start + len(part.rstrip())
