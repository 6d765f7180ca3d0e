"""The calls that the benchmark makes and what is judged by them: the null, and every drift with its expected verdict."""

import sys
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from benchmarks.drift.calls import Calls, kept_calls
from benchmarks.drift.detection import Drifted
from benchmarks.drift.drifts import NOISE_SIZES, ROUTED_SHARE, Drift, drifted, drifts, tune_all
from benchmarks.drift.jitter import Engines, configurations, drawn_by, jittered_calls
from benchmarks.drift.practical import Loss, SciFact, loss, mixed_loss
from benchmarks.drift.rivals import RIVALS
from benchmarks.drift.routing import Routed
from benchmarks.drift.ticks import Judge, Tick, two_looks
from benchmarks.drift.tuning import train_pairs
from llmops_pipelines.drift.own_probes import own_probes
from llmops_pipelines.drift.probe_files import SHIPPED, load_probes
from llmops_pipelines.drift.probes import EmbedderProbes
from llmops_pipelines.drift.vectors import Vectors
from llmops_pipelines.embedding.model_folder import bundled_model

OTHER_MODEL = f"weight noise {NOISE_SIZES[-1]:g}"  # to which the router sends its share


@dataclass(frozen=True)
class Sizes:
    """How much is drawn; `drifts` are their names, all of them where it is empty."""

    references: int = 50
    ticks: int = 20
    drift_references: int = 5
    routed_references: int = 20
    drift_ticks: int = 4
    synthetic: int = 400
    documents: int = 1_000
    questions: int = 200
    splits: int = 200  # of a month of LLMDrift
    drifts: tuple[str, ...] = ()


class Experiment:
    """Draws by `seed`; what takes long is kept in `work`. `own` asks probes drawn from what SciFact has left."""

    def __init__(self, sizes: Sizes, scifact: Path, work: Path, seed: int, own: bool = False) -> None:
        self._scifact, self._work, self._seed = scifact, work / f"seed-{seed}", seed
        self._search = SciFact(scifact, sizes.documents, sizes.questions, seed, self._work)
        probes = own_probes("scifact", *self._search.left) if own else load_probes(SHIPPED / "embedder.yaml")
        assert isinstance(probes, EmbedderProbes)
        self.probes, self.sizes = probes, sizes
        self.judge = Judge(probes, RIVALS)
        self._base = Engines(bundled_model())
        self._started = time.perf_counter()

    def generator(self, *place: int) -> np.random.Generator:
        return np.random.default_rng([self._seed, *place])

    def log(self, said: str) -> None:
        print(f"{time.perf_counter() - self._started:6.0f} s  {said}", file=sys.stderr, flush=True)

    @cached_property
    def calls(self) -> Calls:
        """Those of the model that did not change, enough for every reference to have its own."""
        return self._made("base", self._base, self.sizes.references, 0)

    @cached_property
    def references(self) -> list[Vectors]:
        return self.calls.references(2 * self.probes.calls)

    def null(self) -> list[Tick]:
        """Ticks at which nothing changed: looks of calls that are not of the reference."""
        generator, size = self.generator(1), 2 * self.probes.calls

        def draw(place: int) -> tuple[Vectors, Vectors]:
            own = range(place * size, (place + 1) * size)
            first, second = two_looks(len(self.calls), self.probes.calls, generator, own)
            return self.calls.of(first), self.calls.of(second)

        return self.judge.ticks(self.references, draw, self.sizes.ticks)

    def jitter_on_scifact(self) -> Loss:
        """What the search of SciFact loses where bf16 answers instead of fp32, the weights being the same."""
        exact, half = (self._search.search(f"base-{p}", self._base, p) for p in ("fp32", "bf16"))
        return loss(exact, half)

    def drifted(self) -> list[Drifted]:
        """Every drift: first what it does to a search, then what the probes see of it."""
        asked = [one for one in drifts() if not self.sizes.drifts or one.name in self.sizes.drifts]
        tune_all(self._base.model, asked, train_pairs(self._scifact), self._work / "models")
        return [self._drifted(drift, place) for place, drift in enumerate(asked)]

    def _drifted(self, drift: Drift, place: int) -> Drifted:
        generator, calls = self.generator(2, place), self.probes.calls
        before, routed = self._search.search("base-fp32", self._base), drift.kind == "router"
        made = next(one for one in drifts() if one.name == OTHER_MODEL) if routed else drift
        engines = Engines(drifted(self._base.model, made, self._work / "models"))
        after = self._search.search(f"{made.file}-fp32", engines)
        lost = mixed_loss(before, after, ROUTED_SHARE, generator) if routed else loss(before, after)
        own = self._made(made.file, engines, 1, 1 + [one.name for one in drifts()].index(made.name))
        router = Routed(self.probes, self.calls, own, ROUTED_SHARE, generator)

        def draw(reference: int) -> tuple[Vectors, Vectors]:
            if routed:
                first, second = (drawn_by(self.probes, router, False, generator).answers for _ in range(2))
                return first, second
            first, second = two_looks(len(own), calls, generator)
            return own.of(first), own.of(second)

        count = self.sizes.routed_references if routed else self.sizes.drift_references
        ticks = self.judge.ticks(self.references[:count], draw, self.sizes.drift_ticks)
        found = Drifted(drift, lost, ticks, self.probes.floor)
        self.log(f"{drift.name}: {lost.greatest:.3f} lost, expected {found.expected}, detected {found.detected:.2f}")
        return found

    def _made(self, name: str, engines: Engines, draws: int, place: int) -> Calls:
        def make() -> Calls:
            return jittered_calls(
                engines,
                self.probes,
                draws,
                self.generator(4, place),
                configurations(),
                lambda done: self.log(f"calls of {name}: {done} of {draws} draws"),
            )

        return kept_calls(self._work / f"{self.probes.name}-calls-{name}-{draws}.npz", make)
