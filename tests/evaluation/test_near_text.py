"""Pairs of nearly equal texts against brute force, and on labelled pages."""

import csv
import gzip
import json
import random
import re
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmops_pipelines.evaluation.near_text import near_pairs, shingles


def jaccard(a: str, b: str) -> float:
    """The definition, of sets of three lower-cased words."""
    sets = []
    for text in (a, b):
        words = re.findall(r"\w+", text.lower())
        sets.append({" ".join(words[i : i + 3]) for i in range(max(1, len(words) - 2))})
    return len(sets[0] & sets[1]) / len(sets[0] | sets[1])


def edited(number: int) -> str:
    """One of twenty texts of 60 words, from none to all of them changed."""
    chance = random.Random(number)
    words = [f"w{number % 20}x{i}" for i in range(60)]
    for i in chance.sample(range(60), chance.choice([0, 1, 2, 4, 8, 15, 60])):
        words[i] = f"changed{number}x{i}"
    return " ".join(words)


def test_shingles_are_three_lower_cased_words() -> None:
    assert shingles("The moon, the SEA.") == {("the", "moon", "the"), ("moon", "the", "sea")}
    assert shingles("Moon sea") == {("moon", "sea")}
    assert shingles("...") == {()}


def test_pairs_equal_brute_force() -> None:
    texts = {f"t{i:03}": edited(i) for i in range(400)}
    exact = {pair: jaccard(texts[pair[0]], texts[pair[1]]) for pair in combinations(sorted(texts), 2)}
    found = near_pairs(texts, 0.6)
    assert len(found) == len(set(found))
    assert all(exact[pair] >= 0.6 for pair in found)
    wanted = {pair for pair, value in exact.items() if value >= 0.6}
    assert len(wanted) > 500
    assert len(wanted & set(found)) / len(wanted) > 0.97
    assert {pair for pair, value in exact.items() if value >= 0.75} <= set(found)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.text("ab \n", max_size=30), max_size=12), st.sampled_from([0.3, 0.6, 0.9, 1.0]))
def test_no_pair_is_below_the_threshold_and_equal_texts_are_always_found(texts: list[str], threshold: float) -> None:
    named = {f"t{i:02}": text for i, text in enumerate(texts)}
    found = near_pairs(named, threshold)
    assert all(a < b and jaccard(named[a], named[b]) >= threshold for a, b in found)
    assert {(a, b) for a, b in combinations(sorted(named), 2) if jaccard(named[a], named[b]) == 1} <= set(found)


def test_a_crowd_of_equal_texts_is_connected() -> None:
    found = near_pairs({f"t{i:03}": "the same text in all of them" for i in range(120)}, 0.6)
    joined = {"t000"}
    for a, b in found:  # sorted, so that one pass is enough
        if a in joined:
            joined.add(b)
    assert len(joined) == 120


@pytest.fixture(scope="module")
def pages(labelled_data: Path) -> dict[str, str]:
    with gzip.open(labelled_data / "cleaning" / "neardup" / "blobs.jsonl.gz", "rt", encoding="utf-8") as lines:
        return {entry["blob"]: entry["text"] for entry in map(json.loads, lines)}


@pytest.fixture(scope="module")
def labels(labelled_data: Path) -> dict[tuple[str, str], float]:
    with gzip.open(labelled_data / "cleaning" / "neardup" / "pairs.tsv.gz", "rt", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t"))
    return {(min(r["blob_a"], r["blob_b"]), max(r["blob_a"], r["blob_b"])): float(r["jaccard_word3"]) for r in rows}


def test_labelled_pages(pages: dict[str, str], labels: dict[tuple[str, str], float]) -> None:
    found = set(near_pairs(pages, 0.8))
    listed = found & labels.keys()
    right = {pair for pair, value in labels.items() if value >= 0.8}
    assert len(right) > 1_900
    assert listed <= right, "precision on listed pairs is 1"
    assert len(listed) / len(right) >= 0.99


def test_the_definition_of_the_labels_is_ours(pages: dict[str, str], labels: dict[tuple[str, str], float]) -> None:
    for (a, b), value in list(labels.items())[::40]:
        ours = len(shingles(pages[a]) & shingles(pages[b])) / len(shingles(pages[a]) | shingles(pages[b]))
        assert round(ours, 4) == pytest.approx(value, abs=1e-4)
