"""How cost grows with documents: `python -m benchmarks.growth [--documents 1000 10000 100000]`.

Needs LLMOPS_DATA. Short documents of real paragraphs (`documents.py`) as files, through the functions that the assets
call with their gates, from source to published index: `ingest` from nothing, `edit` after one document in a hundred has
another paragraph, `rerun` with no change. Wall and CPU seconds by stage, and the exponent of each: the slope of log
seconds over log documents by least squares, 1 where cost is in proportion. Over two decades a fixed cost makes it
smaller; `largest` is between the two largest sizes alone.

Embedding is in proportion to the texts and would hide the rest, so that a stand-in that costs next to nothing embeds
(`embedder.py`); `--model` takes the bundled model instead, at 20 to 100 texts a second on two cores. With the stand-in
about 4 minutes on two cores.
"""

import argparse
import os
import resource
import sys
import tempfile
from pathlib import Path

from benchmarks.growth import documents
from benchmarks.growth.embedder import WordVectors
from benchmarks.growth.exponent import exponent
from benchmarks.growth.life import Cost, Life
from benchmarks.measuring import report
from llmops_pipelines.embedding.embedder import Embedder
from llmops_pipelines.embedding.model_folder import bundled_model
from llmops_pipelines.embedding.torch_embedder import TorchEmbedder

PHASES = ("ingest", "edit", "rerun")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, nargs="+", default=[1_000, 10_000, 100_000], help="sizes")
    parser.add_argument("--model", action="store_true", help="embed with the bundled model")
    arguments = parser.parse_args()
    if not os.environ.get("LLMOPS_DATA"):
        sys.exit("LLMOPS_DATA is not set: it names the folder with labelled public data")
    found = documents.real_paragraphs(Path(os.environ["LLMOPS_DATA"]))
    embedder: Embedder = TorchEmbedder(bundled_model()) if arguments.model else WordVectors()
    costs: dict[str, list[Cost]] = {phase: [] for phase in PHASES}
    embedded: dict[str, list[int]] = {phase: [] for phase in PHASES}
    with tempfile.TemporaryDirectory() as work:
        warm(Path(work), found, embedder)
        for size in arguments.documents:
            folder = Path(work) / f"documents-{size}"
            documents.write_all(folder, found, size)
            life = Life(Path(work) / f"lake-{size}", embedder)
            for phase in PHASES:
                if phase == "edit":
                    documents.edit(folder, found, size)
                before = embedder.count.documents
                cost = life.run(folder)
                costs[phase].append(cost)
                embedded[phase].append(embedder.count.documents - before)
                print(f"{size:,} {phase}: {cost.as_dict()}", file=sys.stderr, flush=True)
    report(
        documents=arguments.documents,
        embedder=embedder.numerics,
        embedded=embedded,
        phases={phase: [cost.as_dict() for cost in found] for phase, found in costs.items()},
        exponents={phase: exponents(arguments.documents, found) for phase, found in costs.items()},
        largest={phase: exponents(arguments.documents[-2:], found[-2:]) for phase, found in costs.items()},
        peak_mb=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    )


def warm(work: Path, found: list[str], embedder: Embedder) -> None:
    """Everything that is loaded once a process is loaded afterwards."""
    documents.write_all(work / "warm", found, 20)
    Life(work / "warm-lake", embedder).run(work / "warm")


def exponents(sizes: list[int], costs: list[Cost]) -> dict[str, dict[str, float | None]]:
    """By kind of seconds and stage, their sum as `all`."""
    measured = [cost.as_dict() for cost in costs]
    return {
        kind: {stage: _rounded(exponent(sizes, [found[kind][stage] for found in measured])) for stage in seconds}
        for kind, seconds in measured[0].items()
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


if __name__ == "__main__":
    main()
