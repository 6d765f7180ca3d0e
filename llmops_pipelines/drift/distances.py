"""Whether an embedder answers otherwise than its reference: the distances of its vectors to it, text by text.

A distance is never negative, so that its own sign says nothing: what a model's repeats lie apart anyhow must be known. A
reference is therefore split. Its *anchors* are what is measured from; its *peers*, as many calls as one look makes, are
what is measured against. If nothing changed, the vectors of a look and the peers of the same text could as well have
come the other way round, which turns the sign of the difference of their distances to the anchors: a sign-flip test over
texts is exact (Fisher, The Design of Experiments, 1935, section 21), whatever the distances are distributed like. It
takes the texts to be answered independently of each other; what all texts of a call share is for the effect floor.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from llmops_pipelines.evaluation.sign_flip import sign_flip

if TYPE_CHECKING:
    import numpy as np


SHARPENED_BELOW, DRAWS, BLOCK = 1e-3, 200_000, 20_000
SEED = 19_350_803


@dataclass(frozen=True)
class Shift:
    """How far a look lies from the reference's anchors, beyond what its peers do.

    `p` is one-sided: small where the look is farther away. `distance` is the mean cosine distance of the look to the
    anchors, `noise` that of the peers; `by_text` the difference of each text.
    """

    p: float
    distance: float
    noise: float
    by_text: "np.ndarray"

    @property
    def effect(self) -> float:
        """The mean cosine distance beyond that of the reference to itself."""
        return self.distance - self.noise


def shift(anchors: "np.ndarray", peers: "np.ndarray", look: "np.ndarray") -> Shift:
    """The test of `look` against a reference; arrays of unit vectors (calls, texts, dimension), texts in the same order.

    `peers` and `look` have as many calls: only then can they change places. Raises ValueError where they have not.
    """
    if peers.shape != look.shape or anchors.shape[1:] != look.shape[1:]:
        raise ValueError(
            f"a look {look.shape} is compared with as many calls of the same texts, not with {peers.shape} and "
            f"anchors {anchors.shape}"
        )
    if not len(anchors) or not len(peers):
        raise ValueError("a reference has an anchor and a peer at least")
    away, noise = _distances(anchors, look), _distances(anchors, peers)
    by_text = away - noise
    return Shift(_p_above(by_text), float(away.mean()), float(noise.mean()), by_text)


def overlap(before: "np.ndarray", now: "np.ndarray", k: int = 10) -> "np.ndarray":
    """The share of the first `k` documents that each query finds as it did before, (queries,).

    `before` and `now` are the scores of all documents (queries, documents). Of documents that tie for the last of the first
    `k` places each is found with the share of these places that there are for them: which of them comes first is no effect
    of the model, and where all tie nothing is told apart any more. A k above their number is that number.
    """
    import numpy as np

    k = min(k, before.shape[1])
    first = np.argsort(-before, axis=1, kind="stable")[:, :k]
    last = np.sort(now, axis=1)[:, -k][:, None]
    above, tied = (now > last).sum(axis=1), (now == last).sum(axis=1)
    scores, shares = np.take_along_axis(now, first, axis=1), ((k - above) / tied)[:, None]
    return np.where(scores > last, 1.0, np.where(scores == last, shares, 0.0)).mean(axis=1)


def _p_above(by_text: "np.ndarray") -> float:
    """The one-sided p of their mean by turned signs. One that is small is drawn anew, of DRAWS: looks may share a level."""
    import numpy as np

    p = sign_flip(by_text, np.arange(len(by_text)).astype(str)).p_above()
    if p > SHARPENED_BELOW:
        return p
    generator = np.random.default_rng(SEED)
    reached, observed = 0, by_text.sum()
    for _ in range(DRAWS // BLOCK):
        signs = generator.integers(0, 2, (BLOCK, len(by_text)), dtype=np.int8) * 2.0 - 1.0
        reached += int((signs @ by_text >= observed * (1 - 1e-9)).sum())
    return (1 + reached) / (1 + DRAWS)


def _distances(anchors: "np.ndarray", calls: "np.ndarray") -> "np.ndarray":
    """The mean cosine distance of the calls of each text to its anchors, (texts,).

    Of unit vectors it is half their squared distance, which keeps the digits that one less a product near 1 loses.
    """
    import numpy as np

    found = np.zeros(anchors.shape[1])
    for anchor in anchors:
        for call in calls:
            found += ((call.astype(np.float64) - anchor) ** 2).sum(axis=1) / 2
    return found / (len(anchors) * len(calls))
