"""Usual ways to find drift of embeddings, given the same vectors as the rule.

Each takes the texts of a reference and of a look for two samples, one vector a text (the mean of its calls); only the hash
sees single calls. None pairs a text with itself, none knows what a search loses, none asks again.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.drift.evidently import classifier_drift, mmd_drift
from llmops_pipelines.drift.mmd import discrepancy
from llmops_pipelines.drift.vectors import Vectors
from llmops_pipelines.drift.verdict import LEVEL

COMPONENTS, BINS, CUSTOMARY_PSI = 10, 10, 0.2
EMPTY_BIN = 1e-4  # the share that an empty bin counts as, since its logarithm is none


@dataclass(frozen=True)
class Finding:
    """A method's verdict on a look: `score` grows with drift."""

    score: float
    alarm: bool


Rival = Callable[[Vectors, Vectors], Finding]


def texts(vectors: Vectors) -> np.ndarray:
    """One vector for each document and query, the mean of its calls, (texts, dimension)."""
    return np.concatenate([vectors.documents.mean(axis=0), vectors.queries.mean(axis=0)]).astype(np.float64)


def by_hash(reference: Vectors, look: Vectors) -> Finding:
    """Whether a call of the look differs in any bit from all calls of the reference."""
    known = set(_hashes(reference))
    share = float(np.mean([found not in known for found in _hashes(look)]))
    return Finding(share, share > 0)


def by_mmd(reference: Vectors, look: Vectors) -> Finding:
    """The unpaired maximum mean discrepancy, by a permutation test at the level of the rule."""
    found = discrepancy(texts(reference), texts(look))
    return Finding(found.squared, found.p <= LEVEL)


def by_psi(reference: Vectors, look: Vectors) -> Finding:
    """The population stability index, the mean over the first principal components of the reference.

    Siddiqi, Credit Risk Scorecards, 2006: the sum of (q - p) ln(q / p) over the deciles of the reference. More than .2 is
    customarily a shift.
    """
    before, now = texts(reference), texts(look)
    centre = before.mean(axis=0)
    axes = np.linalg.svd(before - centre, full_matrices=False)[2][:COMPONENTS]
    score = float(
        np.mean([psi(*pair) for pair in zip(axes @ (before - centre).T, axes @ (now - centre).T, strict=True)])
    )
    return Finding(score, score > CUSTOMARY_PSI)


def psi(before: np.ndarray, now: np.ndarray) -> float:
    """The population stability index of two samples of numbers."""
    edges = np.quantile(before, np.linspace(0, 1, BINS + 1)[1:-1])
    p, q = (
        np.maximum(np.bincount(np.searchsorted(edges, values, "right"), minlength=BINS) / len(values), EMPTY_BIN)
        for values in (before, now)
    )
    return float(((q - p) * np.log(q / p)).sum())


def by_evidently(reference: Vectors, look: Vectors) -> Finding:
    """evidently's default for embeddings, a classifier."""
    return Finding(*classifier_drift(texts(reference), texts(look)))


def by_evidently_mmd(reference: Vectors, look: Vectors) -> Finding:
    """evidently's maximum mean discrepancy with its bootstrap."""
    return Finding(*mmd_drift(texts(reference), texts(look)))


RIVALS: dict[str, Rival] = {
    "hash": by_hash,
    "MMD": by_mmd,
    "PSI": by_psi,
    "evidently default": by_evidently,
    "evidently MMD": by_evidently_mmd,
}


def _hashes(vectors: Vectors) -> list[str]:
    return [
        hashlib.sha256(documents.tobytes() + queries.tobytes()).hexdigest()
        for documents, queries in zip(vectors.documents, vectors.queries, strict=True)
    ]
