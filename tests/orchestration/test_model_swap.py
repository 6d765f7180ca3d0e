"""A reader searches all the while that another model is embedded, indexed, released, and gone back from.

It looks up the release for each search, and holds the first one all the while: neither ever fails or mixes models.
"""

import multiprocessing
from collections.abc import Iterator
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from pathlib import Path

import dagster as dg
import pytest

from llmops_pipelines import release as releases
from llmops_pipelines.index.search import Searcher, SearchIndex, SearchKind
from llmops_pipelines.orchestration.corpus import Corpus
from llmops_pipelines.orchestration.settings import CorpusSettings
from llmops_pipelines.release.ledger import Ledger
from llmops_pipelines.release.manifest import Release
from llmops_pipelines.storage import Lake
from tests.dagster_runs import promote, run_job
from tests.embedding.tiny_models import tiny_model

QUESTIONS = ("the moon and the sea", "a queen in the colony", "yeast")
KINDS: tuple[SearchKind, ...] = ("dense", "hybrid", "full_text")
WAIT_SECONDS = 120

Answers = list[list[str]]
Seen = tuple[str, Answers, Answers]  # release, what it found, what the searcher found that is held open


@pytest.fixture
def corpus(articles: Path) -> Corpus:
    """The articles under two models of equal dimension."""
    for seed, name in enumerate(("one", "two")):
        tiny_model(articles / name, window=48, seed=seed)
    raw = {
        "name": "articles",
        "source": {"type": "directory", "uri": "documents"},
        "embeddings": {"models": [{"name": name, "folder": name} for name in ("one", "two")], "precision": "fp32"},
        "evaluation": {"suites": ["written.yaml"], "known_items": 0},
    }
    return Corpus(CorpusSettings.model_validate(raw), articles)


def answers(searcher: Searcher) -> Answers:
    return [[hit.chunk_id for hit in searcher.search(question, kind)] for question in QUESTIONS for kind in KINDS]


def read(uri: str, seen: "Queue[Seen | str]", stop: Event) -> None:
    """What the reader does until it is told to stop; it tells of every search, and of its first error."""
    reader = releases.open("articles", uri)
    try:
        with reader.held() as first:
            while not stop.is_set():
                with reader.held() as held:
                    assert held.searcher.index.fingerprint == held.release.manifest.fingerprint
                    assert held.searcher.embedder.fingerprint == held.release.manifest.fingerprint
                    seen.put((held.release.release_id, answers(held.searcher), answers(first.searcher)))
    except BaseException as error:
        seen.put(f"{type(error).__name__}: {error}")
        raise


class Reader:
    """A process that reads, and what it has seen so far."""

    def __init__(self, uri: str) -> None:
        context = multiprocessing.get_context("spawn")
        self._queue: Queue[Seen | str] = context.Queue()
        self._stop = context.Event()
        self._process = context.Process(target=read, args=(uri, self._queue, self._stop), daemon=True)
        self._process.start()
        self.seen: list[Seen] = []

    def until(self, release_id: str) -> None:
        """Wait until it has searched `release_id`."""
        while not self.seen or self.seen[-1][0] != release_id:
            found = self._queue.get(timeout=WAIT_SECONDS)
            assert not isinstance(found, str), found
            self.seen.append(found)

    def end(self) -> None:
        self._stop.set()
        while self._process.is_alive() or not self._queue.empty():
            if not self._queue.empty():
                found = self._queue.get(timeout=WAIT_SECONDS)
                assert not isinstance(found, str), found
                self.seen.append(found)
            self._process.join(timeout=0.01)
        assert self._process.exitcode == 0


@pytest.fixture
def reader(corpus: Corpus, instance: dg.DagsterInstance, lake: Lake) -> Iterator[Reader]:
    """Reads the first release, of model one."""
    assert run_job(corpus, instance, lake.uri).success
    made = Reader(lake.uri)
    made.until("r0001")
    yield made
    made.end()


def expected(corpus: Corpus, lake: Lake, release: Release) -> Answers:
    """What `release` finds when nothing is written."""
    index = SearchIndex(Ledger(lake, "articles").open_index(release), corpus.settings.vector_index.index_settings())
    return answers(Searcher(index, corpus.embedder(release.manifest.model_key, lake)))


def test_every_search_is_answered_by_the_one_model_that_was_released(
    reader: Reader, corpus: Corpus, instance: dg.DagsterInstance, lake: Lake
) -> None:
    one, two = corpus.model_keys()
    assert run_job(corpus, instance, lake.uri, "candidate", two).success
    assert promote(corpus, instance, lake.uri, two).success
    reader.until("r0002")
    assert run_job(corpus, instance, lake.uri, "rollback").success
    reader.until("r0003")
    reader.end()

    history = Ledger(lake, "articles").history()
    assert [release.manifest.model_key for release in history] == [one, two, one]
    right = {release.release_id: expected(corpus, lake, release) for release in history}
    assert right["r0001"] == right["r0003"] != right["r0002"]
    assert all(hits for found in right.values() for hits in found)
    order = [release_id for release_id, _, _ in reader.seen]
    assert order == sorted(order)
    for release_id, found, held in reader.seen:
        assert found == right[release_id]
        assert held == right["r0001"]
