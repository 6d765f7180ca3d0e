"""The figures that benchmarks work out themselves."""

import pytest

from benchmarks.growth.embedder import WordVectors
from benchmarks.growth.exponent import exponent
from benchmarks.peers.drivers.driving import left
from benchmarks.search.timing import quantile


@pytest.mark.parametrize("power", [0.0, 1.0, 1.5])
def test_the_exponent_of_a_power_law_is_its_power(power: float) -> None:
    sizes = [1_000, 10_000, 100_000]
    assert exponent(sizes, [3 * size**power for size in sizes]) == pytest.approx(power)


def test_there_is_no_exponent_of_one_size_or_of_no_cost() -> None:
    assert exponent([10], [1.0]) is None
    assert exponent([10, 100], [0.0, 1.0]) is None


def test_rows_without_a_chunk_are_stale_and_chunks_without_a_row_are_missing() -> None:
    found = left([" a", "b", "b", "old"], ["a", "b ", "b", "new", " "], embedded=1)
    assert found == {"rows": 4, "embedded_share": 0.2, "stale_rows": 1, "missing_rows": 1}


def test_a_quantile_is_a_value_that_was_measured() -> None:
    values = list(range(100, 0, -1))
    assert (quantile(values, 0.5), quantile(values, 0.99), quantile([7.0], 0.99)) == (50, 99, 7.0)


def test_word_vectors_are_near_where_words_are_shared() -> None:
    embedder = WordVectors()
    first, same, other = embedder.embed(["list the files", "the files: list", "bees make honey"], "document").vectors
    assert first @ same == pytest.approx(1, abs=1e-5)
    assert abs(first @ other) < 0.3
    assert embedder.count.documents == 3
