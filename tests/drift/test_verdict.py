"""A verdict needs significance, an effect and confirmation; what was not measured is never unchanged."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmops_pipelines.drift.verdict import DriftVerdict, Family, Judged, Look, judge


def family(p: float, effect: float = 0.5, name: str = "grades", floor: float = 0.1) -> Family:
    return Family(name, p, effect, floor, "of the mean grade")


def look(*families: Family, **changed: int) -> Look:
    return Look(**{"families": families or (family(1.0, 0.0),), "calls": 100, "failed": 0, **changed})  # type: ignore[arg-type]


def never() -> Look:
    raise AssertionError("there was no alarm to confirm")


def again(*looks: Look) -> Callable[[], Look]:
    left = list(looks)
    return lambda: left.pop(0)


ALARM = look(family(0.001))


def verdict(first: Look, second: Callable[[], Look] = never, changes: tuple[str, ...] = ()) -> Judged:
    return judge(changes, first, second)


def test_without_an_alarm_nothing_is_asked_again() -> None:
    assert verdict(look()).verdict == DriftVerdict.UNCHANGED


def test_a_change_that_is_confirmed_is_one_and_says_what_changed() -> None:
    found = verdict(ALARM, again(look(family(0.002, -0.4))))
    assert found.verdict == DriftVerdict.BEHAVIOUR_CHANGED
    assert found.reason.startswith("grades: -0.4 of the mean grade (floor 0.1, p 0.002)")
    assert len(found.looks) == 2


@pytest.mark.parametrize("second", [look(), look(family(0.001, 0.05)), look(family(0.001, name="tokens"))])
def test_an_alarm_that_is_not_confirmed_by_the_same_family_is_none(second: Look) -> None:
    found = verdict(ALARM, again(second))
    assert found.verdict == DriftVerdict.UNCHANGED
    assert "an alarm of grades was not confirmed" in found.reason


def test_significance_alone_is_no_alarm_and_neither_is_an_effect() -> None:
    assert verdict(look(family(1e-9, 0.1))).verdict == DriftVerdict.UNCHANGED
    assert verdict(look(family(0.02, 5.0))).verdict == DriftVerdict.UNCHANGED


def test_families_are_corrected_together() -> None:
    four = (family(0.005), family(0.9, 0.0, "tokens"), family(0.9, 0.0, "format"), family(0.9, 0.0, "texts"))
    assert verdict(look(*four)).verdict == DriftVerdict.UNCHANGED
    assert [f.name for f in look(family(0.002), *four[1:]).alarms] == ["grades"]


def test_a_changed_name_is_proof_whatever_else_is_seen() -> None:
    changes = ("model was m-1, is m-2",)
    for first, second in ((look(), never), (ALARM, again(ALARM)), (look(failed=50), never)):
        found = verdict(first, second, changes)
        assert (found.verdict, found.reason) == (DriftVerdict.IDENTITY_CHANGED, "model was m-1, is m-2")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"failed": 6}, "6 of 100 calls had no answer, at most 5% may"),
        ({"calls": 0}, "no call was made"),
        ({"answers": 50, "unparsed": 12, "reference_answers": 250, "reference_unparsed": 2}, "12 of 50 answers"),
        ({"families": ()}, "no family could be tested"),
    ],
)
def test_what_was_not_measured_is_never_unchanged(changed: dict, said: str) -> None:
    found = verdict(look(**changed))
    assert found.verdict == DriftVerdict.UNMEASURED
    assert said in found.reason


def test_as_many_failures_and_unparsed_answers_as_are_usual_are_measured() -> None:
    usual = {"failed": 5, "answers": 50, "unparsed": 3, "reference_answers": 250, "reference_unparsed": 15}
    assert verdict(look(**usual)).verdict == DriftVerdict.UNCHANGED


def test_a_confirmation_that_fails_is_unmeasured() -> None:
    assert verdict(ALARM, again(look(failed=50))).verdict == DriftVerdict.UNMEASURED


def test_answers_that_lost_their_format_are_a_change_of_format() -> None:
    lost = {"answers": 50, "unparsed": 40, "reference_answers": 250, "reference_unparsed": 0}
    broken = look(family(1e-9, -0.8, "format"), **lost)
    assert verdict(broken, again(broken)).verdict == DriftVerdict.BEHAVIOUR_CHANGED
    assert verdict(look(**lost)).verdict == DriftVerdict.UNMEASURED


@given(st.floats(0, 1), st.floats(-1, 1), st.integers(0, 100), st.booleans())
def test_more_than_one_call_in_twenty_without_an_answer_is_never_unchanged(
    p: float, effect: float, failed: int, named: bool
) -> None:
    first = look(family(p, effect), failed=failed)
    found = verdict(first, again(first), ("another name",) if named else ())
    if failed > 5:
        assert found.verdict != DriftVerdict.UNCHANGED
        assert found.verdict != DriftVerdict.BEHAVIOUR_CHANGED


def test_a_loss_counts_one_way_and_not_for_its_rounding() -> None:
    def loss(effect: float) -> Family:
        return Family("queries", 1e-6, effect, 0.02, "of the first ten lost", one_sided=True)

    assert [loss(effect).above_floor for effect in (0.02000000000000013, 0.021, -0.5)] == [False, True, False]
    assert family(1e-6, effect=-0.5).above_floor
