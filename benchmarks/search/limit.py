"""A plain vector library on the same vectors, in memory, without a table around it: `faiss` in an environment of its own.

Run as a program: reads `vectors.npy`, `queries.npy` and the exact `numbers.npy` and `scores.npy` from a folder, builds
an index, looks for the cheapest search that reaches a recall, and prints its figures as one JSON object. Needs numpy,
faiss and the standard library alone.
"""

import argparse
import json
import time
from pathlib import Path

import faiss
import numpy as np

PROBES = (1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)
EFFORTS = (16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--index", choices=("ivf", "hnsw"), required=True)
    parser.add_argument("--recall", type=float, required=True, help="what the search has to reach")
    arguments = parser.parse_args()
    load = {name: np.load(arguments.folder / f"{name}.npy", mmap_mode="r") for name in ("vectors", "queries")}
    exact = [np.load(arguments.folder / f"{name}.npy") for name in ("numbers", "scores")]
    vectors, queries = load["vectors"], np.array(load["queries"])
    started = time.perf_counter()
    if arguments.index == "ivf":
        lists = round(len(vectors) ** 0.5)
        index = faiss.IndexIVFFlat(
            faiss.IndexFlatIP(vectors.shape[1]), vectors.shape[1], lists, faiss.METRIC_INNER_PRODUCT
        )
        index.train(np.array(vectors[:: max(1, len(vectors) // (lists * 64))]))
        index.add(np.array(vectors))
        steps, name = PROBES, "nprobe"
    else:
        index = faiss.IndexHNSWFlat(vectors.shape[1], 32, faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efConstruction = 200
        index.add(np.array(vectors))
        steps, name = EFFORTS, "efSearch"
    built = time.perf_counter() - started
    figures = {}
    for step in steps:
        setattr(index if name == "nprobe" else index.hnsw, name, step)
        for query in queries[-50:]:
            index.search(query[None], 10)
        hits, seconds = [], []
        for query in queries:
            begun = time.perf_counter()
            hits.append(index.search(query[None], 10)[1][0].tolist())
            seconds.append(time.perf_counter() - begun)
        figures = {
            "kind": f"faiss {arguments.index}",
            name: step,
            "p50_ms": round(1e3 * float(np.quantile(seconds, 0.5)), 2),
            "p99_ms": round(1e3 * float(np.quantile(seconds, 0.99)), 2),
            "recall10": round(recall(hits, *exact), 4),
            "build_s": round(built, 1),
        }
        if figures["recall10"] >= arguments.recall:
            break
    print(json.dumps(figures))


def recall(hits: list[list[int]], numbers: np.ndarray, scores: np.ndarray, depth: int = 10) -> float:
    """As `benchmarks.search.making.recall`."""
    reached = 0
    for found, names, values in zip(hits, numbers, scores, strict=True):
        good = set(names[values >= values[depth - 1] - 1e-4].tolist())
        reached += len(good.intersection(found[:depth]))
    return reached / (len(hits) * depth)


if __name__ == "__main__":
    main()
