"""The life of a corpus in a process of its own that may be killed: forked from one in which everything is imported.

What such a process has embedded, and how far it is, stands in a file that outlives it.
"""

import mmap
import multiprocessing
import struct
import sys
import time
import warnings
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import dagster as dg

from llmops_pipelines.embedding.embedder import EmbedderCount
from llmops_pipelines.embedding.engines import shared_embedder
from llmops_pipelines.orchestration.corpus import Corpus
from llmops_pipelines.orchestration.lifecycle import lifecycle
from llmops_pipelines.orchestration.partitions import register_keys
from llmops_pipelines.orchestration.progress import Finished, Step, listening
from llmops_pipelines.orchestration.settings import CorpusSettings
from llmops_pipelines.resources.lake import LakeResource
from llmops_pipelines.run_results import failures
from llmops_pipelines.storage import Lake

# Every stage but those of tuning, in the order in which they run.
STAGES = (
    "documents",
    "clean_documents",
    "chunks",
    "embeddings",
    "vector_index",
    "evaluation",
    "evaluation_report",
    "release",
)
WARM = "benchmarks.warm"  # imported before a process is forked
SLOTS = struct.Struct("qqq")
POLL_SECONDS = 0.001


class Record:
    """What is known of a process while and after it runs: whether its run has begun, stages finished, texts embedded."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(SLOTS.size))
        with path.open("r+b") as file:
            self.memory = mmap.mmap(file.fileno(), SLOTS.size)

    def _slot(self, slot: int) -> int:
        return SLOTS.unpack_from(self.memory)[slot]

    def put(self, slot: int, value: int) -> None:
        struct.pack_into("q", self.memory, 8 * slot, value)

    @property
    def begun(self) -> bool:
        return bool(self._slot(0))

    @property
    def stage(self) -> str:
        """The stage that runs, or ran when the process ended."""
        return (*STAGES, "after the last stage")[self._slot(1)]

    @property
    def embedded(self) -> int:
        """Passages that went through the model."""
        return self._slot(2)


class LastingCount(EmbedderCount):
    """The count of an embedder, written to the record of its process whenever it changes."""

    record: Record | None = None

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if self.record and name == "documents":
            self.record.put(2, value)


class Life:
    """A process that runs the life job of `corpus` for its base model on the lake at `uri`."""

    def __init__(self, corpus: Corpus, uri: str, record: Path) -> None:
        self.record = Record(record)
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([WARM])
        arguments = corpus.settings, corpus.folder, uri, record
        self.process: ForkServerProcess = context.Process(target=run_life, args=arguments, daemon=True)
        self.process.start()

    def wait_until_begun(self) -> None:
        while not self.record.begun and self.process.is_alive():
            time.sleep(POLL_SECONDS)

    def end(self) -> int:
        """Wait for its end; returns the exit code."""
        self.process.join()
        assert self.process.exitcode is not None
        return self.process.exitcode

    def kill(self) -> int:
        """SIGKILL; returns the exit code, which is 0 where it had come to its end."""
        self.process.kill()
        return self.end()


def run_life(settings: CorpusSettings, folder: Path, uri: str, record_path: Path) -> None:
    """What the process does. Exits with 1 where a stage fails, and says why."""
    corpus = Corpus(settings, folder)
    record = Record(record_path)
    embedder = shared_embedder(corpus.base_model, corpus.settings.embeddings.precision)
    embedder.count = LastingCount()
    embedder.count.record = record
    finished = 0

    def listen(event: Step | Finished) -> None:
        nonlocal finished
        if isinstance(event, Finished):
            finished += 1
            record.put(1, finished)

    bound = dg.Definitions(resources={"lake": LakeResource(uri=uri)}, executor=dg.in_process_executor)
    with dg.DagsterInstance.ephemeral() as instance, listening(listen), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        register_keys(corpus, instance, Lake(uri))
        job = dg.Definitions.merge(lifecycle(corpus), bound).resolve_job_def(f"{corpus.name}_life")
        record.put(0, 1)
        result = job.execute_in_process(
            instance=instance,
            partition_key=corpus.base_model.key,
            asset_selection=[corpus.key(stage) for stage in STAGES],
            raise_on_error=False,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
    if not result.success:
        sys.exit("\n".join(failures(result)))
