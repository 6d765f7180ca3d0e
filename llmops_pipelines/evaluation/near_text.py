"""Finds texts that are nearly equal: MinHash for candidates, the exact Jaccard index of word shingles to decide."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations, pairwise

WORD = re.compile(r"\w+")
SHINGLE_WORDS = 3
PERMUTATIONS = 128
# 32 bands of 4 rows: a pair with Jaccard 0.6 becomes a candidate with probability 0.99, one with 0.2 with 0.05.
BANDS = 32
# A crowd of equal texts is one chain of pairs, not all pairs.
CROWD = 50


def shingles(text: str) -> frozenset[tuple[str, ...]]:
    """The sets of three successive words of `text`, lower-cased; the words together where there are fewer than three."""
    words = WORD.findall(text.lower())
    if len(words) < SHINGLE_WORDS:
        return frozenset([tuple(words)])
    return frozenset(zip(*(words[i:] for i in range(SHINGLE_WORDS)), strict=False))


def near_pairs(texts: Mapping[str, str], threshold: float) -> list[tuple[str, str]]:
    """Pairs of keys whose texts have a Jaccard index of at least `threshold`, enough of them to connect every crowd.

    Broder, "On the resemblance and containment of documents", 1997. Candidates come from banded MinHash, so that a
    pair at the threshold is missed with small probability; no pair below it is returned.
    """
    from rensa import RMinHash  # type: ignore[attr-defined]

    keys = sorted(texts)
    sets = {key: shingles(texts[key]) for key in keys}
    rows = PERMUTATIONS // BANDS
    buckets: dict[tuple[int, tuple[int, ...]], list[str]] = defaultdict(list)
    for key in keys:
        sketch = RMinHash(num_perm=PERMUTATIONS, seed=42)
        sketch.update([" ".join(shingle) for shingle in sets[key]])
        digest = sketch.digest()
        for band in range(BANDS):
            buckets[band, tuple(digest[band * rows : (band + 1) * rows])].append(key)
    candidates = {pair for members in buckets.values() for pair in _pairs(members)}
    return [(a, b) for a, b in sorted(candidates) if _jaccard(sets[a], sets[b]) >= threshold]


def _pairs(members: Sequence[str]) -> list[tuple[str, str]]:
    if len(members) <= CROWD:
        return list(combinations(members, 2))
    return list(pairwise(members))


def _jaccard(a: frozenset[tuple[str, ...]], b: frozenset[tuple[str, ...]]) -> float:
    return len(a & b) / len(a | b)
