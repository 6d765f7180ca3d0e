"""Embedding what is missing: nothing twice, resumed after a failure, accounted at the embedder."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from llmops_pipelines.embedding.embedder import Embedded, EmbedderCount, Use
from llmops_pipelines.embedding.gates import discard_unusable
from llmops_pipelines.embedding.missing import COMMIT_TEXTS, embed_missing
from llmops_pipelines.embedding.torch_embedder import TorchEmbedder
from llmops_pipelines.embedding.vectors import vector_array
from llmops_pipelines.quality.gates import GateFailedError
from llmops_pipelines.storage import Lake, Writer, schemas
from llmops_pipelines.storage.identity import merkle_root, text_hash
from tests.index.damaged import copy_row, replace_column, replace_vector


class FailsOnce:
    """An embedder whose call number `failing` fails as a machine does that runs out of memory."""

    def __init__(self, inner: TorchEmbedder, failing: int) -> None:
        self.inner = inner
        self.fingerprint = inner.fingerprint
        self.dimension = inner.dimension
        self.max_tokens = inner.max_tokens
        self.numerics = inner.numerics
        self.failing = failing
        self.calls: list[int] = []

    @property
    def count(self) -> EmbedderCount:
        return self.inner.count

    def embed(self, texts: Sequence[str], use: Use, progress: Callable[[int], None] = lambda done: None) -> Embedded:
        if not texts:
            return self.inner.embed(texts, use)
        self.calls.append(len(texts))
        if len(self.calls) == self.failing:
            raise MemoryError("no memory left")
        return self.inner.embed(texts, use, progress)


@pytest.fixture
def writer(lake: Lake) -> Writer:
    return lake.writer("c.embeddings", schemas.embeddings(384))


def hashed(texts: Sequence[str]) -> dict[str, str]:
    return {text_hash(text): text for text in texts}


def test_every_text_gets_the_vector_of_its_text(embedder: TorchEmbedder, writer: Writer) -> None:
    texts = hashed(["bees", "bread " * 400, "tides", ""])
    report = embed_missing(embedder, texts, writer)
    rows = writer.staged().arrow()
    expected = embedder.embed(list(texts.values()), "document")
    found = dict(zip(rows["content_hash"].to_pylist(), vector_array(rows["vector"]), strict=True))
    for i, content_hash in enumerate(texts):
        assert found[content_hash] @ expected.vectors[i] > 0.999
    # Each word is one token, and two special tokens go around them.
    tokens = {texts[h]: t for h, t in zip(rows["content_hash"].to_pylist(), rows["tokens"].to_pylist(), strict=True)}
    assert tokens == {"bees": 3, "bread " * 400: 402, "tides": 3, "": 2}
    assert set(rows["fingerprint"].to_pylist()) == {embedder.fingerprint}
    assert set(rows["numerics"].to_pylist()) == {embedder.numerics}
    assert (report.distinct, report.reused, report.embedded, report.truncated, report.unused) == (4, 0, 4, 1, 0)
    assert report.tokens == 3 + 256 + 3 + 2


def test_a_second_call_embeds_nothing(embedder: TorchEmbedder, writer: Writer) -> None:
    texts = hashed(["bees", "bread", "tides"])
    first = embed_missing(embedder, texts, writer)
    version = writer.staged().version
    before = (embedder.count.documents, embedder.count.tokens)
    second = embed_missing(embedder, texts, writer)
    assert (embedder.count.documents, embedder.count.tokens) == before
    assert (second.distinct, second.reused, second.embedded, second.tokens, second.numerics) == (3, 3, 0, 0, "")
    assert second.data_version == first.data_version
    assert writer.staged().version == version


def test_only_new_texts_are_embedded_and_texts_that_left_are_kept_for_their_return(
    embedder: TorchEmbedder, writer: Writer
) -> None:
    embed_missing(embedder, hashed(["bees", "bread"]), writer)
    report = embed_missing(embedder, hashed(["bread", "tides"]), writer)
    assert (report.distinct, report.reused, report.embedded, report.unused) == (2, 1, 1, 1)
    back = embed_missing(embedder, hashed(["bees", "bread", "tides"]), writer)
    assert (back.reused, back.embedded, back.unused) == (3, 0, 0)


def test_the_data_version_depends_on_texts_and_model_alone(embedder: TorchEmbedder, lake: Lake) -> None:
    texts = hashed(["bees", "bread", "tides"])
    one, two = (lake.writer(name, schemas.embeddings(384)) for name in ("one", "two"))
    embed_missing(embedder, hashed(["bread", "something else"]), two)
    versions = {
        embed_missing(embedder, texts, one).data_version,
        embed_missing(embedder, dict(reversed(texts.items())), two).data_version,
    }
    assert versions == {merkle_root((content_hash, embedder.fingerprint) for content_hash in texts)}
    assert embed_missing(embedder, hashed(["bees", "bread"]), one).data_version not in versions


def test_a_run_goes_on_where_the_last_one_failed(embedder: TorchEmbedder, writer: Writer) -> None:
    texts = hashed([f"text {i}" for i in range(2 * COMMIT_TEXTS + 52)])
    failing = FailsOnce(embedder, failing=3)
    with pytest.raises(MemoryError):
        embed_missing(failing, texts, writer)
    assert writer.staged().count() == 2 * COMMIT_TEXTS
    kept = writer.staged().arrow(["content_hash", "vector"])

    seen: list[tuple[int, int]] = []
    report = embed_missing(failing, texts, writer, progress=lambda done, total: seen.append((done, total)))
    assert failing.calls == [COMMIT_TEXTS, COMMIT_TEXTS, 52, 52]
    assert (report.distinct, report.reused, report.embedded) == (len(texts), 2 * COMMIT_TEXTS, 52)
    assert seen[-1] == (52, 52)
    rows = writer.staged().arrow(["content_hash", "vector"])
    assert sorted(rows["content_hash"].to_pylist()) == sorted(texts)
    after = dict(zip(rows["content_hash"].to_pylist(), vector_array(rows["vector"]), strict=True))
    for content_hash, vector in zip(kept["content_hash"].to_pylist(), vector_array(kept["vector"]), strict=True):
        np.testing.assert_array_equal(after[content_hash], vector)


def test_queries_are_embedded_as_queries(embedder: TorchEmbedder, writer: Writer) -> None:
    before = (embedder.count.documents, embedder.count.queries)
    report = embed_missing(embedder, hashed(["why do tides rise?"]), writer, use="query")
    assert report.embedded == 1
    assert (embedder.count.documents, embedder.count.queries) == (before[0], before[1] + 1)


class Overflowing:
    """The real embedder, with one vector made infinite: what a model in too low a precision gives."""

    def __init__(self, embedder: TorchEmbedder) -> None:
        self.embedder = embedder

    def __getattr__(self, name: str) -> object:
        return getattr(self.embedder, name)

    def embed(self, texts: Sequence[str], use: Use, progress: Callable[[int], None] = lambda done: None) -> Embedded:
        embedded = self.embedder.embed(texts, use, progress)
        for position, text in enumerate(texts):
            if text == "second":
                embedded.vectors[position] = np.inf
        return embedded


def test_a_vector_that_is_not_finite_is_named_and_not_written(embedder: TorchEmbedder, lake: Lake) -> None:
    writer = lake.writer("c.embeddings", schemas.embeddings(embedder.dimension))
    texts = {text_hash(text): text for text in ("first", "second", "third")}
    with pytest.raises(GateFailedError) as failed:
        embed_missing(Overflowing(embedder), texts, writer)  # type: ignore[arg-type]
    assert failed.value.gate.metadata["offending"] == [text_hash("second")]
    assert writer.staged().count() == 0


def test_vectors_that_must_not_be_reused_are_made_again(embedder: TorchEmbedder, writer: Writer, lake: Lake) -> None:
    texts = hashed(["bees", "bread", "tides", "wine", "rails"])
    sound = embed_missing(embedder, texts, writer)
    vectors = writer.stored().arrow(["content_hash", "vector"]).sort_by("content_hash")
    bees, bread, tides, wine, _ = texts
    replace_vector(lake, "c.embeddings", f"content_hash = '{bees}'", lambda vector: vector * np.nan)
    replace_vector(lake, "c.embeddings", f"content_hash = '{bread}'", lambda vector: vector * 0)
    replace_column(lake, "c.embeddings", f"content_hash = '{tides}'", "fingerprint", "e" * 64)
    copy_row(lake, "c.embeddings", f"content_hash = '{wine}'")

    assert discard_unusable(writer, embedder.fingerprint) == 4
    report = embed_missing(embedder, texts, writer)
    assert (report.distinct, report.reused, report.embedded) == (5, 1, 4)
    assert report.data_version == sound.data_version
    again = writer.stored().arrow(["content_hash", "vector"]).sort_by("content_hash")
    assert again["content_hash"].to_pylist() == vectors["content_hash"].to_pylist()
    np.testing.assert_allclose(vector_array(again["vector"]), vector_array(vectors["vector"]), atol=1e-2)
    assert set(writer.stored().arrow(["fingerprint"])["fingerprint"].to_pylist()) == {embedder.fingerprint}
    assert embed_missing(embedder, texts, writer).embedded == 0
