"""The split into parts: no module and no nearly equal text in two of them, and shares near 60, 20 and 20 %."""

from collections import Counter
from dataclasses import replace
from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from llmops_pipelines.evaluation.near_questions import words
from llmops_pipelines.evaluation.questions import Question
from llmops_pipelines.evaluation.split import SHARES, split_documents, split_questions, with_dev

WORDS = 40


def text(base: int, edits: int, number: int) -> str:
    """Texts of one base share at least 35 of 41 shingles, texts of two bases none."""
    words = [f"base{base}word{i}" for i in range(WORDS - edits)]
    return " ".join(words + [f"own{number}word{i}" for i in range(edits)])


documents = st.lists(st.tuples(st.integers(0, 25), st.integers(0, 3), st.integers(0, 30)), min_size=1, max_size=60)


@settings(deadline=None, max_examples=80, derandomize=True)
@given(documents)
def test_no_parent_and_no_nearly_equal_text_is_in_two_parts(drawn: list[tuple[int, int, int]]) -> None:
    texts = {f"d{i:02}": text(base, edits, i) for i, (base, edits, _) in enumerate(drawn)}
    parents = {f"d{i:02}": f"module{parent}" for i, (_, _, parent) in enumerate(drawn)}
    parts = split_documents(texts, parents)
    assert parts.keys() == texts.keys()
    assert set(parts.values()) <= {"train", "dev", "test"}
    by_parent: dict[str, set[str]] = {}
    by_base: dict[int, set[str]] = {}
    for i, (base, _, _) in enumerate(drawn):
        by_parent.setdefault(parents[f"d{i:02}"], set()).add(parts[f"d{i:02}"])
        by_base.setdefault(base, set()).add(parts[f"d{i:02}"])
    assert {len(found) for found in by_parent.values()} == {1}
    assert {len(found) for found in by_base.values()} == {1}
    backwards = split_documents(dict(reversed(texts.items())), dict(reversed(parents.items())))
    assert backwards == parts


@settings(deadline=None, max_examples=30, derandomize=True)
@given(st.lists(st.integers(1, 4), min_size=50, max_size=80))
def test_shares_are_met_where_components_are_small(sizes: list[int]) -> None:
    names = [(module, i) for module, size in enumerate(sizes) for i in range(size)]
    texts = {f"m{module}d{i}": text(1000 * module + i, 0, 0) for module, i in names}
    parts = split_documents(texts, {f"m{module}d{i}": f"m{module}" for module, i in names})
    counts = Counter(parts.values())
    for part, share in SHARES.items():
        assert abs(counts[part] - share * len(texts)) <= 4


def test_a_hundred_unrelated_documents_split_exactly() -> None:
    texts = {f"d{i}": text(i, 0, i) for i in range(100)}
    parts = split_documents(texts, {name: name for name in texts})
    assert Counter(parts.values()) == {"train": 60, "dev": 20, "test": 20}


def test_parents_are_joined_through_the_texts_that_they_share() -> None:
    """a and b share a text, b and c another: all three are one component, the largest, and go to train."""
    texts = {"a1": text(1, 0, 1), "b1": text(1, 2, 2), "b2": text(2, 0, 3), "c1": text(2, 1, 4), "x": text(3, 0, 5)}
    parts = split_documents(texts, {"a1": "a", "b1": "b", "b2": "b", "c1": "c", "x": "x"})
    assert parts == {"a1": "train", "b1": "train", "b2": "train", "c1": "train", "x": "dev"}


def test_texts_below_the_bound_may_be_apart() -> None:
    half = {"a": text(1, 20, 1), "b": text(1, 20, 2)}  # 18 of 58 shingles shared
    assert split_documents(half, {"a": "a", "b": "b"}) == {"a": "train", "b": "dev"}
    assert split_documents({}, {}) == {}


HALVES = {"train": 0.85, "dev": 0.15}


def near(a: str, b: str) -> bool:
    left, right = {*words(a)}, {*words(b)}
    return 5 * len(left & right) >= 3 * len(left | right)


asked = st.lists(
    st.tuples(st.integers(0, 30), st.integers(0, 5), st.lists(st.integers(0, 40), max_size=2)), min_size=1, max_size=40
)


@settings(deadline=None, max_examples=80, derandomize=True)
@given(asked)
def test_no_answer_and_no_nearly_equal_question_is_in_two_parts(drawn: list[tuple[int, int, list[int]]]) -> None:
    """Of 10 words of a base up to 5 are others': what differs in 2 is near, what differs in 5 is not."""
    questions = []
    for i, (base, edits, answers) in enumerate(drawn):
        text = [f"base{base}x{n}" for n in range(10 - edits)] + [f"own{i}x{n}" for n in range(edits)]
        graded = {f"d{answer}": 1 for answer in answers}
        questions.append(Question(f"q{i:02}", " ".join(text), graded, "written", "train"))
    parts = split_questions(questions, HALVES)
    assert parts.keys() == {question.id for question in questions}
    assert set(parts.values()) <= {"train", "dev"}
    for a, b in combinations(questions, 2):
        if a.answers.keys() & b.answers.keys() or near(a.text, b.text):
            assert parts[a.id] == parts[b.id]
    assert split_questions(questions[::-1], HALVES) == parts


def test_questions_are_joined_through_answers_and_through_wording() -> None:
    """q1 and q2 share a document, q2 and q3 all but a negation: the three are the largest component."""
    questions = [
        Question("q1", "what pulls the sea", {"tides": 1, "moon": 2}, "written", "train"),
        Question("q2", "does the moon have water", {"moon": 1}, "written", "train"),
        Question("q3", "The moon doesn't have water!", {"rocks": 1}, "written", "train"),
        Question("q4", "who leavens bread", {"bread": 1}, "written", "train"),
        Question("q5", "how wide is a gauge", {}, "written", "train"),
    ]
    parts = split_questions(questions, {"train": 0.6, "dev": 0.4})
    assert parts == {"q1": "train", "q2": "train", "q3": "train", "q4": "dev", "q5": "dev"}
    assert split_questions([], HALVES) == {}


def test_a_hundred_unrelated_questions_split_exactly() -> None:
    questions = [Question(f"q{i}", text(i, 0, i), {f"d{i}": 1}, "written", "train") for i in range(100)]
    assert Counter(split_questions(questions, HALVES).values()) == {"train": 85, "dev": 15}


def claim(name: str, part: str, *answers: str) -> Question:
    return Question(name, f"{name} {name}1 {name}2?", dict.fromkeys(answers, 1), "claims", part)


def test_a_fifth_of_train_becomes_dev_where_there_is_none_and_what_shares_an_answer_stays_together() -> None:
    train = [claim(f"q{i}", "train", f"d{i // 2}") for i in range(100)]
    given = [*train, claim("t", "test", "d0")]
    found = with_dev(given)
    assert [replace(question, part="") for question in found] == [replace(question, part="") for question in given]
    assert Counter(question.part for question in found) == {"train": 80, "dev": 20, "test": 1}
    assert len({(answer, q.part) for q in found[:-1] for answer in q.answers}) == 50
    assert {q.id: q.part for q in with_dev(given[::-1])} == {q.id: q.part for q in found}
    for fixed in ([*train, claim("v", "dev", "x")], [claim("t", "test", "x")], []):
        assert with_dev(fixed) == fixed
