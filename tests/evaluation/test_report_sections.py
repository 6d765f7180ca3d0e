"""What the sections of a report are made of: flips, contamination, worst questions, and what there is to review."""

from llmops_pipelines.evaluation.contamination import LEARNED_DOCUMENT, LEARNED_QUESTION
from llmops_pipelines.evaluation.report_sections import (
    WORST,
    flips,
    identities,
    learned,
    reviewed,
    suite_sections,
    worst,
)
from tests.evaluation.pages import decided, many, page, side, sides, suite
from tests.evaluation.test_figures import question_set


def test_suites_that_gate_come_first() -> None:
    suites = [suite("shown", gates=False), suite("written")]
    rows = sides(
        candidate=[*many(0.1, question_set="shown"), *many(0.1)],
        production=[*many(0.0, question_set="shown"), *many(0.0)],
    )
    found = suite_sections(decided(suites, rows), suites, {})
    assert [(section.label, section.suite.gates) for section in found] == [
        ("written (dev)", True),
        ("shown (dev)", False),
    ]
    assert all(section.svg for section in found)


def test_flips_are_those_of_the_system_of_the_suite_against_every_other_side() -> None:
    before, after = question_set({"a": 0.5, "b": 0.5, "c": 0.5}), question_set({"a": 0.9, "b": 0.5, "c": 0.5})
    for row in after:  # hybrid is worse on c, dense is not
        if (row["question_id"], row["system"]) == ("c", "hybrid"):
            row["nDCG@10"] = 0.1
    rows = sides(candidate=after, production=before, untuned=question_set({"a": 0.1, "b": 0.1, "c": None}))
    (hybrid,) = flips([suite()], rows)
    (dense,) = flips([suite(system="dense")], rows)
    assert hybrid.counts == {"production": (1, 1, 1), "untuned": (2, 0, 0)}
    assert dense.counts == {"production": (1, 0, 2), "untuned": (2, 0, 0)}
    assert [[change.question for change in side] for side in (hybrid.rose, hybrid.fell)] == [["a?"], ["c?"]]


def test_texts_of_test_questions_are_not_among_the_flips() -> None:
    rows = sides(
        candidate=[*question_set({"a": 0.9}), *question_set({"t": 0.9}, part="test")],
        production=[*question_set({"a": 0.5}), *question_set({"t": 0.5}, part="test")],
    )
    dev, test = flips([suite()], rows)
    assert ([change.question for change in dev.rose], test.rose, test.fell) == (["a?"], [], [])
    assert test.counts == {"production": (1, 0, 0)}


def test_a_side_that_was_not_measured_has_no_flips() -> None:
    assert flips([suite()], sides(candidate=question_set({"a": 0.9}))) == []
    (found,) = flips([suite()], sides(candidate=question_set({"a": 0.9}), untuned=question_set({"a": 0.5})))
    assert (list(found.counts), found.svg, found.rose) == (["untuned"], None, [])


def test_what_was_learned_is_counted_by_side_and_said_where_it_is_nothing() -> None:
    after = question_set({"a": 0.9, "b": None, "c": None, "d": None})
    reasons = {"b": LEARNED_DOCUMENT, "c": LEARNED_QUESTION}
    for row in after:
        row["unmeasured"] = reasons.get(row["question_id"], row["unmeasured"])
    candidate, production = learned(sides(candidate=after, production=question_set({"a": 0.5, "b": 0.5})))
    assert (candidate.role, candidate.asked, candidate.questions, candidate.documents) == ("candidate", 4, 1, 1)
    assert (candidate.left_out, candidate.share) == (2, 0.5)
    assert (production.role, production.left_out, production.share) == ("production", 0, 0.0)


def test_the_worst_questions_are_the_candidates_each_suite_by_its_own_system() -> None:
    after = question_set({f"q{i:02}": 1 - i / 20 for i in range(12)})
    ((found, items),) = worst([suite(), suite("other")], sides(candidate=after, production=question_set({"q99": 0.0})))
    assert found.name == "written"
    assert [item["question"] for item in items] == [f"q{i:02}?" for i in range(11, 11 - WORST, -1)]
    ((_, dense),) = worst([suite(system="dense")], sides(candidate=after))
    assert dense[0]["score"] == items[0]["score"] / 2


def test_what_is_stale_or_unmeasured_is_listed_test_questions_by_their_id_alone() -> None:
    rows = [*question_set({"a": 0.9, "b": None}), *question_set({"t": None}, part="test")]
    for row in rows:
        row["stale"] = "changed at the source: a" if row["question_id"] == "a" else None
    found = reviewed(sides(candidate=rows, production=question_set({"z": None})))
    assert [(item["id"], item["question"], item["reason"]) for item in found["stale"]] == [
        ("a", "a?", "changed at the source: a")
    ]
    assert [(item["id"], item["question"]) for item in found["unmeasured"]] == [("b", "b?"), ("t", "")]


def test_identities_have_a_column_a_side() -> None:
    rows = sides(candidate=question_set({"a": 0.9}), production=question_set({"a": 0.5}))
    made = page(rows, [suite()])
    summary = {**made.summary, "sides": [side("candidate"), side("production", rebuilt=12, index_version=None)]}
    found = dict(identities(summary))
    assert found["model"] == ["candidate-<key>", "production-<key>"]
    assert found["texts embedded for this comparison"] == ["none: as it serves", "12"]
    assert found["search settings"] == ["probes 150, stem True"] * 2
