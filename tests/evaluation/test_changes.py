"""The questions that changed: how many, which most, and what each side found."""

from llmops_pipelines.evaluation.changes import MOST, Flips, changed_most
from llmops_pipelines.evaluation.compare import compare
from llmops_pipelines.evaluation.pairing import Pair
from tests.evaluation.measured import Measured
from tests.evaluation.pages import Rows
from tests.evaluation.test_figures import question_set


def hybrid_pairs(before: Rows, after: Rows) -> list[Pair]:
    return [pair for found in compare(before, after) for pair in found.pairs["hybrid"]]


def test_flips_are_counted() -> None:
    before = question_set({"up": 0.5, "down": 0.5, "even": 0.5, "also": 0.0})
    after = question_set({"up": 0.6, "down": 0.25, "even": 0.5, "also": 0.0})
    found = Flips.of(hybrid_pairs(before, after))
    assert found == (1, 1, 2)
    assert str(found) == "1 better, 1 worse, 2 equal"


def test_at_most_five_questions_a_direction_the_greatest_change_first() -> None:
    before = question_set({f"q{i:02}": 0.5 for i in range(15)})
    after = question_set({f"q{i:02}": 0.5 + (i - 7) / 20 for i in range(15)})
    rose, fell = changed_most(hybrid_pairs(before, after))
    assert [change.question for change in rose] == [f"q{i:02}?" for i in range(14, 14 - MOST, -1)]
    assert [change.question for change in fell] == [f"q{i:02}?" for i in range(MOST)]
    back = changed_most(hybrid_pairs(after, before))
    assert [[c.question for c in side] for side in back] == [[c.question for c in side] for side in (fell, rose)]


def test_equal_changes_do_not_follow_the_order_of_names_and_no_change_is_not_shown() -> None:
    names = [f"q{i:02}" for i in range(15)]
    before, after = question_set(dict.fromkeys(names, 0.5)), question_set(dict.fromkeys(names, 0.75))
    rose, fell = changed_most(hybrid_pairs(before, after))
    assert len(rose) == MOST
    assert fell == []
    assert [change.question for change in rose] != [f"{name}?" for name in names[:MOST]]
    assert changed_most(hybrid_pairs(before, before)) == ([], [])


def test_each_side_shows_its_own_passages_and_rank(evaluated_before: Measured, evaluated: Measured) -> None:
    pairs = hybrid_pairs(evaluated_before.rows, evaluated.rows)
    changes = [change for side in changed_most(pairs) for change in side]
    assert changes
    for change in changes:
        for side, measured in ((change.before, evaluated_before), (change.after, evaluated)):
            (found,) = [r for r in measured.rows if (r["question"], r["system"]) == (change.question, "hybrid")]
            texts = {r["chunk_id"]: r["text"] for r in measured.index.snapshot.rows(["chunk_id", "text"])}
            assert side.score == found["nDCG@10"]
            assert [passage["text"] for passage in side.passages] == [texts[c] for c in found["passages"][:3]]
            ranks = [found["retrieved"].index(a) + 1 for a in found["answers"] if a in found["retrieved"]]
            assert side.first_right == min(ranks, default=None)
