"""Real passages and real questions with their vectors: what the rows of the benchmark are made of, and what is asked.

Passages: SciFact's abstracts and the tldr pages (LLMOPS_DATA), and the documentation of the packages of the shipped
corpus, cut by the default chunker. Questions: SciFact's claims and the written questions of the shipped corpus.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from llmops_pipelines.corpus.chunking.passages import PassageChunker
from llmops_pipelines.corpus.chunking.tokenizer import ChunkTokenizer
from llmops_pipelines.corpus.document import Skipped
from llmops_pipelines.corpus.sources.beir import BeirSource
from llmops_pipelines.corpus.sources.directory import DirectorySource
from llmops_pipelines.corpus.sources.protocol import Source
from llmops_pipelines.corpus.sources.python_docs import PythonDocsSource
from llmops_pipelines.embedding.embedder import Use
from llmops_pipelines.embedding.missing import embed_missing
from llmops_pipelines.embedding.model_folder import bundled_model
from llmops_pipelines.embedding.torch_embedder import TorchEmbedder
from llmops_pipelines.embedding.vectors import vector_array
from llmops_pipelines.evaluation.question_files import load_questions
from llmops_pipelines.storage import schemas
from llmops_pipelines.storage.identity import text_hash
from llmops_pipelines.storage.lake import Lake

if TYPE_CHECKING:
    import numpy as np

PACKAGES = ("dagster", "pandas", "pyarrow", "lancedb")
WRITTEN = Path(__file__).parents[2] / "assets" / "python_docs" / "evaluation" / "written.jsonl"


@dataclass(frozen=True)
class Real:
    """Distinct texts with their vectors (texts, dimension), and the collection of each; of questions it is their set."""

    texts: list[str]
    collections: list[str]
    vectors: "np.ndarray"


def real_passages(data: Path, pages: Path, lake: Lake) -> Real:
    """Every distinct passage, in the order of the sources. Vectors are kept in `lake`, so that none is made twice."""
    sources: dict[str, Source] = {
        "scifact": BeirSource(data / "retrieval" / "scifact"),
        "tldr": DirectorySource(str(pages), hidden=True),
        "python_docs": PythonDocsSource(PACKAGES),
    }
    model = bundled_model()
    chunker = PassageChunker(ChunkTokenizer(model.tokenizer_path), model.text_tokens)
    collections: dict[str, str] = {}
    for name, source in sources.items():
        print(f"cutting {name}", file=sys.stderr, flush=True)
        collections |= {text: name for text in _passages(source, chunker) if text not in collections}
    return _embedded(collections, lake, "passages", "document")


def real_questions(data: Path, lake: Lake) -> Real:
    """Every distinct question, those of the two sets in turn, so that the first hundred are of both."""
    claims = [question.text for question in load_questions(data / "retrieval" / "scifact", "scifact")]
    written = [question.text for question in load_questions(WRITTEN, "python_docs")]
    longest = max(len(claims), len(written))
    collections: dict[str, str] = {}
    for i in range(longest):
        for name, texts in (("scifact", claims), ("python_docs", written)):
            if i < len(texts):
                collections.setdefault(texts[i], name)
    return _embedded(collections, lake, "questions", "query")


def _passages(source: Source, chunker: PassageChunker) -> Iterator[str]:
    for document in source.documents():
        if not isinstance(document, Skipped):
            yield from (passage.text for passage in chunker.split(document.text))


def _embedded(collections: dict[str, str], lake: Lake, table: str, use: Use) -> Real:
    embedder = TorchEmbedder(bundled_model())
    by_hash = {text_hash(text): text for text in collections}
    writer = lake.writer(table, schemas.embeddings(embedder.dimension))
    embed_missing(embedder, by_hash, writer, use, _progress)
    stored = writer.stored().arrow(["content_hash", "vector"])
    position = {content_hash: i for i, content_hash in enumerate(stored["content_hash"].to_pylist())}
    vectors = vector_array(stored["vector"])[[position[content_hash] for content_hash in by_hash]]
    return Real(list(by_hash.values()), list(collections.values()), vectors)


def _progress(done: int, total: int) -> None:
    end = "\n" if done == total else "\r"
    print(f"embedded {done:,} of {total:,}", end=end, file=sys.stderr, flush=True)
