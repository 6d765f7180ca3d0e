"""The whole search path on labelled data: XQuAD's 240 paragraphs and 1,190 questions, one right paragraph each."""

from pathlib import Path

import pytest

from llmops_pipelines.corpus.chunking.chunk import chunk_documents
from llmops_pipelines.corpus.chunking.tokenizer import ChunkTokenizer
from llmops_pipelines.corpus.chunking.whole_document import WholeDocumentChunker
from llmops_pipelines.corpus.document import SourceDocument
from llmops_pipelines.corpus.sources.beir import BeirSource
from llmops_pipelines.embedding.missing import embed_missing
from llmops_pipelines.embedding.torch_embedder import TorchEmbedder
from llmops_pipelines.evaluation.figures import SetFigures, figures
from llmops_pipelines.evaluation.measure import measure
from llmops_pipelines.evaluation.question_files import load_questions
from llmops_pipelines.index.build import IndexSettings, build_index
from llmops_pipelines.index.search import SearchIndex
from llmops_pipelines.storage import Lake, schemas
from tests.index.hand_made import HandMade


@pytest.fixture(scope="module")
def found(labelled_data: Path, embedder: TorchEmbedder, tmp_path_factory: pytest.TempPathFactory) -> SetFigures:
    """The figures of the questions on an index that the library builds from the paragraphs, each one passage."""
    folder = labelled_data / "retrieval" / "xquad-en"
    lake = Lake(str(tmp_path_factory.mktemp("xquad") / "lake"))
    source = BeirSource(folder).documents()
    # The published figure is of the paragraphs alone, without the title before them.
    paragraphs = {d.doc_id: d.text.removeprefix(f"{d.title} ") for d in source if isinstance(d, SourceDocument)}
    documents = HandMade(lake).documents({doc_id: [text] for doc_id, text in paragraphs.items()})

    writer = lake.writer("c.chunks", schemas.CHUNKS)
    chunk_documents(WholeDocumentChunker(ChunkTokenizer(embedder.model.tokenizer_path)), documents, writer, None)
    chunks = writer.publish("", "", {})
    writer = lake.writer("c.embeddings", schemas.embeddings(embedder.dimension))
    embed_missing(embedder, {row["content_hash"]: row["text"] for row in chunks.rows()}, writer)
    embeddings = writer.publish("", "", {})
    writer = lake.writer("c.index", schemas.vector_index(embedder.dimension))
    build_index(chunks, documents, embeddings, embedder.fingerprint, IndexSettings(), writer, None)
    index = SearchIndex(writer.publish("", "", {}), IndexSettings())

    questions = load_questions(folder, "xquad")
    writer = lake.writer("c.question_embeddings", schemas.embeddings(embedder.dimension))
    (measured,) = figures(measure(index, embedder, questions, writer).rows)
    return measured


def test_every_question_is_measured(found: SetFigures) -> None:
    assert (found.questions, found.unmeasured, found.headline.clusters) == (1_190, 0, 240)


def test_full_text_reaches_the_published_figure(found: SetFigures) -> None:
    assert found.estimates["bm25"]["nDCG@10"].mean == pytest.approx(0.968, abs=0.02)


@pytest.mark.parametrize("system", ["dense", "hybrid"])
def test_vectors_find_the_paragraphs_too(found: SetFigures, system: str) -> None:
    """No figure is published for these: on so easy a set anything below .9 is a broken pipeline."""
    assert found.estimates[system]["nDCG@10"].mean > 0.9
    assert found.estimates[system]["recall@100"].mean > 0.99
