"""Searching by text with a real model: the three kinds, empty questions, and vectors of another model refused."""

from pathlib import Path

import pytest

from llmops_pipelines.embedding.model_folder import ModelFolder
from llmops_pipelines.embedding.torch_embedder import TorchEmbedder
from llmops_pipelines.index.search import FingerprintMismatchError, Searcher, SearchError, SearchIndex
from llmops_pipelines.storage import Lake
from tests.conftest import ARTICLES
from tests.embedding.model_copies import copy_of, edit
from tests.index.hand_made import HandMade

PASSAGES = {name: text.strip().split("\n\n") for name, text in ARTICLES.items()}


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory, embedder: TorchEmbedder) -> SearchIndex:
    texts = [text for texts in PASSAGES.values() for text in texts]
    vectors = dict(zip(texts, embedder.embed(texts, "document").vectors, strict=True))
    lake = Lake(str(tmp_path_factory.mktemp("searcher") / "lake"))
    return HandMade(lake, 384, embedder.fingerprint, vectors.__getitem__).build(PASSAGES)[1]


@pytest.mark.parametrize(
    ("question", "document"),
    [
        ("how do insects tell their nest mates about food?", "bees.md"),
        ("what makes dough grow?", "bread.md"),
        ("why does the ocean come and go?", "tides.md"),
        ("how far is one rail from the other?", "rails/gauge.md"),
    ],
)
def test_dense_search_finds_what_is_meant(
    index: SearchIndex, embedder: TorchEmbedder, question: str, document: str
) -> None:
    assert Searcher(index, embedder).search(question, "dense", limit=1)[0].doc_id == document


def test_the_kind_decides_how_is_searched(index: SearchIndex, embedder: TorchEmbedder) -> None:
    searcher = Searcher(index, embedder)
    vector = embedder.embed(["wild yeast"], "query").vectors[0]
    before = embedder.count.queries
    assert searcher.search("wild yeast", "full_text") == index.full_text("wild yeast", 10)
    assert embedder.count.queries == before
    assert searcher.search("wild yeast", "dense", 3) == index.dense(vector, 3)
    assert searcher.search("wild yeast", limit=3) == index.hybrid("wild yeast", vector, 3)
    where = "doc_id LIKE 'rails/%'"
    assert searcher.search("wild yeast", limit=2, where=where) == index.hybrid("wild yeast", vector, 2, where)


@pytest.mark.parametrize("text", ["", "  \n\t"])
@pytest.mark.parametrize("kind", ["hybrid", "dense", "full_text"])
def test_an_empty_question_is_refused(index: SearchIndex, embedder: TorchEmbedder, kind: str, text: str) -> None:
    with pytest.raises(SearchError, match="the question is empty"):
        Searcher(index, embedder).search(text, kind)  # type: ignore[arg-type]


def test_another_model_of_the_same_dimension_is_refused(
    index: SearchIndex, embedder: TorchEmbedder, model: ModelFolder, tmp_path: Path
) -> None:
    shorter = copy_of(model, tmp_path / "model")
    edit(shorter, "sentence_bert_config.json", lambda c: c.update(max_seq_length=128))
    other = TorchEmbedder(shorter)
    assert other.dimension == embedder.dimension
    with pytest.raises(FingerprintMismatchError) as error:
        Searcher(index, other)
    assert embedder.fingerprint[:8] in str(error.value)
    assert other.fingerprint[:8] in str(error.value)
