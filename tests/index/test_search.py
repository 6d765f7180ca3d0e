"""Searching: exact by vector, by stemmed words, both weighed, filtered, and the same every time."""

import numpy as np
import pytest

from llmops_pipelines.index.build import IndexSettings
from llmops_pipelines.index.search import Hit, SearchError, SearchIndex
from llmops_pipelines.storage import Lake
from tests.index.hand_made import HandMade, unit_vector

WORDS = ["bees", "bread", "tides", "rails", "signals", "wine", "paper", "stone"]


def passage(i: int) -> str:
    """Three words of eight, so that many passages score equally by full text."""
    return f"{WORDS[i % 8]} {WORDS[i // 8 % 8]} {WORDS[i * 5 % 8]} number{i}"


# Added in an order that is not the order of their names.
PASSAGES = {f"d{i:03}": [passage(i), f"Notes on {WORDS[i % 8]}"] for i in np.random.default_rng(0).permutation(200)}
TEXTS = {f"{doc_id}#{i}": text for doc_id, texts in PASSAGES.items() for i, text in enumerate(texts)}
ABOUT = {doc_id: {"collection": "even" if int(doc_id[1:]) % 2 == 0 else "odd"} for doc_id in PASSAGES}
QUESTIONS = ["bees", "bread tides", "number17 wine", "a note about paper"]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> SearchIndex:
    lake = Lake(str(tmp_path_factory.mktemp("search") / "lake"))
    return HandMade(lake, about=ABOUT).build(PASSAGES)[1]


def ids(hits: list[Hit]) -> list[str]:
    return [hit.chunk_id for hit in hits]


def exact_search(query: np.ndarray, keep: str = "") -> list[tuple[float, str]]:
    """All passages by cosine, computed in float64, equal texts in the order of their names."""
    scored = [(float(np.float64(unit_vector(t)) @ query), c) for c, t in TEXTS.items() if keep in c]
    return sorted(scored, key=lambda pair: (-round(pair[0], 6), pair[1]))


@pytest.mark.parametrize("question", QUESTIONS)
def test_dense_search_equals_an_exact_search(index: SearchIndex, question: str) -> None:
    query = unit_vector(question)
    hits = index.dense(query, 50)
    expected = exact_search(query)[:50]
    assert ids(hits) == [chunk_id for _, chunk_id in expected]
    np.testing.assert_allclose([hit.score for hit in hits], [score for score, _ in expected], atol=1e-5)


def test_a_hit_carries_the_passage(index: SearchIndex) -> None:
    (hit,) = index.full_text("number17", 10)
    text = passage(17)
    assert hit == Hit("d017#0", "d017", "D017", "odd", "page", 0, len(text), text, hit.score)
    assert hit.score > 0


def test_full_text_finds_stemmed_words_in_any_case(index: SearchIndex) -> None:
    noted = sorted(f"{doc_id}#1" for doc_id in PASSAGES if int(doc_id[1:]) % 8 == 6)
    assert sorted(ids(index.full_text("papers noting", 25, "text LIKE 'Notes%paper'"))) == noted
    for form in ("signal", "SIGNALS", "signalling", "Signaled"):
        assert {"signals" in hit.text for hit in index.full_text(form, 300)} == {True}


def test_full_text_finds_every_passage_that_holds_a_word(index: SearchIndex) -> None:
    found = ids(index.full_text("wine bread", 400))
    assert sorted(found) == sorted(c for c, text in TEXTS.items() if {"wine", "bread"} & set(text.split()))
    assert index.full_text("zeppelin", 10) == []


@pytest.mark.parametrize("weight", [0.0, 0.3, IndexSettings.hybrid_weight, 1.0])
def test_hybrid_is_the_weighted_sum_of_scaled_scores(index: SearchIndex, weight: float) -> None:
    weighed = SearchIndex(index.snapshot, IndexSettings(hybrid_weight=weight))
    for question in QUESTIONS:
        query = unit_vector(question)
        dense = {hit.chunk_id: hit.score for hit in index.dense(query, 300)}
        words = {hit.chunk_id: hit.score for hit in index.full_text(question, 300)}
        score = dict.fromkeys({*dense, *words}, 0.0)
        for share, found in ((weight, dense), (1 - weight, words)):
            low, high = min(found.values()), max(found.values())
            for chunk_id in found:
                score[chunk_id] += share * ((found[chunk_id] - low) / (high - low) if high > low else 1.0)
        expected = sorted(score, key=lambda chunk_id: (-score[chunk_id], chunk_id))
        hits = weighed.hybrid(question, query, 40)
        assert ids(hits) == expected[:40]
        assert [hit.score for hit in hits] == pytest.approx([score[chunk_id] for chunk_id in expected[:40]])
        assert [hit.text for hit in hits] == [TEXTS[hit.chunk_id] for hit in hits]


def test_what_evaluation_reads_is_what_answers(index: SearchIndex) -> None:
    for question in QUESTIONS:
        query = unit_vector(question)
        for ranking, hits in (
            (index.dense_ranking(query, 60), index.dense(query, 60)),
            (index.full_text_ranking(question, 60), index.full_text(question, 60)),
        ):
            assert ranking == [(hit.chunk_id, hit.doc_id, hit.score) for hit in hits]


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("kind", ["dense", "full_text", "hybrid"])
def test_ten_hits_are_the_first_ten_of_a_hundred(index: SearchIndex, kind: str, question: str) -> None:
    def search(limit: int) -> list[Hit]:
        if kind == "full_text":
            return index.full_text(question, limit)
        if kind == "dense":
            return index.dense(unit_vector(question), limit)
        return index.hybrid(question, unit_vector(question), limit)

    hundred = search(100)
    assert len(search(10)) == min(10, len(hundred))
    assert search(10) == hundred[:10] == search(300)[:10]
    assert search(100) == hundred
    scores = [hit.score for hit in hundred]
    assert scores == sorted(scores, reverse=True)


def test_equal_scores_are_in_the_order_of_their_names(index: SearchIndex) -> None:
    notes = sorted(c for c, text in TEXTS.items() if text == "Notes on bees")
    assert len(notes) == 25
    first = index.full_text("note on bees", 7)
    assert ids(first) == notes[:7]
    assert len({hit.score for hit in first}) == 1
    assert ids(index.dense(unit_vector("Notes on bees"), 7)) == notes[:7]


@pytest.mark.parametrize("where", ["collection = 'even'", "kind = 'page' AND collection IN ('even')"])
def test_a_filter_holds_before_the_limit(index: SearchIndex, where: str) -> None:
    query = unit_vector("bees")
    expected = [c for _, c in exact_search(query) if int(c[1:4]) % 2 == 0][:20]
    assert ids(index.dense(query, 20, where)) == expected
    for hits in (index.full_text("bees", 20, where), index.hybrid("bees", query, 20, where)):
        assert len(hits) == 20
        assert {hit.collection for hit in hits} == {"even"}
    assert index.hybrid("bees", query, 20, "collection = 'neither'") == []


@pytest.mark.parametrize("where", ["colour = 'red'", "collection =", "collection = 3", "1", "'", "f(", "vector = 3"])
def test_a_bad_filter_is_explained(index: SearchIndex, where: str) -> None:
    searches = [
        lambda: index.dense(unit_vector("x"), 3, where),
        lambda: index.full_text("bees", 3, where),
        lambda: index.hybrid("bees", unit_vector("x"), 3, where),
    ]
    for search in searches:
        with pytest.raises(SearchError, match=r"cannot be used: .* SQL expression over chunk_id, doc_id") as error:
            search()
        assert repr(where) in str(error.value)


ODD = ["???", "'", '"', '"open', "AND OR NOT", "the of and", "(", "a:b", "*", "\\", "\x00", "{}", "-", " ", "", "🐝"]


@pytest.mark.parametrize("text", [*ODD, "x" * 100_000, "zeppelin " * 20_000])
def test_odd_queries_find_nothing_by_words_and_something_by_vector(index: SearchIndex, text: str) -> None:
    query = unit_vector("bees")
    assert index.full_text(text, 5) == []
    assert ids(index.hybrid(text, query, 5)) == ids(index.dense(query, 5))


@pytest.mark.parametrize("text", ["bees???", "-bees", '"bees"', "bees^2", "+bees AND", "bees " * 20_000])
def test_marks_around_a_word_do_not_hide_it(index: SearchIndex, text: str) -> None:
    assert ids(index.full_text(text, 30)) == ids(index.full_text("bees", 30))
