"""What a change re-embeds: `python -m benchmarks.reembedding [--tree DIR_A DIR_B | --download]`.

Needs LLMOPS_DATA: the tldr pages a year apart, through the functions that the assets call. With `--tree` or `--download`
also trees of long documents at two releases, which are cut and not embedded. About 6 minutes on two cores.
"""

import argparse
import csv
import gzip
import os
import re
import resource
import subprocess
import sys
import tarfile
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmarks.measuring import report
from llmops_pipelines.corpus.chunking.chunk import chunk_documents
from llmops_pipelines.corpus.chunking.section_chunker import SectionChunker
from llmops_pipelines.corpus.chunking.tokenizer import ChunkTokenizer
from llmops_pipelines.corpus.cleaning.cleaner import KEPT, clean_documents
from llmops_pipelines.corpus.sources.directory import DirectorySource
from llmops_pipelines.corpus.syncing import sync_documents
from llmops_pipelines.embedding.missing import EmbeddingReport, embed_missing
from llmops_pipelines.embedding.model_folder import bundled_model
from llmops_pipelines.embedding.torch_embedder import TorchEmbedder
from llmops_pipelines.orchestration.stages.clean_documents import CleanDocumentsSection
from llmops_pipelines.storage import schemas
from llmops_pipelines.storage.lake import Lake
from llmops_pipelines.storage.snapshot import Snapshot
from llmops_pipelines.storage.sync import SyncCounts

PAGES = "tldr-pages-en-{}.tar.gz"
BEFORE, AFTER = "2024-12-31", "2025-12-31"
CHANGES = {"M": "modified", "A": "added", "D": "deleted"}
# Source distributions that carry their documentation: project, releases, folder.
TREES = (("django", "3.2", "4.2", "docs"), ("sqlalchemy", "2.0.20", "2.0.44", "doc/build"))
DOCUMENTS = ("**/*.rst", "**/*.txt", "**/*.md")
PARAGRAPH_END = re.compile(r"\n[ \t\r]*\n")


@dataclass(frozen=True)
class State:
    """The corpus after one run: how its documents changed, those that were kept, and its passages' texts by hash."""

    documents: SyncCounts
    kept: Snapshot
    passages: dict[str, str]

    @cached_property
    def paragraphs(self) -> set[str]:
        """The distinct paragraphs of the documents."""
        return paragraphs(row["text"] for row in self.kept.rows(["text"], KEPT))


class Corpus:
    """The documents of a folder that changes, in a lake of its own."""

    def __init__(self, lake: Path, include: tuple[str, ...] = ("**",)) -> None:
        self.lake = Lake(str(lake))
        self.include = include
        self.model = bundled_model()
        self.chunker = SectionChunker(ChunkTokenizer(self.model.tokenizer_path), self.model.text_tokens)
        self.embedder = TorchEmbedder(self.model)

    def run(self, folder: Path) -> State:
        """Bring documents, clean documents and chunks in line with `folder`, and publish them."""
        documents = self.lake.writer("documents", schemas.DOCUMENTS)
        source = DirectorySource(str(folder), self.include, hidden=True)  # tldr has a page `..md`
        synced = sync_documents(source, documents, self.lake.published("documents"), max_loss=1.0)
        found = documents.staged()
        documents.publish(synced.data_version, synced.data_version, synced.as_dict())
        clean = self.lake.writer("clean_documents", schemas.CLEAN_DOCUMENTS)
        cleaner = CleanDocumentsSection().cleaner()
        cleaned = clean_documents(cleaner, found, clean, self.lake.published("clean_documents"))
        kept = clean.staged()
        clean.publish(cleaned.data_version, cleaned.data_version, cleaned.as_dict())
        chunks = self.lake.writer("chunks", schemas.CHUNKS)
        cut = chunk_documents(self.chunker, kept, chunks, self.lake.published("chunks"))
        passages = {row["content_hash"]: row["text"] for row in chunks.staged().rows(["content_hash", "text"])}
        chunks.publish(cut.data_version, cut.data_version, cut.as_dict())
        return State(synced.counts, kept, passages)

    def embed(self, state: State) -> EmbeddingReport:
        """Give every passage its vector; those that have one are not embedded again."""
        writer = self.lake.writer("embeddings", schemas.embeddings(self.model.dimension))
        return embed_missing(self.embedder, state.passages, writer, progress=_progress)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    trees = parser.add_mutually_exclusive_group()
    trees.add_argument("--tree", nargs=2, type=Path, metavar=("DIR_A", "DIR_B"), help="a tree of documents, twice")
    trees.add_argument("--download", action="store_true", help="get trees of two releases by pip")
    arguments = parser.parse_args()
    if not os.environ.get("LLMOPS_DATA"):
        sys.exit("LLMOPS_DATA is not set: it names the folder with labelled public data")
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as work:
        compared: dict[str, tuple[Path, Path]] = {}
        if arguments.tree:
            compared[" to ".join(map(str, arguments.tree))] = tuple(arguments.tree)
        elif arguments.download:
            compared = {
                f"{project} {old} to {new}": (
                    downloaded(Path(work), project, old) / folder,
                    downloaded(Path(work), project, new) / folder,
                )
                for project, old, new, folder in TREES
            }
        figures |= tldr(Path(os.environ["LLMOPS_DATA"]) / "documents" / "tldr", Path(work))
        _log(str(figures))
        if compared:
            found = {name: tree(Path(work) / f"lake-{i}", *pair) for i, (name, pair) in enumerate(compared.items())}
            worst = max(found, key=lambda name: found[name]["character_ratio"])
            figures |= {"tree": worst, "tree_character_ratio": found[worst]["character_ratio"], "trees": found}
    figures["peak_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    report(**figures)


def tldr(data: Path, work: Path) -> dict[str, Any]:
    """The pages of one day, then of a year later: what the sync found, what was embedded, and a run with no change."""
    for day in (BEFORE, AFTER):
        with tarfile.open(data / PAGES.format(day)) as archive:
            archive.extractall(work / day, filter="data")
    corpus = Corpus(work / "lake")
    _log("tldr: the first state")
    before = corpus.run(work / BEFORE / "pages")
    corpus.embed(before)
    _log("tldr: a year later")
    after = corpus.run(work / AFTER / "pages")
    counts = after.documents
    found = {"modified": counts.changed, "added": counts.added, "deleted": counts.deleted}
    gold = gold_changes(data / f"changes_{BEFORE}_{AFTER}.tsv.gz")
    if found != gold:
        sys.exit(f"the sync found {found}, the gold list says {gold}")
    embedded = corpus.embed(after).embedded
    _log("tldr: no change")
    started = time.perf_counter()
    again = corpus.embed(corpus.run(work / AFTER / "pages"))
    seconds = time.perf_counter() - started
    new_hashes = len(after.passages.keys() - before.passages.keys())
    if embedded != new_hashes:
        sys.exit(f"{embedded:,} texts were embedded, {new_hashes:,} are new")
    return {
        **found,
        "unchanged": counts.unchanged,
        "new_hashes": new_hashes,
        "embedded": embedded,
        "character_ratio": character_ratio(before, after),
        "rerun_embedded": again.embedded,
        "rerun_seconds": round(seconds, 2),
    }


def tree(lake: Path, before: Path, after: Path) -> dict[str, float]:
    """A tree of documents at two releases: `touched` is the share of documents, `new` that of paragraphs' characters."""
    _log(f"{before} to {after}")
    corpus = Corpus(lake, DOCUMENTS)
    old, new = corpus.run(before), corpus.run(after)
    documents = new.documents.changed + new.documents.added + new.documents.unchanged
    return {
        "character_ratio": character_ratio(old, new),
        "touched": round(1 - new.documents.unchanged / documents, 3),
        "new": round(_characters(new.paragraphs - old.paragraphs) / _characters(new.paragraphs), 3),
    }


def character_ratio(before: State, after: State) -> float:
    """Characters of the distinct passages that are new, against those of the distinct paragraphs that are."""
    new = after.passages.keys() - before.passages.keys()
    embedded = _characters(after.passages[content_hash] for content_hash in new)
    return round(embedded / _characters(after.paragraphs - before.paragraphs), 3)


def paragraphs(texts: Iterable[str]) -> set[str]:
    """The distinct paragraphs, text between blank lines, with white space made single."""
    found = {" ".join(part.split()) for text in texts for part in PARAGRAPH_END.split(text)}
    return found - {""}


def gold_changes(path: Path) -> dict[str, int]:
    """How many pages the gold list says were modified, added and deleted."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        found = Counter(CHANGES[kind] for kind, page in csv.reader(file, delimiter="\t") if page.startswith("pages/"))
    return {name: found[name] for name in CHANGES.values()}


def downloaded(work: Path, project: str, release: str) -> Path:
    """The unpacked source distribution of a release, by pip."""
    folder = work / f"{project}-{release}"
    _log(f"downloading {project} {release}")
    options = ["--quiet", "--no-deps", "--no-binary", project, "--dest", str(folder)]
    command = [sys.executable, "-m", "pip", "download", *options, f"{project}=={release}"]
    subprocess.run(command, check=True, stdout=sys.stderr)
    [archive] = folder.glob("*.tar.gz")
    with tarfile.open(archive) as content:
        content.extractall(folder, filter="data")
    [top] = [path for path in folder.iterdir() if path.is_dir()]
    return top


def _characters(texts: Iterable[str]) -> int:
    return sum(map(len, texts))


def _progress(done: int, total: int) -> None:
    end = "\n" if done == total else "\r"
    print(f"embedded {done:,} of {total:,}", end=end, file=sys.stderr, flush=True)


def _log(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
