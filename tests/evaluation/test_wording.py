"""The words of a report: of verdicts, of what an inconclusive one lacks, and of what was changed."""

from typing import Any

import pytest

from llmops_pipelines.evaluation import wording
from llmops_pipelines.evaluation.decision import FIRST
from llmops_pipelines.evaluation.verdict import Verdict
from tests.evaluation.pages import decided, many, side, sides, suite
from tests.evaluation.test_figures import question_set


def test_verdicts_are_told_apart_without_colour() -> None:
    assert set(wording.VERDICTS) == {*Verdict, FIRST}
    for name in ("words", "sign", "shape"):
        assert len({getattr(one, name) for one in wording.VERDICTS.values()}) == len(wording.VERDICTS)


def test_the_line_says_what_follows() -> None:
    assert wording.verdict_line(FIRST, True) == "First release: promoted"
    worse = decided([suite()], sides(candidate=many(-0.2), production=many(0.0)))
    assert wording.verdict_line(worse.verdict, worse.promotes) == "Worse: not promoted"


def inconclusive(number: int) -> Any:
    """As many gains as losses of .3, too few to tell."""
    before = {f"q{i:03}": 0.5 for i in range(number)}
    after = {name: 0.5 + (0.3 if i % 2 else -0.3) for i, name in enumerate(before)}
    return decided([suite()], sides(candidate=question_set(after), production=question_set(before))).suites[0]


def test_an_inconclusive_verdict_says_how_many_more_questions_would_tell() -> None:
    found = inconclusive(24)
    assert found.verdict == Verdict.INCONCLUSIVE
    said = wording.what_it_would_take(found)
    assert said is not None
    assert (
        f"With about {found.tests[0].judgement.questions_needed:,} more questions like those of written (dev)" in said
    )


def test_with_questions_enough_it_says_that_more_of_them_need_not_help() -> None:
    before = {f"q{i:03}": 0.5 for i in range(100)}
    after = {name: 0.5 + (0.35 if i < 43 else -0.35) for i, name in enumerate(before)}
    found = decided([suite()], sides(candidate=question_set(after), production=question_set(before))).suites[0]
    assert (found.verdict, found.tests[0].judgement.questions_needed) == (Verdict.INCONCLUSIVE, 0)
    assert "has questions enough" in (wording.what_it_would_take(found) or "")


def test_a_decided_suite_lacks_nothing() -> None:
    better = decided([suite()], sides(candidate=many(0.2), production=many(0.0))).suites[0]
    assert wording.what_it_would_take(better) is None


def changed(production: dict[str, Any] | None, data_only: bool = False) -> str | None:
    others = [side("production", fingerprint="candidate-fingerprint", **production)] if production is not None else []
    return wording.what_changed({"sides": [side("candidate"), *others], "data_only": data_only})


@pytest.mark.parametrize(
    ("production", "said"),
    [
        ({"fingerprint": "old", "key": "old"}, "The model (old to candidate-<key>)."),
        ({"chunker": "chunker-0"}, "The chunker (how documents are cut into passages)."),
        ({"cleaner": "cleaner-0"}, "The cleaner (what is kept of documents)."),
        ({"search": {"probes": 20, "stem": True}}, "The search settings (probes: 20 to 150)."),
        (
            {"chunker": "chunker-0", "cleaner": "cleaner-0"},
            "The chunker (how documents are cut into passages), and the cleaner (what is kept of documents).",
        ),
    ],
)
def test_what_was_changed_is_named(production: dict[str, Any], said: str) -> None:
    others = side("production", **{"fingerprint": "candidate-fingerprint", **production})
    assert wording.what_changed({"sides": [side("candidate"), others], "data_only": False}) == said


def test_documents_that_changed_are_named_alone_or_beside_something_else() -> None:
    assert changed({}, data_only=True) == (
        "Only the documents: model, chunker, cleaner and search settings are those in production."
    )
    both = changed({"chunker": "chunker-0", "rebuilt": 1200})
    assert both is not None
    assert "The documents changed as well" in both
    assert "1,200 texts embedded" in both
    assert changed(None) is None


@pytest.mark.parametrize(("p", "said"), [(0.00004, "< 0.001"), (0.001, "0.001"), (0.0246, "0.025"), (1.0, "1.000")])
def test_a_p_is_never_said_to_be_nothing(p: float, said: str) -> None:
    assert wording.p_value(p) == said


@pytest.mark.parametrize(
    ("share", "said"), [(0, "0 %"), (0.0001, "< 1 %"), (0.126, "13 %"), (0.999, "99 %"), (1, "100 %")]
)
def test_a_share_is_rounded_to_nothing_or_all_only_where_it_is(share: float, said: str) -> None:
    assert wording.percent(share) == said


def test_a_sentence_begins_with_a_capital_and_leaves_names_alone() -> None:
    assert wording.sentence("nothing was in force") == "Nothing was in force."
    assert wording.sentence("nDCG@10 of hybrid search") == "nDCG@10 of hybrid search."
