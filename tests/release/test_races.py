"""Several processes change what is in force at the same moment: each decides by what is in force when its row is there."""

import multiprocessing
from collections import Counter
from multiprocessing.synchronize import Barrier

import pytest

from llmops_pipelines.release.manifest import Manifest, NotPromotedError, ReleaseError
from llmops_pipelines.release.releases import Releases
from llmops_pipelines.storage import Lake
from tests.index.hand_made import HandMade
from tests.release.made import ONE, THREE, TWO, manifest, release
from tests.verdicts import judge

ROUNDS = 8
PROCESSES = 3

Outcomes = dict[str, list[str]]


def promote(
    uri: str, number: int, wanted: list[Manifest], together: Barrier, told: "multiprocessing.Queue[tuple]"
) -> None:
    """Release one candidate in the corpus of each round, at the same moment as the others release theirs."""
    for corpus in range(ROUNDS):
        releases = Releases(Lake(uri), f"c{corpus}")
        releases.history()
        together.wait()
        try:
            outcome = releases.release(wanted[number], f"process {number}", "because").release_id
        except NotPromotedError as refusal:
            outcome = f"refused: {refusal}"
        told.put((corpus, number, outcome))


def disturb(
    uri: str, number: int, wanted: list[Manifest], together: Barrier, told: "multiprocessing.Queue[tuple]"
) -> None:
    """One process releases, the others go back, over and over."""
    for corpus in range(ROUNDS):
        releases = Releases(Lake(uri), f"c{corpus}")
        together.wait()
        for _ in range(4):
            try:
                if number == 0:
                    releases.release(wanted[0], "process 0", "because")
                else:
                    releases.rollback(f"process {number}", "because")
                outcome = "done"
            except ReleaseError as refusal:
                outcome = f"refused: {refusal}"
            told.put((corpus, number, outcome))


def run(lake: Lake, what: object, wanted: list[Manifest], outcomes: int) -> list[tuple[int, int, str]]:
    context = multiprocessing.get_context("spawn")
    together, told = context.Barrier(PROCESSES), context.Queue()
    processes = [
        context.Process(target=what, args=(lake.uri, number, wanted, together, told))  # type: ignore[arg-type]
        for number in range(PROCESSES)
    ]
    for process in processes:
        process.start()
    found = [told.get(timeout=300) for _ in range(outcomes)]
    for process in processes:
        process.join()
        assert process.exitcode == 0
    return found


@pytest.fixture
def candidates(lake: Lake) -> list[Manifest]:
    made = HandMade(lake)
    return [manifest(made.build(passages)[1]) for passages in (TWO, THREE, {**TWO, **THREE})]


def test_of_promotions_at_once_against_one_production_one_is_made(lake: Lake, candidates: list[Manifest]) -> None:
    first = manifest(HandMade(lake).build(ONE)[1])
    for corpus in range(ROUNDS):
        releases = Releases(lake, f"c{corpus}")
        releases.release(first, "me", "the first")
        for candidate in candidates:
            judge(releases, candidate)
    found = run(lake, promote, candidates, ROUNDS * PROCESSES)
    for corpus in range(ROUNDS):
        releases = Releases(lake, f"c{corpus}")
        outcomes = {number: outcome for of, number, outcome in found if of == corpus}
        (winner,) = [number for number, outcome in outcomes.items() if outcome == "r0002"]
        assert all("no verdict" in outcome for number, outcome in outcomes.items() if number != winner)
        history = releases.history()
        assert [row.release_id for row in history] == ["r0001", "r0002"]
        assert history[1].requested_by == f"process {winner}"
        assert history[1].manifest.identity == candidates[winner].identity
        assert releases.in_force() == history[1]
        assert releases.complaints() == []


def test_of_first_releases_at_once_one_is_the_first(lake: Lake, candidates: list[Manifest]) -> None:
    found = run(lake, promote, candidates, ROUNDS * PROCESSES)
    for corpus in range(ROUNDS):
        releases = Releases(lake, f"c{corpus}")
        outcomes = Counter(outcome[:7] for of, _, outcome in found if of == corpus)
        assert outcomes == {"r0001": 1, "refused": PROCESSES - 1}
        (first,) = releases.history()
        assert releases.in_force() == first
        assert releases.complaints() == []


def test_the_same_promotion_at_once_is_one_release(lake: Lake, candidates: list[Manifest]) -> None:
    found = run(lake, promote, candidates[:1] * PROCESSES, ROUNDS * PROCESSES)
    assert {outcome for _, _, outcome in found} == {"r0001"}
    for corpus in range(ROUNDS):
        assert len(Releases(lake, f"c{corpus}").history()) == 1


def test_promotions_and_rollbacks_at_once_leave_a_chain_without_a_flaw(lake: Lake, candidates: list[Manifest]) -> None:
    made = HandMade(lake)
    for corpus in range(ROUNDS):
        releases = Releases(lake, f"c{corpus}")
        release(made, releases, ONE)
        judge(releases, candidates[0])
    found = run(lake, disturb, candidates, ROUNDS * PROCESSES * 4)
    for corpus in range(ROUNDS):
        releases = Releases(lake, f"c{corpus}")
        history = releases.history()
        assert [row.sequence for row in history] == list(range(1, len(history) + 1))
        done = sum(outcome == "done" for of, _, outcome in found if of == corpus)
        # A release of what is in force is done without a row.
        assert 1 < len(history) <= done + 1
        assert releases.complaints() == []
        assert releases.in_force() == history[-1]
        for row in history[1:]:
            assert row.manifest.identity in {candidates[0].identity, history[0].manifest.identity}
