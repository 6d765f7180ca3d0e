"""SIGKILL in the life of a corpus: `python -m benchmarks.kills [--kills N] [--seed S]`.

Each kill strikes a process that brings a small corpus up to date, from nothing or from an earlier state that is released,
at a random moment or with a random write of a table drawn first, so that all stages are hit. What was released must be
there after it, and the next run must leave what an undisturbed one leaves. About 10 seconds a kill on two cores.
"""

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from benchmarks.forked_life import POLL_SECONDS, Life
from benchmarks.measuring import report
from benchmarks.notes import edit_notes, notes_corpus, write_notes
from benchmarks.same_lake import differences
from llmops_pipelines.embedding.missing import COMMIT_TEXTS
from llmops_pipelines.orchestration.corpus import Corpus
from llmops_pipelines.orchestration.serving import released_searcher
from llmops_pipelines.storage import Lake

QUESTION = "the lantern of the harbour"
JITTER_SECONDS = 0.01  # a write takes some milliseconds: the kill strikes in it or soon after
WRITES = {
    "/data/": "rows",
    "/_indices/": "index",
    "/_refs/": "tag",
    "/_versions/": "commit",
    "/_transactions/": "commit",
}

Found = list[tuple[str, float]]


@dataclass(frozen=True)
class Start:
    """What a killed run begins with, and what an undisturbed one does and leaves: made once, copied for each kill."""

    corpus: Corpus
    before: Path | None
    undisturbed: Path
    seconds: float
    embedded: int

    @cached_property
    def found(self) -> tuple[Found | None, Found]:
        """What a search of the release in force finds, before and after an undisturbed run."""
        return self.before and search(self.corpus, self.before), search(self.corpus, self.undisturbed)

    @cached_property
    def files(self) -> int:
        """How many files there are before the run."""
        return sum(1 for _ in _files(self.before)) if self.before else 0

    @cached_property
    def writes(self) -> dict[str, list[int]]:
        """By the stage of a table, the places of its new files among all that an undisturbed run writes, in order."""
        there = {name for name, _ in _files(self.before)} if self.before else set()
        new = sorted((changed, name) for name, changed in _files(self.undisturbed) if name not in there)
        places: dict[str, list[int]] = {}
        for place, (_, name) in enumerate(new, start=1):
            folder = name.split("/")[0]  # notes.chunks.lance, or reports
            places.setdefault(folder.split(".")[1] if "." in folder else folder, []).append(place)
        return places


@dataclass
class Killed:
    """One kill: where it struck, what it cost, and what was `wrong` afterwards, which should be nothing."""

    stage: str
    last_write: str
    embedded_twice: int
    unaccounted: int
    wrong: list[str] = field(default_factory=list)


class Kills:
    """Kills and resumes the life of the notes, in the folder `work`."""

    def __init__(self, work: Path) -> None:
        self.work = work
        self._lives = 0
        folders = work / "first", work / "second"
        for folder in folders:
            write_notes(folder)
        edit_notes(folders[1])
        first, second = (notes_corpus(folder) for folder in folders)
        from_nothing = self._start(first, None)
        self.starts = [from_nothing, self._start(second, from_nothing.undisturbed)]

    def kill(self, number: int, seed: int, table: str | None = None) -> Killed:
        """Kill number `number` of a series, from nothing and from the first state in turn; run again, and compare.

        It strikes with a write of `table`, the table of a stage; without it, at a moment or with a write of any.
        """
        drawn = random.Random(seed * 1_000_003 + number)
        start = self.starts[number % 2]
        while True:
            lake = self._copy(start.before)
            life = self._life(start.corpus, lake)
            life.wait_until_begun()
            _wait(drawn, start, lake, table)
            if life.kill():
                break
            shutil.rmtree(lake)  # it had come to its end before
        killed = self._examined(start, lake, life)
        shutil.rmtree(lake)
        return killed

    def _start(self, corpus: Corpus, before: Path | None) -> Start:
        lake = self._copy(before)
        life = self._life(corpus, lake)
        life.wait_until_begun()
        begun = time.monotonic()
        if life.end():
            raise RuntimeError("the life of the notes fails though nobody kills it")
        return Start(corpus, before, lake, time.monotonic() - begun, life.record.embedded)

    def _copy(self, before: Path | None) -> Path:
        self._lives += 1
        lake = self.work / f"lake{self._lives}"
        if before:
            shutil.copytree(before, lake)
        return lake

    def _life(self, corpus: Corpus, lake: Path) -> Life:
        self._lives += 1
        return Life(corpus, str(lake), self.work / f"record{self._lives}")

    def _examined(self, start: Start, folder: Path, life: Life) -> Killed:
        """Looks at what a kill left, runs the life again, and looks at what that leaves."""
        lake, corpus = Lake(str(folder)), start.corpus
        before = Lake(str(start.before)) if start.before else None
        stored = _vectors(corpus, lake) - (_vectors(corpus, before) if before else 0)
        accounted = _accounted(corpus, lake) - (_accounted(corpus, before) if before else 0)
        embedded = life.record.embedded
        killed = Killed(life.record.stage, _last_write(folder), embedded - stored, embedded - accounted)
        for what, count in (("embedded twice", killed.embedded_twice), ("not in the account", killed.unaccounted)):
            if not 0 <= count <= COMMIT_TEXTS:
                killed.wrong.append(f"{count:,} texts are {what}, a batch is {COMMIT_TEXTS:,}")
        if accounted < stored:
            killed.wrong.append(f"{stored:,} vectors are stored, {accounted:,} are in the account")
        if before and search(corpus, folder) not in start.found:
            killed.wrong.append("the release in force answers otherwise after the kill")

        again = self._life(corpus, folder)
        if again.end():
            killed.wrong.append("the next run fails")
            return killed
        if again.record.embedded != start.embedded - stored:
            killed.wrong.append(f"the next run embeds {again.record.embedded:,}, not {start.embedded - stored:,} texts")
        killed.wrong += differences(lake, Lake(str(start.undisturbed)))
        if search(corpus, folder) != start.found[1]:
            killed.wrong.append("the release answers otherwise than that of an undisturbed run")
        return killed


def search(corpus: Corpus, lake: Path) -> Found:
    """What a search of the release in force finds."""
    _, searcher = released_searcher(corpus, Lake(str(lake)))
    return [(hit.chunk_id, hit.score) for hit in searcher.search(QUESTION)]


def _wait(drawn: random.Random, start: Start, lake: Path, table: str | None) -> None:
    """Until a moment within the run, or until a write of a table."""
    if table is None and drawn.random() < 0.5:
        time.sleep(drawn.uniform(0, start.seconds))
        return
    places = start.writes[table or drawn.choice(sorted(start.writes))]
    wanted = start.files + drawn.choice(places)
    until = time.monotonic() + 3 * start.seconds
    while sum(1 for _ in _files(lake)) < wanted and time.monotonic() < until:
        time.sleep(POLL_SECONDS)
    time.sleep(drawn.uniform(0, JITTER_SECONDS))


def _vectors(corpus: Corpus, lake: Lake) -> int:
    snapshot = lake.newest(corpus.table("embeddings", corpus.base_model.key))
    return snapshot.count() if snapshot else 0


def _accounted(corpus: Corpus, lake: Lake) -> int:
    snapshot = lake.newest(corpus.table("embedding_runs"))
    return sum(snapshot.arrow(["embedded"])["embedded"].to_pylist()) if snapshot else 0


def _files(folder: Path) -> Iterator[tuple[str, int]]:
    """Every file below `folder` with the time of its last change, in nanoseconds. Some go while they are listed."""
    for path, _, names in os.walk(folder):
        for name in names:
            file = Path(path, name)
            try:
                changed = file.stat().st_mtime_ns
            except FileNotFoundError:
                continue
            yield file.relative_to(folder).as_posix(), changed


def _last_write(folder: Path) -> str:
    """What was written last, by where the store keeps it."""
    name, _ = max(_files(folder), key=lambda file: file[1], default=("", 0))
    return next((kind for part, kind in WRITES.items() if part in name), "file" if name else "nothing")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    found: list[Killed] = []
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as work:
        kills = Kills(Path(work))
        for number in range(arguments.kills):
            killed = kills.kill(number, arguments.seed)
            found.append(killed)
            line = f"{number + 1} of {arguments.kills}: in {killed.stage}, after a write of {killed.last_write}"
            print("; ".join([line, *killed.wrong]), file=sys.stderr, flush=True)
    report(
        kills=len(found),
        survived=sum(not killed.wrong for killed in found),
        by_stage=dict(Counter(killed.stage for killed in found)),
        by_last_write=dict(Counter(killed.last_write for killed in found)),
        embedded_twice_max=max((killed.embedded_twice for killed in found), default=0),
        unaccounted_max=max((killed.unaccounted for killed in found), default=0),
        seconds=round(time.monotonic() - started),
        seed=arguments.seed,
    )
    if any(killed.wrong for killed in found):
        sys.exit(1)


if __name__ == "__main__":
    main()
