"""Mining on a real index whose cosines are set by hand."""

from collections.abc import Callable, Mapping

import pytest

from llmops_pipelines.index.search import Hit, SearchIndex
from llmops_pipelines.storage import Lake
from llmops_pipelines.tuning.mining import MINING_DEPTH, MinedPair, mine
from llmops_pipelines.tuning.pairs import Pair
from tests.index.hand_made import HandMade
from tests.tuning.corpora import at, pair

COSINES = {
    "right a": 0.8,
    "right b": 0.7,
    "unlabelled": 0.79,  # may answer as well
    "at the margin": 0.75,
    "hard": 0.6,
    "harder": 0.65,
    "easy": 0.1,
    "opposite": -0.4,
}
PASSAGES = {"right": ["right a", "right b"], **{name: [name] for name in COSINES if not name.startswith("right")}}
Mine = Callable[..., list[MinedPair]]


def index_of(lake: Lake, cosines: Mapping[str, float], passages: Mapping[str, list[str]]) -> SearchIndex:
    return HandMade(lake, vector_of=lambda text: at(cosines[text])).build(passages)[1]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> SearchIndex:
    return index_of(Lake(str(tmp_path_factory.mktemp("mining") / "lake")), COSINES, PASSAGES)


def mined(
    index: SearchIndex, pairs: list[Pair], cosines: Mapping[str, float] = COSINES, **settings
) -> list[tuple[str, list[str]]]:
    """The text of each pair that is kept with the texts of its negatives; every question is the first axis."""
    options = {"positives": 1, "negatives": 3, "margin": 0.95, "may_be_negative": lambda pair, hit: True} | settings
    found = mine(
        pairs, {p.question_id: at(1.0) for p in pairs}, {p.id: at(cosines[p.text]) for p in pairs}, index, **options
    )
    assert all(one.score == pytest.approx(cosines[one.pair.text], abs=1e-6) for one in found)
    return [(one.pair.text, [hit.text for hit in one.negatives]) for one in found]


RIGHT = [pair("q", "right", "right b", 1), pair("q", "right", "right a", 0)]


def test_the_nearest_passage_of_the_labelled_ones_is_taken_with_the_hardest_negatives(index: SearchIndex) -> None:
    assert mined(index, RIGHT) == [("right a", ["at the margin", "harder", "hard"])]
    assert mined(index, RIGHT, negatives=1) == [("right a", ["at the margin"])]


def test_what_scores_more_than_the_margin_allows_is_no_negative(index: SearchIndex) -> None:
    assert mined(index, RIGHT, margin=0.9) == [("right a", ["harder", "hard", "easy"])]
    assert mined(index, RIGHT, margin=1.0) == [("right a", ["unlabelled", "at the margin", "harder"])]
    assert mined(index, RIGHT, margin=0.05) == [("right a", ["opposite"])]


def test_the_margin_is_of_each_positive(index: SearchIndex) -> None:
    """0.95 of 0.7 is 0.665."""
    assert mined(index, RIGHT, positives=2) == [
        ("right a", ["at the margin", "harder", "hard"]),
        ("right b", ["harder", "hard", "easy"]),
    ]
    assert len(mined(index, RIGHT, positives=9)) == 2


def test_no_passage_of_a_labelled_document_is_a_negative_though_it_ranks_high(index: SearchIndex) -> None:
    only_b = [pair("q", "right", "right b", 1), pair("q", "hard", "hard")]
    ((text, negatives),) = mined(index, only_b, negatives=9, margin=1.0)
    assert text == "right b"
    assert negatives == ["harder", "easy", "opposite"]


def test_what_may_not_be_a_negative_is_passed_over(index: SearchIndex) -> None:
    def allowed(pair: Pair, hit: Hit) -> bool:
        return hit.doc_id != "at the margin"

    assert mined(index, RIGHT, may_be_negative=allowed) == [("right a", ["harder", "hard", "easy"])]
    assert mined(index, RIGHT, may_be_negative=lambda pair, hit: False) == [("right a", [])]


def test_no_more_is_looked_at_than_is_taken(index: SearchIndex) -> None:
    seen: list[str] = []

    def allowed(pair: Pair, hit: Hit) -> bool:
        seen.append(hit.text)
        return True

    assert mined(index, RIGHT, may_be_negative=allowed, negatives=2) == [("right a", ["at the margin", "harder"])]
    assert seen == ["at the margin", "harder"]


def test_without_negatives_nothing_is_searched() -> None:
    assert mined(None, RIGHT, negatives=0) == [("right a", [])]  # type: ignore[arg-type]


def test_below_0_nothing_nearer_than_the_positive_is_a_negative(lake: Lake) -> None:
    """0.95 of -0.39 is more than -0.38."""
    cosines = {"far": -0.39, "nearer": -0.38, "farther": -0.4}
    index = index_of(lake, cosines, {text: [text] for text in cosines})
    assert mined(index, [pair("q", "far", "far")], cosines) == [("far", ["farther"])]


def test_a_copy_of_the_positive_in_another_document_is_no_negative(lake: Lake) -> None:
    """Other in case and punctuation alone: by its words it answers as well."""
    cosines = {"The Moon pulls.": 0.8, "the moon, pulls": 0.5, "bread": 0.4}
    index = index_of(lake, cosines, {"right": ["The Moon pulls."], "copy": ["the moon, pulls"], "bread": ["bread"]})
    assert mined(index, [pair("q", "right", "The Moon pulls.")], cosines) == [("The Moon pulls.", ["bread"])]


def test_a_passage_that_stands_in_two_answers_is_one_pair(index: SearchIndex) -> None:
    """Their keys are equal: both would be one row of the training set."""
    twice = [pair("q", "right", "right a"), pair("q", "hard", "right a"), pair("q", "right", "right a", 5)]
    ((text, negatives),) = mined(index, twice, positives=3)
    assert (text, negatives) == ("right a", ["at the margin", "harder", "easy"])
    forwards = mine(twice, {"q": at(1.0)}, {twice[0].id: at(0.8)}, index, lambda pair, hit: True, 3, 0, 0.95)
    backwards = mine(twice[::-1], {"q": at(1.0)}, {twice[0].id: at(0.8)}, index, lambda pair, hit: True, 3, 0, 0.95)
    assert forwards == backwards


def test_every_question_is_mined_for_itself_and_counted(index: SearchIndex) -> None:
    pairs = [*RIGHT, pair("p", "hard", "hard")]
    seen: list[tuple[int, int]] = []
    found = mined(index, pairs, progress=lambda done, total: seen.append((done, total)), negatives=1)
    assert found == [("right a", ["at the margin"]), ("hard", ["easy"])]
    assert seen == [(1, 2), (2, 2)]
    assert mined(index, []) == []


def test_negatives_are_among_the_first_hundred(lake: Lake) -> None:
    cosines = {"right": 0.5, **{f"n{i:03}": 0.99 - i / 1000 for i in range(MINING_DEPTH)}, "beyond": 0.1}
    index = index_of(lake, cosines, {text: [text] for text in cosines})
    assert mined(index, [pair("q", "right", "right")], cosines) == [("right", [])]
