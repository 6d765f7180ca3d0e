"""What an edit costs here and elsewhere: `python -m benchmarks.peers [--share N] [--environment FOLDER]`.

Needs LLMOPS_DATA. The tldr pages of 2024-12-31, then of 2025-12-31, a sample of every fourth page by the hash of its
path, go through this project (with the chunkers `passages`, the default, and `sections`), LangChain's `index()`,
LlamaIndex's IngestionPipeline and Haystack's DocumentWriter, each as its documentation recommends, with the same model
and chunks of at most about 256 of its tokens. The libraries are installed once into a virtual environment of their own.

Of the second run: `embedded_share` is the texts that were embedded, counted at the embedder, by the chunks of the later
date, which are the rows that the store should have; `stale_rows` hold a text that no page of the later date has a chunk
of, `missing_rows` are chunks that no row holds. The libraries keep their rows in memory, this project keeps them on
disk, cleaned, indexed and published; it embeds in bf16 where the processor computes in it, the libraries in their
default, fp32. About 10 minutes on two cores.
"""

import argparse
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import zlib
from pathlib import Path
from typing import Any

from benchmarks.environments import default_environment, environment
from benchmarks.measuring import report
from benchmarks.reembedding.tldr import AFTER, BEFORE, PAGES
from llmops_pipelines.embedding.model_folder import bundled_model

REQUIREMENTS = (
    "torch==2.13.0",
    "sentence-transformers==6.2.0",
    "langchain-core==1.7.2",
    "langchain-classic==1.0.8",
    "langchain-huggingface==1.2.3",
    "langchain-text-splitters==1.1.3",
    "llama-index-core==0.14.25",
    "llama-index-embeddings-huggingface==0.8.0",
    "haystack-ai==3.4.0",
    "sentence-transformers-haystack==2.0.0",
)
# By name: the driver and its arguments.
RUNS = {
    "ours": ("ours", "passages"),
    "ours_sections": ("ours", "sections"),
    "langchain": ("langchain",),
    "llamaindex": ("llamaindex",),
    "haystack": ("haystack",),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--share", type=int, default=4, help="one page in how many (4); 1 takes every page")
    parser.add_argument("--only", nargs="+", choices=RUNS, default=list(RUNS), help="some of the runs")
    parser.add_argument(
        "--environment", type=Path, default=default_environment("peers"), help="where the libraries are installed"
    )
    arguments = parser.parse_args()
    if not os.environ.get("LLMOPS_DATA"):
        sys.exit("LLMOPS_DATA is not set: it names the folder with labelled public data")
    data = Path(os.environ["LLMOPS_DATA"]) / "documents" / "tldr"
    python = environment(arguments.environment, REQUIREMENTS)
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        counts = {day: unpacked(data / PAGES.format(day), work / day, arguments.share) for day in (BEFORE, AFTER)}
        for name in arguments.only:
            print(f"{name}: {counts[BEFORE]:,} pages, then {counts[AFTER]:,}", file=sys.stderr, flush=True)
            driver, *options = RUNS[name]
            (work / name).mkdir()
            interpreter = sys.executable if driver == "ours" else str(python)
            figures[name] = driven(interpreter, driver, options, work, work / name)
            print(figures[name], file=sys.stderr, flush=True)
    report(pages=counts, share=arguments.share, **figures)


def unpacked(archive: Path, folder: Path, share: int) -> int:
    """Unpack the pages whose path has a hash that `share` divides: the same ones of every date. Returns how many."""
    with tarfile.open(archive) as content:
        chosen = [
            member
            for member in content.getmembers()
            if member.isfile() and member.name.startswith("pages/") and zlib.crc32(member.name.encode()) % share == 0
        ]
        content.extractall(folder, chosen, filter="data")
    return len(chosen)


def driven(interpreter: str, driver: str, options: list[str], pages: Path, work: Path) -> dict[str, Any]:
    """What a driver printed as its last line."""
    command = [interpreter, "-m", f"benchmarks.peers.drivers.{driver}"]
    command += ["--before", str(pages / BEFORE / "pages"), "--after", str(pages / AFTER / "pages")]
    command += ["--model", str(bundled_model().folder), "--work", str(work), *options]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    main()
