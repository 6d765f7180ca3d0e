"""How often the tests find a change where there is none, by design: calls with noise that is exchangeable and independent.

Both looks of a tick share its reference, and all ticks of a reference do, so that the rate is simulated and not multiplied.
"""

from typing import Any

import numpy as np

from benchmarks.drift.rates import clustered
from benchmarks.drift.ticks import TESTS_ALONE, Judge, alarmed
from llmops_pipelines.drift.probes import EmbedderProbes
from llmops_pipelines.drift.vectors import Vectors

DIMENSION = 32
MOVE_SEED = 2_026
NOISE = 0.02  # of each coordinate; what the tests find of it depends on no scale


class SyntheticModel:
    """Vectors of unit length, each call with noise of its own in every text."""

    def __init__(self, probes: EmbedderProbes, generator: np.random.Generator) -> None:
        self._generator = generator
        self._texts = [
            _unit(generator.normal(size=(len(texts), DIMENSION))) for texts in (probes.documents, probes.queries)
        ]

    def calls(self, number: int, moved: float = 0.0) -> Vectors:
        """So many calls; `moved` turns every text away from where it was, always the same way."""
        made = []
        for place, texts in enumerate(self._texts):
            away = np.random.default_rng([MOVE_SEED, place]).normal(size=texts.shape)
            noise = self._generator.normal(size=(number, *texts.shape))
            made.append(_unit(texts + moved * away + NOISE * noise).astype(np.float32))
        return Vectors(*made)


def designed(probes: EmbedderProbes, references: int, ticks: int, seed: int) -> dict[str, Any]:
    """The rates of the tests alone, with and without the second look, and how often a second look repeats an alarm."""
    generator = np.random.default_rng(seed)
    judge = Judge(probes, {})
    found = []
    for place in range(references):
        model = SyntheticModel(probes, generator)
        reference = model.calls(2 * probes.calls)
        found += [
            judge.tick(place, number, reference, (model.calls(probes.calls), model.calls(probes.calls)))
            for number in range(1, ticks + 1)
        ]
    first = [alarmed(tick.first) for tick in found]
    both = [tick.findings[TESTS_ALONE].alarm for tick in found]
    return {
        "confirmed": clustered(found, both).as_dict(),
        "unconfirmed": clustered(found, first).as_dict(),
        "confirmed_given_alarm": round(sum(both) / sum(first), 3) if any(first) else None,
    }


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
