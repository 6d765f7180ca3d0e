"""Requests of a bounded size, without the tokenizer of the model."""

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from llmops_pipelines.embedding.batches import batches, estimated_tokens, shares

COUNTS = st.lists(st.integers(1, 60), max_size=80)


@settings(deadline=None)
@given(COUNTS, st.integers(1, 10), st.integers(1, 100), st.integers(1, 60))
def test_each_text_is_in_one_batch_in_order_and_the_bounds_hold(
    tokens: list[int], most_texts: int, most_tokens: int, alone: int
) -> None:
    found = list(batches(tokens, most_texts, most_tokens, alone))
    assert [position for batch in found for position in batch] == list(range(len(tokens)))
    for batch in found:
        assert 1 <= len(batch) <= most_texts
        assert len(batch) == 1 or sum(tokens[position] for position in batch) <= most_tokens
        assert len(batch) == 1 or max(tokens[position] for position in batch) <= alone


@settings(deadline=None)
@given(COUNTS, st.integers(1, 10), st.integers(1, 100))
def test_a_batch_ends_only_where_the_next_text_does_not_fit(
    tokens: list[int], most_texts: int, most_tokens: int
) -> None:
    found = list(batches(tokens, most_texts, most_tokens, alone=1_000))
    for batch, after in pairwise(found):
        grown = [*batch, after[0]]
        assert len(grown) > most_texts or sum(tokens[position] for position in grown) > most_tokens


@settings(deadline=None)
@given(st.integers(0, 10_000), st.lists(st.integers(1, 500), min_size=1, max_size=40))
def test_shares_add_up_and_are_proportional(total: int, weights: list[int]) -> None:
    found = shares(total, weights)
    assert sum(found) == total
    exact = total * np.array(weights) / sum(weights)
    assert np.all(np.abs(np.array(found) - exact) <= 1)
    assert min(found) >= 0


@settings(deadline=None)
@given(st.text(st.characters(), max_size=200))
def test_an_estimate_is_a_third_of_the_bytes(text: str) -> None:
    size = len(text.encode("utf-8", "surrogatepass"))
    assert estimated_tokens(text) >= 1
    assert size <= 3 * estimated_tokens(text) <= max(size + 2, 3)
