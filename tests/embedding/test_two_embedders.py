"""Two processes that embed the same texts into the same table at the same time leave one vector a text, and lose none."""

import multiprocessing
from multiprocessing.synchronize import Barrier
from pathlib import Path

from llmops_pipelines.embedding.missing import COMMIT_TEXTS, embed_missing
from llmops_pipelines.embedding.model_folder import ModelFolder
from llmops_pipelines.embedding.torch_embedder import TorchEmbedder
from llmops_pipelines.embedding.vectors import vector_array
from llmops_pipelines.storage import Lake, schemas
from llmops_pipelines.storage.identity import text_hash
from tests.embedding.tiny_models import tiny_model

TEXTS = {text_hash(text): text for text in (f"the sea {number}" for number in range(2 * COMMIT_TEXTS + 100))}


def embed(uri: str, model: Path, first: bool, together: Barrier) -> None:
    embedder = TorchEmbedder(ModelFolder("tiny", model), "fp32")
    writer = Lake(uri).writer("c.embeddings", schemas.embeddings(embedder.dimension))
    hashes = sorted(TEXTS)  # each process wants some that the other does not
    wanted = hashes[:-300] if first else hashes[300:]
    embedder.embed([], "document")
    together.wait(timeout=120)
    embed_missing(embedder, {content_hash: TEXTS[content_hash] for content_hash in wanted}, writer)


def test_two_processes_leave_one_vector_a_text(lake: Lake, tmp_path: Path) -> None:
    folder = tiny_model(tmp_path / "tiny")
    embedder = TorchEmbedder(ModelFolder("tiny", folder), "fp32")
    lake.writer("c.embeddings", schemas.embeddings(embedder.dimension))
    context = multiprocessing.get_context("spawn")
    together = context.Barrier(2)
    processes = [context.Process(target=embed, args=(lake.uri, folder, first, together)) for first in (True, False)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=120)
    assert [process.exitcode for process in processes] == [0, 0]

    snapshot = lake.newest("c.embeddings")
    assert snapshot is not None
    rows = snapshot.arrow(["content_hash", "vector", "fingerprint"]).sort_by("content_hash")
    assert rows["content_hash"].to_pylist() == sorted(TEXTS)
    assert set(rows["fingerprint"].to_pylist()) == {embedder.fingerprint}
    again = lake.writer("c.embeddings", schemas.embeddings(embedder.dimension))
    assert embed_missing(embedder, TEXTS, again).embedded == 0
    expected = embedder.embed([TEXTS[content_hash] for content_hash in sorted(TEXTS)], "document").vectors
    assert abs(vector_array(rows["vector"]) - expected).max() < 1e-5
