"""Embedding against SentenceTransformer.encode as it comes: `python -m benchmarks.embedding [--engine openvino]`.

Passages of the shipped corpus, both ways in turn in one run; `ceiling_share` is of the floating-point operations a second
that this machine does in the model's own matrix products. Needs LLMOPS_DATA for `ndcg10_delta` on SciFact, which
`--speed-only` leaves out. About 8 minutes on two cores.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean, median
from typing import TYPE_CHECKING, Any

from benchmarks.collection import Collection
from benchmarks.measuring import report
from llmops_pipelines import project
from llmops_pipelines.corpus.chunking.chunk import chunk_documents
from llmops_pipelines.corpus.chunking.tokenizer import ChunkTokenizer
from llmops_pipelines.corpus.chunking.whole_document import WholeDocumentChunker
from llmops_pipelines.corpus.cleaning.cleaner import clean_documents
from llmops_pipelines.corpus.syncing import sync_documents
from llmops_pipelines.embedding.embedder import Use
from llmops_pipelines.embedding.model_folder import ModelFolder, bundled_model
from llmops_pipelines.embedding.openvino_embedder import OpenVinoEmbedder
from llmops_pipelines.embedding.torch_embedder import TorchEmbedder
from llmops_pipelines.evaluation.metrics import DEPTH, PRIMARY, score_rankings
from llmops_pipelines.storage import schemas
from llmops_pipelines.storage.lake import Lake

if TYPE_CHECKING:
    import numpy as np

Embed = Callable[[Sequence[str], Use], "np.ndarray"]
ENGINES = {"torch": TorchEmbedder, "openvino": OpenVinoEmbedder}
BATCH_TOKENS = 4_096  # rows of the matrix product that the ceiling is measured with


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=1_000, help="passages to embed (default %(default)s)")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each way, in turn (default %(default)s)")
    parser.add_argument("--engine", choices=tuple(ENGINES), default="torch", help="ours (default %(default)s)")
    parser.add_argument("--speed-only", action="store_true", help="leave SciFact out")
    arguments = parser.parse_args()
    data = os.environ.get("LLMOPS_DATA")
    if not data and not arguments.speed_only:
        sys.exit("LLMOPS_DATA is not set: it names the folder with labelled public data. Or say --speed-only")
    texts = passages(arguments.texts)
    model = bundled_model()
    embedder = ENGINES[arguments.engine](model)
    ways: dict[str, Embed] = {
        "encode": as_it_comes(model),
        "ours": lambda texts, use: embedder.embed(texts, use).vectors,
    }
    _log(f"{len(texts):,} passages, {embedder.numerics}")
    vectors: dict[str, Any] = {}
    wall: dict[str, list[float]] = {name: [] for name in ways}
    cpu: dict[str, list[float]] = {name: [] for name in ways}
    for embed in ways.values():
        embed(texts[:64], "document")
    for turn in range(arguments.repeats):
        for name, embed in ways.items():
            started, spent = time.perf_counter(), time.process_time()
            vectors[name] = embed(texts, "document")
            wall[name].append(time.perf_counter() - started)
            cpu[name].append(time.process_time() - spent)
            _log(f"{turn + 1} of {arguments.repeats}, {name}: {wall[name][-1]:.1f} s, {cpu[name][-1]:.1f} CPU s")
    tokens = [min(length, model.max_tokens) for length in embedder.embed(texts, "document").tokens]
    figures = {
        "texts": len(texts),
        "numerics": embedder.numerics,
        "ratio_cpu": round(median(cpu["encode"]) / median(cpu["ours"]), 2),
        "ratio_wall": round(median(wall["encode"]) / median(wall["ours"]), 2),
        "texts_per_second": round(len(texts) / median(wall["ours"]), 1),
        "cosine_deviation": float(1 - (vectors["encode"] * vectors["ours"]).sum(axis=1, dtype=float).mean()),
        "ceiling_share": round(operations(model, tokens) / median(wall["ours"]) / ceiling(model, embedder), 3),
    }
    if data and not arguments.speed_only:
        with tempfile.TemporaryDirectory() as work:
            folder = Path(data) / "retrieval" / "scifact"
            whole = Collection(Path(work), folder, WholeDocumentChunker(ChunkTokenizer(model.tokenizer_path)))
            scored = {name: scifact(whole, embed) for name, embed in ways.items()}
        figures |= {f"ndcg10_{name}": round(score, 4) for name, score in scored.items()}
        figures["ndcg10_delta"] = round(scored["ours"] - scored["encode"], 4)
    report(**figures)


def passages(count: int) -> list[str]:
    """Passages of the shipped corpus, evenly spaced."""
    corpus = project.corpus(None)
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake(folder)
        documents, clean, chunks = (
            lake.writer(name, schema)
            for name, schema in (
                ("documents", schemas.DOCUMENTS),
                ("clean_documents", schemas.CLEAN_DOCUMENTS),
                ("chunks", schemas.CHUNKS),
            )
        )
        sync_documents(corpus.source, documents, None, max_loss=0.0)
        clean_documents(corpus.cleaner, documents.staged(), clean, None)
        chunk_documents(corpus.chunker, clean.staged(), chunks, None)
        found = {row["content_hash"]: row["text"] for row in chunks.staged().rows(["content_hash", "text"])}
    ordered = [found[content_hash] for content_hash in sorted(found)]
    return ordered[:: max(1, len(ordered) // count)][:count]


def as_it_comes(model: ModelFolder) -> Embed:
    """sentence-transformers with every default, on the CPU."""
    from sentence_transformers import SentenceTransformer

    loaded = SentenceTransformer(str(model.folder), device="cpu", local_files_only=True)
    return lambda texts, use: loaded.encode(list(texts), prompt=model.prompt(use), normalize_embeddings=True)


def scifact(collection: Collection, embed: Embed) -> float:
    """nDCG@10 of exact search on the test part."""
    import numpy as np

    questions = collection.questions("test")
    documents = {row["doc_id"]: row["text"] for row in collection.chunks.rows(["doc_id", "text"])}
    keys = list(documents)
    scores = embed([question.text for question in questions], "query") @ embed(list(documents.values()), "document").T
    best = np.argsort(-scores, axis=1, kind="stable")[:, :DEPTH]
    rankings = {question.id: [keys[i] for i in row] for question, row in zip(questions, best, strict=True)}
    relevant = {question.id: question.answers for question in questions}
    return fmean(scored[PRIMARY] for scored in score_rankings(rankings, relevant).values())


def operations(model: ModelFolder, tokens: Sequence[int]) -> float:
    """Floating-point operations of the matrix products of texts of so many tokens, padding left out."""
    config = _config(model)
    hidden, inner, layers = config["hidden_size"], config["intermediate_size"], config["num_hidden_layers"]
    return sum(layers * (n * (8 * hidden**2 + 4 * hidden * inner) + 4 * n**2 * hidden) for n in tokens)


def ceiling(model: ModelFolder, embedder: TorchEmbedder) -> float:
    """Floating-point operations a second of the model's largest matrix product, in the precision of the embedder."""
    import torch

    config = _config(model)
    dtype = torch.bfloat16 if embedder.precision == "bf16" else torch.float32
    left = torch.randn(BATCH_TOKENS, config["hidden_size"], dtype=dtype)
    right = torch.randn(config["hidden_size"], config["intermediate_size"], dtype=dtype)
    seconds = []
    for _ in range(50):
        started = time.perf_counter()
        torch.matmul(left, right)
        seconds.append(time.perf_counter() - started)
    return 2 * left.numel() * right.shape[1] / median(seconds)


def _config(model: ModelFolder) -> dict[str, int]:
    return json.loads((model.folder / "config.json").read_text("utf-8"))


def _log(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
