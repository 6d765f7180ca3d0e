"""The default chunker: passages of bounded length that begin and end at headings and paragraphs where they can."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from llmops_pipelines.corpus.chunking.protocol import Passage
from llmops_pipelines.corpus.chunking.tokenizer import ChunkTokenizer
from llmops_pipelines.storage.identity import value_hash

if TYPE_CHECKING:
    from semantic_text_splitter import MarkdownSplitter


@dataclass(frozen=True)
class PassageChunker:
    """Cuts at the highest Markdown level that keeps a passage within `max_tokens`, by semantic-text-splitter."""

    tokenizer: ChunkTokenizer
    max_tokens: int
    name: ClassVar[str] = "passages"
    version: ClassVar[int] = 1

    @property
    def identity(self) -> str:
        return value_hash([self.name, self.version, self.max_tokens, self.tokenizer.identity])

    @cached_property
    def _splitter(self) -> "MarkdownSplitter":
        from semantic_text_splitter import MarkdownSplitter

        # The splitter counts without special tokens; the bound is with them.
        capacity = self.max_tokens - self.tokenizer.special_tokens
        return MarkdownSplitter.from_huggingface_tokenizer(self.tokenizer.tokenizer, capacity)

    def split(self, text: str) -> list[Passage]:
        pieces = [(start, piece) for start, piece in self._splitter.chunk_indices(text) if piece.strip()]
        counts = self.tokenizer.counts([piece for _, piece in pieces])
        return [
            Passage(start, start + len(piece), piece, tokens)
            for (start, piece), tokens in zip(pieces, counts, strict=True)
        ]
