"""Releases, rollbacks and withdrawals in any order, some rows changed by hand: what may be in force, and what never is."""

import itertools
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmops_pipelines.release.manifest import Manifest, NotPromotedError, ReleaseError
from llmops_pipelines.release.releases import Releases
from llmops_pipelines.storage import Lake
from tests.index.hand_made import HandMade
from tests.release.made import ONE, THREE, TWO, change_row, manifest
from tests.verdicts import judge

CONTENT = st.integers(0, 2)
STEP = st.one_of(
    st.tuples(st.just("judge"), CONTENT, st.booleans()),
    st.tuples(st.just("release"), CONTENT, st.none()),
    st.tuples(st.just("rollback"), st.integers(0, 6), st.none()),
    st.tuples(st.just("withdraw"), st.integers(0, 6), st.none()),
    st.tuples(st.just("change"), st.integers(1, 6), st.none()),
)
NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> tuple[Lake, list[Manifest]]:
    lake = Lake(str(tmp_path_factory.mktemp("library") / "lake"))
    made = HandMade(lake)
    return lake, [manifest(made.build(passages)[1]) for passages in (ONE, TWO, THREE)]


class Told:
    """What was done, in the plainest terms: the newest verdict on a pair, withdrawn contents, rows that were changed."""

    def __init__(self) -> None:
        self.verdicts: dict[tuple[str, str | None], bool] = {}
        self.withdrawn: set[str] = set()
        self.changed: set[str] = set()


def step(
    releases: Releases, contents: list[Manifest], told: Told, name: str, number: int, promotes: bool | None
) -> None:
    current = releases.in_force()
    production = current.manifest.identity if current else None
    named = f"r{number:04d}" if number else None
    if name == "judge":
        judge(releases, contents[number], promotes=bool(promotes), by=f"verdict {next(NUMBERS)}")
        told.verdicts[contents[number].identity, production] = bool(promotes)
        return
    if name == "release":
        wanted = contents[number]
        first = not releases.history()
        may = told.verdicts.get((wanted.identity, production), first)
        try:
            releases.release(wanted, "me", "because")
        except NotPromotedError:
            assert production != wanted.identity
            assert not may or wanted.identity in told.withdrawn
            return
        assert may or production == wanted.identity
        told.withdrawn.discard(wanted.identity)
    elif name == "rollback":
        with suppress(ReleaseError):
            back = releases.rollback("me", "because", named)
            assert back.manifest.identity not in {production, *told.withdrawn}
    elif name == "withdraw":
        with suppress(ReleaseError):
            told.withdrawn.add(releases.withdraw("me", "because", named).manifest.identity)
    elif f"r{number:04d}" in [row.release_id for row in releases.history()]:
        change_row(releases.lake, f"r{number:04d}", releases.table, requested_by="'somebody else'")
        told.changed.add(f"r{number:04d}")


@given(st.lists(STEP, min_size=4, max_size=10))
@settings(max_examples=25, deadline=None)
def test_never_in_force_is_what_was_changed_withdrawn_or_not_promoted(
    library: tuple[Lake, list[Manifest]], steps: list[tuple[str, int, bool | None]]
) -> None:
    lake, contents = library
    releases, told = Releases(lake, f"c{next(NUMBERS)}"), Told()
    for name, number, promotes in steps:
        before = releases.history()
        step(releases, contents, told, name, number, promotes)
        history = releases.history()
        assert [row.release_id for row in history[: len(before)]] == [row.release_id for row in before]
        assert {entry.release.release_id for entry in releases.entries() if entry.flaw} >= told.changed
        current = releases.in_force()
        assert current == Releases(lake, releases.corpus).in_force()
        if current:
            assert current.manifest.identity not in told.withdrawn
            assert current.release_id not in told.changed
            promoted = {candidate for candidate, _ in told.verdicts}
            assert current.manifest.identity in promoted | {history[0].manifest.identity}
