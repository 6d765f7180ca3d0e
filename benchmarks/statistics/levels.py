"""How often intervals of a level hold it: of a mean score by `clustered_mean`, and over seeds by `crossed_mean`."""

import math
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

import numpy as np
from scipy import special

from llmops_pipelines.evaluation.intervals import clustered_mean
from llmops_pipelines.evaluation.repeats import crossed_mean

SCORES = ("hit", "graded")
SPREAD = 1.2  # the sum of the parameters of the beta distribution of graded scores: many near 0 and many near 1
DEVIATION = 0.2  # of a question's difference, over seeds and questions


@dataclass(frozen=True)
class Level:
    """Scores in [0, 1] with the true mean `mean`; `icc` is that of the normal numbers that they are made of."""

    score: str
    clusters: int
    per_cluster: int
    icc: float
    mean: float

    def coverage(self, replicates: int, seed: int) -> dict[str, Any]:
        generator = np.random.default_rng([seed, self.clusters, round(100 * self.icc), round(100 * self.mean)])
        names = _names(self.clusters, self.per_cluster)
        held = 0
        for _ in range(replicates):
            found = clustered_mean(self._scores(generator).tolist(), names)
            held += found.low <= self.mean <= found.high
        return {**asdict(self), "coverage": round(held / replicates, 4)}

    def _scores(self, generator: np.random.Generator) -> np.ndarray:
        common = generator.standard_normal((self.clusters, 1))
        own = generator.standard_normal((self.clusters, self.per_cluster))
        rank = special.ndtr(math.sqrt(self.icc) * common + math.sqrt(1 - self.icc) * own).ravel()
        if self.score == "hit":
            return (rank < self.mean).astype(float)
        return special.betaincinv(SPREAD * self.mean, SPREAD * (1 - self.mean), rank)


@dataclass(frozen=True)
class Seeds:
    """Differences of `repeats` seeds over the same questions; `seed_deviation` is that between the means of two seeds."""

    repeats: int
    clusters: int
    per_cluster: int
    icc: float
    seed_deviation: float

    def coverage(self, replicates: int, seed: int) -> dict[str, Any]:
        """Beside `crossed_mean`, what an interval over the mean of the seeds would hold that knows only questions."""
        generator = np.random.default_rng([seed, self.repeats, self.clusters, round(1000 * self.seed_deviation)])
        names = _names(self.clusters, self.per_cluster)
        crossed, ignored = [], []
        for _ in range(replicates):
            values = self._values(generator)
            both = crossed_mean(values.tolist(), names, (-1.0, 1.0))
            one = clustered_mean(values.mean(axis=0).tolist(), names, (-1.0, 1.0))
            crossed.append(both.low <= 0 <= both.high)
            ignored.append(one.low <= 0 <= one.high)
        return {**asdict(self), "coverage": round(fmean(crossed), 4), "questions_only": round(fmean(ignored), 4)}

    def _values(self, generator: np.random.Generator) -> np.ndarray:
        """Half of the variance of a question's difference is its own, half is of the question under one seed."""
        common = generator.standard_normal((self.clusters, 1))
        own = generator.standard_normal((self.clusters, self.per_cluster))
        question = (math.sqrt(self.icc) * common + math.sqrt(1 - self.icc) * own).ravel()
        noise = generator.standard_normal((self.repeats, len(question)))
        shift = self.seed_deviation * generator.standard_normal((self.repeats, 1))
        return shift + DEVIATION * math.sqrt(0.5) * (question + noise)


def _names(clusters: int, per_cluster: int) -> list[str]:
    return [str(cluster) for cluster in range(clusters) for _ in range(per_cluster)]
