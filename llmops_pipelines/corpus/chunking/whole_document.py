"""One passage a document: for collections of short texts, and for figures that are published that way."""

from dataclasses import dataclass
from typing import ClassVar

from llmops_pipelines.corpus.chunking.protocol import Passage
from llmops_pipelines.corpus.chunking.tokenizer import ChunkTokenizer
from llmops_pipelines.storage.identity import value_hash


@dataclass(frozen=True)
class WholeDocumentChunker:
    """The whole text as one passage. A model may truncate it; how many were is counted where they are embedded."""

    tokenizer: ChunkTokenizer
    name: ClassVar[str] = "whole_document"
    version: ClassVar[int] = 1

    @property
    def max_tokens(self) -> None:
        return None

    @property
    def identity(self) -> str:
        return value_hash([self.name, self.version, self.tokenizer.identity])

    def split(self, text: str) -> list[Passage]:
        if not text.strip():
            return []
        return [Passage(0, len(text), text, self.tokenizer.counts([text])[0])]
