"""Sets of paired differences whose true mean is known: clusters of questions, correlated within a cluster."""

import json
import math
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import numpy as np

# Measured: nDCG@10 of hybrid search under the tuned model less that under the base, the written questions of python_docs.
REAL = Path(__file__).parent / "real_differences.json"
DEVIATION = 0.2  # of normal differences, about what nDCG@10 has between two systems
DISCORDANT = {"binary": 0.25, "binary_rare": 0.05}
METRICS = ("normal", "binary", "binary_rare", "skewed")


@dataclass(frozen=True)
class Draw:
    """Draws differences in `clusters` clusters of `per_cluster` questions each, with this intra-class correlation."""

    metric: str
    clusters: int
    per_cluster: int
    icc: float

    def differences(self, generator: np.random.Generator, mean: float) -> np.ndarray:
        """One set of differences with the true mean `mean`, cluster after cluster."""
        if self.metric == "normal":
            return (mean + DEVIATION * self._correlated(generator)).clip(-1, 1).ravel()
        if self.metric == "skewed":
            # Two questions of a cluster both take its difference with the probability `icc`.
            shared = generator.random((self.clusters, self.per_cluster)) < math.sqrt(self.icc)
            common, own = (_real(generator, mean, (self.clusters, n)) for n in (1, self.per_cluster))
            return np.where(shared, common, own).ravel()
        return self._binary(generator, mean).ravel()

    def names(self) -> list[str]:
        """The cluster of each difference."""
        return [str(cluster) for cluster in range(self.clusters) for _ in range(self.per_cluster)]

    def _correlated(self, generator: np.random.Generator) -> np.ndarray:
        """Standard normal, (clusters, per_cluster)."""
        common = generator.standard_normal((self.clusters, 1))
        own = generator.standard_normal((self.clusters, self.per_cluster))
        return math.sqrt(self.icc) * common + math.sqrt(1 - self.icc) * own

    def _binary(self, generator: np.random.Generator, mean: float) -> np.ndarray:
        """-1, 0 or 1: the tails of correlated normal numbers, as many more on the one side as `mean` says."""
        from scipy import special

        share = max(DISCORDANT[self.metric], abs(mean))
        low, high = special.ndtri((share - mean) / 2), -special.ndtri((share + mean) / 2)
        latent = self._correlated(generator)
        return (latent > high).astype(float) - (latent < low)


def _real(generator: np.random.Generator, mean: float, shape: tuple[int, int]) -> np.ndarray:
    return generator.choice(real_differences(), shape, p=_tilted(mean))


@lru_cache(maxsize=1024)
def _tilted(mean: float) -> np.ndarray:
    """Probabilities of the real differences with which their mean is `mean`: exponential in the difference."""
    from scipy import optimize

    real = real_differences()

    def lacking(tilt: float) -> float:
        return float(np.average(real, weights=np.exp(tilt * real))) - mean

    weights = np.exp(float(optimize.brentq(lacking, -50, 50)) * real)  # type: ignore[arg-type]
    return weights / weights.sum()


@cache
def real_differences() -> np.ndarray:
    return np.asarray(json.loads(REAL.read_text("utf-8")), dtype=float)
