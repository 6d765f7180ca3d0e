"""Questions that ask nearly the same: the words that count, and every pair against brute force."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmops_pipelines.evaluation import near_questions as module
from llmops_pipelines.evaluation.near_questions import NEGATIONS, near_questions, ngrams, words


def oracle(a: str, b: str, threshold: float = 0.6) -> bool:
    """The definition: Jaccard of the sets of words, compared as whole numbers, or 13 words in a row."""
    left, right = words(a), words(b)
    shared, union = len({*left} & {*right}), len({*left} | {*right})
    runs = [{tuple(found[i : i + 13]) for i in range(len(found) - 12)} for found in (left, right)]
    return bool(shared and shared * 10 >= round(threshold * 10) * union) or bool(runs[0] & runs[1])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Why does the MOON pull?", "why, the moon pull"),
        ("Vitamin D doesn't inhibit growth", "vitamin D inhibits growth"),
        ("Vitamin D doesn’t inhibit growth", "Vitamin D does not inhibit growth"),
        ("It DON’T rise", "it never rises"),
        ("the ﬁne Ｍoon", "the fine moon"),
        ("STRASSE", "straße"),
        ("bread that cannot rise", "bread that rises"),
        ("tides\n\tof  the—sea", "tides of the sea"),
    ],
)
def test_case_punctuation_negation_and_endings_do_not_count(one: str, other: str) -> None:
    assert words(one) == words(other)


def test_the_order_of_words_and_every_other_word_count() -> None:
    assert words("moon pulls sea") == ["moon", "pull", "sea"]
    assert words("sea pulls moon") == ["sea", "pull", "moon"]
    assert words("tide 1 of 2") != words("tide 2 of 2")
    assert words("?!") == words("") == []


def test_a_text_of_negations_alone_keeps_its_words() -> None:
    assert words("not never") == ["not", "never"]
    assert list(near_questions(["Not never!"], ["never not", "none"])) == [(0, 0)]
    assert all(negation == negation.casefold() and "'" not in negation for negation in NEGATIONS)


def test_runs_are_as_long_as_is_asked_and_none_is_shorter() -> None:
    assert ngrams(["a", "b", "c"], 2) == {("a", "b"), ("b", "c")}
    assert ngrams(["a", "b"], 3) == set()
    assert len(ngrams([str(i) for i in range(15)])) == 3


@pytest.mark.parametrize("times", range(1, 41))
def test_the_bound_itself_is_near_and_one_word_less_is_not(times: int) -> None:
    """3 of 5, 6 of 10 ... shared words; the other text is in reverse, so that no run of words is shared."""
    shared, rest = [f"s{i}" for i in range(3 * times)], [f"r{i}" for i in range(2 * times)]
    at_the_bound = " ".join([*shared, *rest])
    assert list(near_questions([at_the_bound], [" ".join(reversed(shared))])) == [(0, 0)]
    assert list(near_questions([at_the_bound], [" ".join(reversed(shared[1:]))])) == []


def test_thirteen_words_in_a_row_are_near_however_much_else_there_is() -> None:
    run = [f"w{i}" for i in range(13)]
    long = " ".join([*(f"a{i}" for i in range(60)), *run, *(f"b{i}" for i in range(60))])
    other = " ".join([*(f"c{i}" for i in range(60)), *run])
    broken = " ".join([*(f"c{i}" for i in range(60)), *run[:6], "between", *run[6:]])
    assert list(near_questions([long], [other, broken])) == [(0, 0)]


WORDS = ["moon", "sea", "tide", "rises", "not", "Doesn't", "rise,", "pulls?", "sun", "why"]
SHORT = st.lists(st.sampled_from(WORDS), max_size=9)
RUN = [f"n{i}" for i in range(16)]


@st.composite
def long_texts(draw: st.DrawFn) -> list[str]:
    """Part of one run, from 11 to 16 words of it, among words of its own."""
    start = draw(st.integers(0, 3))
    own = [f"own{draw(st.integers(0, 3))}x{i}" for i in range(draw(st.integers(0, 25)))]
    cut = draw(st.integers(0, len(own)))
    return [*own[:cut], *RUN[start : start + draw(st.integers(11, 16))], *own[cut:]]


TEXTS = st.lists(st.one_of(SHORT, SHORT, long_texts()).map(" ".join), max_size=8)


@settings(deadline=None, max_examples=300)
@given(TEXTS, TEXTS, st.sampled_from([0.3, 0.6, 0.9, 1.0]))
def test_pairs_equal_brute_force(texts: list[str], others: list[str], threshold: float) -> None:
    found = list(near_questions(texts, others, threshold))
    assert found == sorted(set(found))
    expected = [(i, j) for i, a in enumerate(texts) for j, b in enumerate(others) if oracle(a, b, threshold)]
    assert found == expected


@settings(deadline=None, max_examples=50)
@given(TEXTS)
def test_near_is_the_same_both_ways_and_everything_with_words_is_near_itself(texts: list[str]) -> None:
    found = set(near_questions(texts, texts))
    assert found == {(j, i) for i, j in found}
    assert {(i, i) for i, text in enumerate(texts) if words(text)} <= found


def test_positions_hold_across_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = (
        [f"why does tide {i % 10} rise so high" for i in range(25)]
        + [""]
        + [" ".join(RUN) + f" x{i}" for i in range(5)]
    )
    expected = [(i, j) for i, a in enumerate(texts) for j, b in enumerate(texts) if oracle(a, b)]
    assert list(near_questions(texts, texts)) == expected
    monkeypatch.setattr(module, "BLOCK", 4)
    assert list(near_questions(texts, texts)) == expected


@pytest.mark.parametrize(("texts", "others"), [([], []), ([], ["a b"]), (["a b"], []), (["", "?"], ["", "..."])])
def test_without_words_nothing_is_near(texts: list[str], others: list[str]) -> None:
    assert list(near_questions(texts, others)) == []
