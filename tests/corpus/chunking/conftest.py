"""Chunkers with the tokenizer of the bundled model."""

import pytest

from llmops_pipelines.corpus.chunking.passages import PassageChunker
from llmops_pipelines.corpus.chunking.section_chunker import SectionChunker
from llmops_pipelines.corpus.chunking.tokenizer import ChunkTokenizer
from llmops_pipelines.embedding.model_folder import ModelFolder


@pytest.fixture(scope="session")
def tokenizer(model: ModelFolder) -> ChunkTokenizer:
    return ChunkTokenizer(model.tokenizer_path)


@pytest.fixture(scope="session")
def small(tokenizer: ChunkTokenizer) -> PassageChunker:
    """Passages of at most 16 tokens."""
    return PassageChunker(tokenizer, 16)


@pytest.fixture(scope="session")
def small_sections(tokenizer: ChunkTokenizer) -> SectionChunker:
    """Parts of sections of at most 16 tokens."""
    return SectionChunker(tokenizer, 16, 8)
