"""Whether one set of texts still resembles another: new documents those that a release was evaluated on, the queries of
a log the questions of a suite.

The two sides share no prompts or items, so that no text can be compared with itself, as the tests of answers do. If
nothing changed, any text could as well have come on the other side: all tests here deal the pooled texts anew. That takes
texts to be independent of each other. Near-duplicates and clusters, such as the passages of one document, are not: the
tests would take each for news of its own, the classifier would know them again from fold to fold, and both would find
changes where there are none. Callers give one text a document.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from llmops_pipelines.drift.descriptors import log_words
from llmops_pipelines.drift.mmd import discrepancy
from llmops_pipelines.drift.moved_words import Moved, separation
from llmops_pipelines.drift.verdict import LEVEL
from llmops_pipelines.evaluation.holm import holm
from llmops_pipelines.storage.identity import text_hash

if TYPE_CHECKING:
    import numpy as np

FEWEST, MOST = 30, 1_000  # texts of a side
# With enough texts any two sets differ: these are the least differences that are worth a word. Where a share of the look
# is of a new kind and can all be recognised, the AUC is 0.5 and half that share: the floor is three texts in ten.
AUC_FLOOR = 0.65
EFFECT_FLOOR = 0.5  # of a standard deviation
PERMUTATIONS = 5_000
BLOCK = 250
SEED = 19_350_802
QUESTION = re.compile(
    r"\s*(?:who|whom|whose|what|which|when|where|why|how|is|are|can|could|does|did|should)\b", re.IGNORECASE
)
CODE = re.compile(r"[`{}]|\(\)|::|=>|[^\W_]_[^\W_]")
DIGIT = re.compile(r"\d")
NO_ASCII = dict.fromkeys(range(128))


def asks(text: str) -> bool:
    """Whether a text ends in a question mark, or begins with an English word by which questions begin."""
    return text.rstrip().endswith(("?", "？", "؟")) or bool(QUESTION.match(text))


def beyond_ascii(text: str) -> float:
    """The share of the letters of a text that are not ASCII, 0 to 1; 0 where it has no letters."""
    if text.isascii():
        return 0.0
    letters = "".join(filter(str.isalpha, text))
    return len(letters.translate(NO_ASCII)) / max(1, len(letters))


WORDS = "words of a text"
DESCRIPTORS = {
    WORDS: log_words,
    "texts that ask": asks,
    "texts with digits": lambda text: bool(DIGIT.search(text)),
    "texts with code": lambda text: bool(CODE.search(text)),
    "letters beyond ASCII": beyond_ascii,
}


@dataclass(frozen=True)
class Descriptor:
    """The mean of one descriptor on each side; of words their logarithm, of all others a share, 0 to 1.

    `effect` is the difference in pooled standard deviations, infinite where both sides are constant and differ. `p` is
    two-sided, after Holm's correction over the descriptors.
    """

    name: str
    reference: float
    look: float
    effect: float
    p: float

    @property
    def changed(self) -> bool:
        """Whether the difference is significant and above its floor."""
        return self.p <= LEVEL and abs(self.effect) >= EFFECT_FLOOR

    def __str__(self) -> str:
        said = [f"{math.expm1(v):.0f}" if self.name == WORDS else f"{v:.0%}" for v in (self.reference, self.look)]
        return f"{self.name} {said[0]} -> {said[1]} (p {self.p:.2g})"


@dataclass(frozen=True)
class Resemblance:
    """What was found of two sets of texts, of which `texts` took part: of the reference and of the look.

    `p` is that of the maximum mean discrepancy of their vectors, `squared` its unbiased square; `auc` and `moved` are
    those of `separation`.
    """

    texts: tuple[int, int]
    p: float
    squared: float
    auc: float
    moved: Moved
    descriptors: tuple[Descriptor, ...]

    @property
    def told_apart(self) -> bool:
        """Whether what the texts are about differs: significantly, and by words that tell a text's side."""
        return self.p <= LEVEL and self.auc >= AUC_FLOOR

    @property
    def changed(self) -> bool:
        """Whether the texts are told apart, or a descriptor has changed; of sets alike in at most 2 % (twice LEVEL)."""
        return self.told_apart or any(descriptor.changed for descriptor in self.descriptors)

    @property
    def reason(self) -> str:
        """What changed, in words; or by how little the texts are told apart."""
        figures = f"(AUC {self.auc:.2f}, p {self.p:.2g})"
        said = [f"the texts can be told apart {figures}: {self.moved}"] if self.told_apart else []
        said += [str(descriptor) for descriptor in self.descriptors if descriptor.changed]
        return "; ".join(said) or f"no difference is both significant and above its floor {figures}"


def resemblance(
    reference: Sequence[str], look: Sequence[str], reference_vectors: "np.ndarray", look_vectors: "np.ndarray"
) -> Resemblance:
    """The comparison of two sets of texts; the vectors are unit vectors of the texts by one model, (n, dimension).

    Each side is a set: a text counts once, however often it comes, for copies are no independent texts. Of more than
    1,000 texts the first by hash take part: neither chance nor order chooses. Both sides may share texts. Raises ValueError
    where a side has fewer than 30 different texts, or not one vector a text.
    """
    before, before_vectors = _chosen(reference, reference_vectors)
    now, now_vectors = _chosen(look, look_vectors)
    if min(len(before), len(now)) < FEWEST:
        raise ValueError(f"{FEWEST} different texts a side are needed, not {len(before)} and {len(now)}")
    tested = discrepancy(before_vectors, now_vectors)
    told = separation(before, now)
    sizes = len(before), len(now)
    return Resemblance(sizes, tested.p, tested.squared, told.auc, told.moved, _compared(before, now))


def _compared(reference: Sequence[str], look: Sequence[str]) -> tuple[Descriptor, ...]:
    """The descriptors of two sets of texts, each with its test: the difference of means, by PERMUTATIONS deals of the pool.

    The data themselves count as one deal more (Good, Permutation, Parametric and Bootstrap Tests of Hypotheses, 2005,
    chapter 3).
    """
    import numpy as np

    n, m = len(reference), len(look)
    values = np.array([[of(text) for of in DESCRIPTORS.values()] for text in [*reference, *look]], dtype=float)

    def differences(of_look: np.ndarray) -> np.ndarray:
        """Of each row of `of_look` (deals, n + m), True where a text is of the look, (deals, descriptors)."""
        sums = of_look.astype(float) @ values
        return sums / m - (values.sum(axis=0) - sums) / n

    observed = differences(np.repeat([[False, True]], [n, m], axis=1))[0]
    generator = np.random.default_rng(SEED)
    reached = np.zeros(len(DESCRIPTORS))
    for _ in range(PERMUTATIONS // BLOCK):
        drawn = differences(generator.random((BLOCK, n + m)).argsort(axis=1) < m)
        reached += (np.abs(drawn) >= np.abs(observed) - 1e-9).sum(axis=0)
    corrected = holm(dict(zip(DESCRIPTORS, ((1 + reached) / (1 + PERMUTATIONS)).tolist(), strict=True)))
    spread = np.sqrt((values[:n].var(axis=0) * n + values[n:].var(axis=0) * m) / (n + m - 2))
    means = zip(values[:n].mean(axis=0).tolist(), values[n:].mean(axis=0).tolist(), spread.tolist(), strict=True)
    return tuple(
        Descriptor(name, then, now, _standardised(now - then, deviation), corrected[name])
        for name, (then, now, deviation) in zip(DESCRIPTORS, means, strict=True)
    )


def _standardised(difference: float, deviation: float) -> float:
    if abs(difference) < 1e-9:
        return 0.0
    return difference / deviation if deviation > 1e-9 else math.copysign(math.inf, difference)


def _chosen(texts: Sequence[str], vectors: "np.ndarray") -> tuple[list[str], "np.ndarray"]:
    """The different texts, at most MOST of them, in the order of their hashes, with their vectors."""
    if len(texts) != len(vectors):
        raise ValueError(f"{len(texts)} texts have {len(vectors)} vectors")
    rows = {text: row for row, text in enumerate(texts)}
    chosen = sorted(rows, key=text_hash)[:MOST]
    return chosen, vectors[[rows[text] for text in chosen]]
