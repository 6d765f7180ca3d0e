"""The tldr pages of one day, and of a year later, with a gold list of what changed."""

import csv
import gzip
import sys
import tarfile
import time
from collections import Counter
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.reembedding.corpus import PASSAGES, Corpus, character_ratio, log

PAGES = "tldr-pages-en-{}.tar.gz"
BEFORE, AFTER = "2024-12-31", "2025-12-31"
RERUNS = 5
CHANGES = {"M": "modified", "A": "added", "D": "deleted"}


def tldr(data: Path, work: Path) -> dict[str, Any]:
    """The pages of one day, then of a year later: what the sync found, what was embedded, and a run with no change."""
    for day in (BEFORE, AFTER):
        with tarfile.open(data / PAGES.format(day)) as archive:
            archive.extractall(work / day, filter="data")
    corpus = Corpus(work / "lake")
    log("tldr: the first state")
    before = corpus.run(work / BEFORE / "pages")
    corpus.embed(before)
    log("tldr: a year later")
    after = corpus.run(work / AFTER / "pages")
    counts = after.documents
    found = {"modified": counts.changed, "added": counts.added, "deleted": counts.deleted}
    gold = gold_changes(data / f"changes_{BEFORE}_{AFTER}.tsv.gz")
    if found != gold:
        sys.exit(f"the sync found {found}, the gold list says {gold}")
    embedded = corpus.embed(after).embedded
    log("tldr: no change")
    seconds: list[float] = []
    again = 0
    for _ in range(RERUNS):
        started = time.perf_counter()
        again += corpus.embed(corpus.run(work / AFTER / "pages")).embedded
        seconds.append(time.perf_counter() - started)
    new_hashes = len(after.passages.keys() - before.passages.keys())
    if embedded != new_hashes:
        sys.exit(f"{embedded:,} texts were embedded, {new_hashes:,} are new")
    passages = Corpus(work / "passages", chunks=PASSAGES)
    return {
        **found,
        "unchanged": counts.unchanged,
        "new_hashes": new_hashes,
        "embedded": embedded,
        "character_ratio": character_ratio(before, after),
        "character_ratio_passages": character_ratio(*(passages.run(work / day / "pages") for day in (BEFORE, AFTER))),
        "rerun_embedded": again,
        "rerun_seconds": round(median(seconds), 2),
    }


def gold_changes(path: Path) -> dict[str, int]:
    """How many pages the gold list says were modified, added and deleted."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        found = Counter(CHANGES[kind] for kind, page in csv.reader(file, delimiter="\t") if page.startswith("pages/"))
    return {name: found[name] for name in CHANGES.values()}
