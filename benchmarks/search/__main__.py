"""Search over many rows: `python -m benchmarks.search [--rows 100000 1000000]`.

Needs LLMOPS_DATA. Rows are made of real passages (`real.py`, `making.py`: how), the index is built and searched by the
functions that the assets and `llmops search` call, with the shipped settings, one search at a time, ten hits each with
all their columns. What is asked are vectors and words of real questions. `recall10` of dense search is against an exact
search over the same rows; full-text search leaves no row out, and hybrid search has no exact answer to compare with.

Of each size also: building the index from its tables (`build_s`; of it `indexes_s` after the last row), bringing it up
to date after one row in a hundred got another text and vector (`upsert_s`), and versions, files and MB of the table
after that and two runs of maintenance. Beside it faiss in an environment of its own, its vectors in memory and nothing
else, at the least effort that reaches the recall of dense search. The real passages are embedded first (about 10 minutes
on two cores; `--work` keeps them for the next call), then 100,000 rows take about 2 minutes and 1,000,000 about 10.
"""

import argparse
import datetime
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.environments import default_environment, environment
from benchmarks.measuring import report
from benchmarks.reembedding.tldr import AFTER, PAGES
from benchmarks.search import tables
from benchmarks.search.making import BLOCK, Maker, nearest, recall
from benchmarks.search.real import Real, real_passages, real_questions
from benchmarks.search.timing import searched
from llmops_pipelines.embedding.model_folder import bundled_model
from llmops_pipelines.index.build import IndexReport, IndexSettings, build_index
from llmops_pipelines.index.search import SearchIndex
from llmops_pipelines.storage import schemas
from llmops_pipelines.storage.lake import Lake
from llmops_pipelines.storage.maintenance import maintain, table_size

if TYPE_CHECKING:
    import numpy as np

REQUIREMENTS = ("numpy==2.4.6", "faiss-cpu==1.15.1")
HNSW_ROWS = 200_000  # a graph over more rows takes longer to build than all the rest
DEPTH = 20  # of the exact search: rows of equal score at the tenth place are interchangeable
CHANGED = 100  # one row in so many


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000], help="sizes (100000 1000000)")
    parser.add_argument("--questions", type=int, default=500, help="searches of each kind (500)")
    parser.add_argument("--work", type=Path, help="keep the embedded passages in this folder")
    parser.add_argument("--no-limit", action="store_true", help="leave faiss out")
    parser.add_argument(
        "--environment", type=Path, default=default_environment("search"), help="where faiss is installed"
    )
    arguments = parser.parse_args()
    if not os.environ.get("LLMOPS_DATA"):
        sys.exit("LLMOPS_DATA is not set: it names the folder with labelled public data")
    python = None if arguments.no_limit else environment(arguments.environment, REQUIREMENTS)
    with tempfile.TemporaryDirectory() as temporary:
        work = arguments.work or Path(temporary)
        passages, questions = real(Path(os.environ["LLMOPS_DATA"]), work)
        maker, rows, sizes = Maker(passages), [], []
        for size in arguments.rows:
            folder = Path(temporary) / str(size)
            found = Measured(maker, questions, size, arguments.questions, folder)
            sizes.append(found.run())
            rows += found.rows
            if python:
                rows += [{"n": size, **found.limit(python, kind)} for kind in found.limits()]
            log(str(rows[-5:]))
    report(rows=rows, sizes=sizes, real_passages=len(passages.texts), questions=arguments.questions)


def real(data: Path, work: Path) -> tuple[Real, Real]:
    """The real passages and questions; vectors that are kept in `work` are not made again."""
    pages = work / "pages"
    if not pages.exists():
        with tarfile.open(data / "documents" / "tldr" / PAGES.format(AFTER)) as archive:
            archive.extractall(pages, filter="data")
    lake = Lake(str(work / "lake"))
    return real_passages(data, pages / "pages", lake), real_questions(data, lake)


class Measured:
    """One size: its tables and index in a lake of its own."""

    def __init__(self, maker: Maker, questions: Real, size: int, asked: int, folder: Path) -> None:
        self.maker = maker
        self.size = size
        self.folder = folder
        self.texts, self.vectors = questions.texts[:asked], questions.vectors[:asked]
        self.lake = Lake(str(folder / "lake"))
        self.fingerprint = bundled_model().fingerprint
        self.settings = IndexSettings()
        self.rows: list[dict[str, Any]] = []
        self.exact: tuple[np.ndarray, np.ndarray] | None = None

    def run(self) -> dict[str, Any]:
        """Build, search, change and maintain; the searches' figures are in `rows`, what is returned is the rest."""
        log(f"{self.size:,} rows: writing the tables")
        tables.write(self.lake, self.maker.blocks(self.size), self.fingerprint)
        log("building the index")
        report, built = self.build()
        size = table_size(self.lake, "index")
        log(f"built in {built['s']:.0f} s; exact search")
        self.exact = nearest(self.vectors, self.maker.blocks(self.size), DEPTH)
        self.search({"build_s": round(built["s"], 1), "mb": round(size.bytes / 1e6)})
        self.change()
        log("the index after a change")
        changed, upsert = self.build()
        for _ in range(2):  # the first cleans nothing that it replaced itself
            maintained = maintain(self.lake, "index", datetime.datetime.now(datetime.UTC))
        return {
            "n": self.size,
            "indexes": report.indexes,
            "indexes_s": round(built["indexes_s"], 1),
            "upserted": changed.counts.changed,
            "upsert_s": round(upsert["s"], 1),
            "upsert_indexes_s": round(upsert["indexes_s"], 1),
            "versions": maintained.after.versions,
            "files": maintained.after.files,
            "mb": round(maintained.after.bytes / 1e6),
        }

    def build(self) -> tuple[IndexReport, dict[str, float]]:
        """Bring the index in line with the tables and publish it: the report, and seconds."""
        writer = self.lake.writer("index", schemas.vector_index(self.vectors.shape[1]))
        last = [0.0]
        started = time.perf_counter()
        report = build_index(
            **tables.upstream(self.lake),
            fingerprint=self.fingerprint,
            settings=self.settings,
            writer=writer,
            published=self.lake.published("index"),
            progress=lambda done, total: last.append(time.perf_counter()) if done == total else None,
        )
        ended = time.perf_counter()
        writer.staged()
        writer.publish(report.data_version, "", report.as_dict())
        return report, {"s": ended - started, "indexes_s": ended - last[-1]}

    def search(self, table: dict[str, Any]) -> None:
        snapshot = self.lake.published("index")
        assert snapshot is not None and self.exact is not None
        index = SearchIndex(snapshot, self.settings)
        vectors = list(self.vectors)
        both = list(zip(self.texts, vectors, strict=True))
        dense = searched(lambda vector: index.dense(vector, 10), vectors)
        hits = [[tables.number_of(hit.chunk_id) for hit in found] for found in dense.found]
        for kind, figures, recall10 in (
            ("dense", dense.figures(), round(recall(hits, *self.exact), 4)),
            ("full_text", searched(lambda text: index.full_text(text, 10), self.texts).figures(), None),
            ("hybrid", searched(lambda query: index.hybrid(query[0], query[1], 10), both).figures(), None),
        ):
            self.rows.append({"n": self.size, "kind": kind, **figures, "recall10": recall10, **table})
            log(str(self.rows[-1]))

    def change(self) -> None:
        """Give one row in a hundred the text and vector of a row that was not made yet."""
        new = self.maker.block(-(-self.size // BLOCK) * BLOCK)
        numbers = list(range(0, self.size, CHANGED))
        for start in range(0, len(numbers), BLOCK):
            some = numbers[start : start + BLOCK]
            block = self.maker.block(new.start + start)
            kept = slice(0, len(some))
            tables.write_rows(
                self.lake, some, block.texts[kept], block.collections[kept], block.vectors[kept], self.fingerprint
            )

    def limits(self) -> list[str]:
        return ["ivf", "hnsw"] if self.size <= HNSW_ROWS else ["ivf"]

    def limit(self, python: Path, kind: str) -> dict[str, Any]:
        """faiss over the same vectors, as they were before the change."""
        import numpy as np

        assert self.exact is not None
        vectors = self.folder / "vectors.npy"
        if not vectors.exists():
            stored = np.lib.format.open_memmap(
                vectors, mode="w+", dtype=np.float32, shape=(self.size, self.vectors.shape[1])
            )
            for block in self.maker.blocks(self.size):
                stored[block.start : block.start + len(block.texts)] = block.vectors
            stored.flush()
            for name, array in zip(("queries", "numbers", "scores"), (self.vectors, *self.exact), strict=True):
                np.save(self.folder / f"{name}.npy", array)
        log(f"faiss {kind}")
        wanted = next(row["recall10"] for row in self.rows if row["kind"] == "dense")
        command = [str(python), str(Path(__file__).parent / "limit.py"), str(self.folder)]
        command += ["--index", kind, "--recall", str(wanted)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        return json.loads(done.stdout.splitlines()[-1])


def log(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
