"""The declared jitter of a local model: the same weights under another engine, precision or number of threads.

Every call is answered under a configuration drawn anew, as one of several replicas answers it. The order of its texts and
the size of its requests are changed by VectorProbe itself.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial

import numpy as np

from benchmarks.drift.calls import Calls, joined
from llmops_pipelines.drift.drawn import Drawn
from llmops_pipelines.drift.identity import Identity
from llmops_pipelines.drift.probes import EmbedderProbes
from llmops_pipelines.drift.vector_probe import VectorProbe
from llmops_pipelines.embedding.embedder import Embedded, Embedder, EmbedderCount, Use
from llmops_pipelines.embedding.engines import Engine
from llmops_pipelines.embedding.model_folder import ModelFolder
from llmops_pipelines.embedding.openvino_embedder import OpenVinoEmbedder
from llmops_pipelines.embedding.torch_embedder import Precision, TorchEmbedder

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
PRECISIONS: tuple[Precision, ...] = ("fp32", "bf16")


@dataclass(frozen=True)
class Configuration:
    """How a model is run."""

    engine: Engine
    precision: Precision
    threads: int

    def __str__(self) -> str:
        threads = f", {self.threads} thread{'s' if self.threads > 1 else ''}" if self.engine == "torch" else ""
        return f"{self.engine} {self.precision}{threads}"


@cache
def configurations() -> tuple[Configuration, ...]:
    """Those of this machine. OpenVINO, where it is installed, takes all cores."""
    import importlib.util

    found = [Configuration("torch", precision, threads) for precision in PRECISIONS for threads in sorted({1, CORES})]
    if importlib.util.find_spec("openvino"):
        found += [Configuration("openvino", precision, CORES) for precision in PRECISIONS]
    return tuple(found)


class Engines:
    """The embedders of one model on the CPU, each loaded when it is first asked for."""

    def __init__(self, model: ModelFolder) -> None:
        self.model = model
        self._loaded: dict[tuple[Engine, Precision], TorchEmbedder] = {}

    def of(self, engine: Engine, precision: Precision) -> TorchEmbedder:
        made = OpenVinoEmbedder if engine == "openvino" else partial(TorchEmbedder, device="cpu")
        if (engine, precision) not in self._loaded:
            self._loaded[engine, precision] = made(self.model, precision)
        return self._loaded[engine, precision]


class Jittered:
    """One model under many configurations: after every `texts` texts, which are a call, another one is drawn."""

    def __init__(
        self, engines: Engines, among: Sequence[Configuration], texts: int, generator: np.random.Generator
    ) -> None:
        self._engines = engines
        self._among = among
        self._texts = texts
        self._left = 0
        self._generator = generator
        self.answered_by: list[str] = []
        self.count = EmbedderCount()
        self.fingerprint, self.numerics = engines.model.fingerprint, "jittered"
        self.dimension, self.max_tokens = engines.model.dimension, engines.model.max_tokens

    def embed(self, texts: Sequence[str], use: Use, progress: Callable[[int], None] = lambda done: None) -> Embedded:
        import torch

        if not self._left:
            self._now = drawn_from(self._among, self._generator)
            self.answered_by.append(str(self._now))
            self._left = self._texts
        self._left -= len(texts)
        torch.set_num_threads(self._now.threads)
        try:
            return self._engines.of(self._now.engine, self._now.precision).embed(texts, use, progress)
        finally:
            torch.set_num_threads(CORES)


def drawn_from(among: Sequence[Configuration], generator: np.random.Generator) -> Configuration:
    """An engine, then one of its configurations, each as likely as the others."""
    engines = sorted({one.engine for one in among})
    engine = engines[int(generator.integers(len(engines)))]
    of_it = [one for one in among if one.engine == engine]
    return of_it[int(generator.integers(len(of_it)))]


def jittered_calls(
    engines: Engines,
    probes: EmbedderProbes,
    draws: int,
    generator: np.random.Generator,
    among: Sequence[Configuration],
    progress: Callable[[int], None] = lambda done: None,
) -> Calls:
    """The calls of so many references of a model, each drawn by VectorProbe, each call under one of `among`."""
    embedder = Jittered(engines, among, len(probes.documents) + len(probes.queries), generator)
    made: list[Calls] = []
    for draw in range(draws):
        before = len(embedder.answered_by)
        answers = drawn_by(probes, embedder, True, generator).answers
        made.append(Calls(answers.documents, answers.queries, np.array(embedder.answered_by[before:])))
        progress(draw + 1)
    return joined(made)


def drawn_by(probes: EmbedderProbes, embedder: Embedder, reference: bool, generator: np.random.Generator) -> Drawn:
    """What VectorProbe draws from `embedder`; it is told no identity, so that only behaviour is judged."""
    seed = int(generator.integers(2**32))
    probe = VectorProbe(probes, lambda: embedder, lambda asked: Identity({}), seed=seed)
    return probe.draw(("vectors",), reference)
