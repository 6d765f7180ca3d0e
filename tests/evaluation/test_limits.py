"""What a suite cannot see: computed of the tests, of the questions and of what was looked at before."""

from pathlib import Path
from typing import Any

from llmops_pipelines.evaluation.limits import ALWAYS, EVERY_SUITE, Limit, limits
from llmops_pipelines.evaluation.suites import Suite, SuiteSlice
from tests.evaluation.pages import Rows, decided, many, page, sides, suite
from tests.evaluation.test_figures import question_set


def grouped(suites: list[Suite], rows: Rows, part: str = "dev", **summary: Any) -> dict[str, list[Limit]]:
    made = page(rows, suites, part=part, **summary)
    return limits(suites, made.decision.suites, rows, made.summary)


def found(suites: list[Suite], rows: Rows, part: str = "dev", **summary: Any) -> list[Limit]:
    return [limit for group in grouped(suites, rows, part, **summary).values() for limit in group]


def about(shown: list[Limit], name: str) -> list[str]:
    return [limit.says for limit in shown if limit.about == name]


def test_the_smallest_effect_of_every_test_is_given_and_where_the_margin_is_below_it() -> None:
    suites = [suite()]
    rows = sides(candidate=many(0.02, 30), production=many(0.0, 30))
    for row in rows:  # noise that a margin of .1 drowns in
        if row["role"] == "candidate" and int(row["question_id"][1:]) % 2:
            row["nDCG@10"] = 0.0
    tests = decided(suites, rows).suites[0].tests
    shown = found(suites, rows)
    (small,) = about(shown, "small differences")
    for test in tests:
        if test.judgement.detectable is not None:
            assert f"{test.name} {test.judgement.detectable:.3f}" in small
    assert tests[0].judgement.detectable is not None
    assert tests[0].judgement.detectable > 0.1
    (near,) = about(shown, "losses near the margin")
    assert near.startswith("for nDCG@10 the smallest")


def test_few_differences_and_slices_without_questions_are_named() -> None:
    suites = [suite(slices=(SuiteSlice("bees", tag="bees"), SuiteSlice("bread", tag="bread")))]
    before, after = many(0.0, 30), many(0.0, 30)
    for row in [*before, *after]:
        row["slices"] = ["bees"]
    after[-1]["nDCG@10"] = 1.0
    shown = found(suites, sides(candidate=after, production=before))
    (few,) = about(shown, "few differences")
    assert few.startswith("fewer than 20 clusters differ in nDCG@10, recall@20, nDCG@10 of bees:")
    assert about(shown, "slices without questions") == ["no question that both sides measured is in bread"]
    assert about(shown, "differences of unknown size")[0].startswith("for recall@20")


def test_what_was_asked_is_counted() -> None:
    rows = sides(candidate=question_set({"q1": 1.0, "q2": 0.5, "q3": None}))
    for row in rows:
        row["question"] = {"q1": "what is a bee?", "q2": "τι είναι η μέλισσα;", "q3": "7 + 7?"}[row["question_id"]]
        row["answers"] = {"q1": ["a", "b"], "q2": ["b"], "q3": []}[row["question_id"]]
    shown = found([suite()], rows)
    assert about(shown, "subjects that nobody asks about") == [
        "the 3 questions are answered by 2 documents; of what else is in the 1,234 passages of the index they say nothing"
    ]
    assert "written in Greek and Latin letters" in about(shown, "other languages")[0]
    assert about(shown, "other wordings")[0].startswith("25 % of the words")
    assert about(shown, "answers that nobody judged")[0].startswith("50 % of the first ten")


def test_synthetic_questions_are_called_so_and_others_are_not(tmp_path: Path) -> None:
    rows = sides(candidate=question_set({"q1": 1.0}))
    assert len(about(found([suite()], rows), "what people ask")) == 1
    file = tmp_path / "questions.jsonl"
    file.write_text('{"id": "q1", "part": "dev", "question": "q1?", "answers": ["a"]}\n', "utf-8")
    assert about(found([suite(known_items=None, file=file)], rows), "what people ask") == []


def test_looks_are_told_of_suites_that_gate_on_test_alone() -> None:
    rows = sides(candidate=many(0.1, part="test"), production=many(0.0, part="test"))
    name = "what repeated looks cost"
    assert about(found([suite()], rows, "test", looks={"written": 3}), name)[0].startswith("3 of at most 20 ")
    assert len(about(found([suite(), suite("other", gates=False)], rows, "test"), name)) == 1
    spent = found([suite()], rows, "test", spent={"written": "spent: 20 configurations were judged"})
    assert about(spent, "anything more") == ["spent: 20 configurations were judged"]
    assert about(spent, name) == []


def test_what_no_suite_can_see_is_said_once_and_last() -> None:
    rows = sides(candidate=[*question_set({"a": 1.0}), *question_set({"b": 1.0}, question_set="other")])
    shown = grouped([suite("written"), suite("other")], rows)
    assert list(shown) == ["written (dev)", "other (dev)", EVERY_SUITE]
    assert shown[EVERY_SUITE] == list(ALWAYS)
