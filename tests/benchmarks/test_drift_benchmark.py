"""The benchmark of drift at small size: no false verdict on an unchanged model, power at a stated drift, and its rivals.

The null has the 50 references and 20 ticks that are wanted, and reuses calls: the bundled model would take minutes, so that
a tiny one with random weights answers 40 calls under the jitter of torch, and each reference is ten of them at random.
`python -m benchmarks.drift` measures the bundled model, with calls of its own for each reference. A small p is drawn with
fewer signs than the rule does, which decides nothing at its level.
"""

from collections.abc import Iterator
from pathlib import Path
from statistics import fmean

import numpy as np
import pytest

from benchmarks.drift import detection, sameness
from benchmarks.drift.calls import Calls, kept_calls
from benchmarks.drift.designed import SyntheticModel, designed
from benchmarks.drift.drifts import Drift, drifted, drifts, noise
from benchmarks.drift.jitter import Configuration, Engines, drawn_by, jittered_calls
from benchmarks.drift.practical import Loss, Search, loss, mixed_loss
from benchmarks.drift.rates import clustered
from benchmarks.drift.rivals import Finding
from benchmarks.drift.routing import Routed
from benchmarks.drift.thresholds import best_threshold
from benchmarks.drift.ticks import RULE, TESTS_ALONE, DrawLooks, Judge, Tick, two_looks
from llmops_pipelines.drift import distances
from llmops_pipelines.drift.probe_files import SHIPPED, load_probes
from llmops_pipelines.drift.probes import EmbedderProbes
from llmops_pipelines.drift.verdict import LEVEL, Family, Look
from llmops_pipelines.embedding.model_folder import ModelFolder
from tests.embedding.tiny_models import tiny_model

REFERENCES, TICKS = 50, 20
PRECISIONS = ("fp32", "bf16")
TORCH = [Configuration("torch", precision, threads) for precision in PRECISIONS for threads in (1, 2)]
STATED = 0.02  # the size of weight noise that is found in at least nine of ten ticks


@pytest.fixture(scope="module")
def probes() -> EmbedderProbes:
    found = load_probes(SHIPPED / "embedder.yaml")
    assert isinstance(found, EmbedderProbes)
    return found


@pytest.fixture(scope="module", autouse=True)
def fewer_signs() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(distances, "DRAWS", distances.BLOCK)
        yield


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    return ModelFolder("tiny", tiny_model(tmp_path_factory.mktemp("drift") / "tiny"))


@pytest.fixture(scope="module")
def calls(tiny: ModelFolder, probes: EmbedderProbes) -> Calls:
    return jittered_calls(Engines(tiny), probes, 4, np.random.default_rng(0), TORCH)


def looks_of(calls: Calls, seed: int) -> DrawLooks:
    generator = np.random.default_rng(seed)
    return lambda place: tuple(calls.of(look) for look in two_looks(len(calls), 5, generator))  # type: ignore[return-value]


@pytest.fixture(scope="module")
def null(calls: Calls, probes: EmbedderProbes) -> list[Tick]:
    generator, judge = np.random.default_rng(1), Judge(probes, {})
    found = []
    for place in range(REFERENCES):
        order = generator.permutation(len(calls))
        for number in range(1, TICKS + 1):
            first, second = (calls.of(order[10:][look]) for look in two_looks(len(calls) - 10, 5, generator))
            found.append(judge.tick(place, number, calls.of(order[:10]), (first, second)))
    return found


def test_an_unchanged_model_has_no_false_verdict(null: list[Tick]) -> None:
    """If one tick in 300 had one, none in 1,000 would be seen in one run of 28: (1 - 1 / 300) ** 1000 is .035."""
    found = clustered(null, [tick.findings[RULE].alarm for tick in null])
    assert (found.rate, found.references, found.ticks) == (0.0, REFERENCES, REFERENCES * TICKS)
    assert found.upper_if_independent < 1 / 250
    # What all texts of a call share, its precision, is no matter for a test: without the floor it would be found often.
    assert clustered(null, [tick.findings[TESTS_ALONE].alarm for tick in null]).rate > 10 * LEVEL


def test_a_stated_drift_is_found(
    calls: Calls, tiny: ModelFolder, probes: EmbedderProbes, tmp_path: Path, null: list[Tick]
) -> None:
    stated = Drift("weight noise", f"{STATED:g}", False, noise(STATED))
    changed = jittered_calls(Engines(drifted(tiny, stated, tmp_path)), probes, 1, np.random.default_rng(2), TORCH)
    ticks = Judge(probes, {}).ticks(calls.references(10)[:5], looks_of(changed, 3), 4)
    assert fmean(tick.findings[RULE].alarm for tick in ticks) >= 0.9
    rows = detection.rows(
        [detection.Drifted(stated, Loss(0.1, 0.1), ticks, probes.floor)], null, {RULE: detection.alarms_of(RULE)}
    )
    assert (rows[0]["detected"], rows[0]["delay"], rows[0]["never"]) == (1.0, 1.0, 0.0)
    assert (rows[0]["expected"], rows[0]["false_alarm_rate"]) == ("behaviour_changed", 0.0)


def test_repeats_have_the_same_bits_and_precisions_have_not(calls: Calls, probes: EmbedderProbes) -> None:
    rows = sameness.losses(calls, np.random.default_rng(4))
    assert {str(one) for one in TORCH} == {row["before"] for row in rows}
    assert all(row["same_bits"] == float(row["before"][:10] == row["now"][:10]) for row in rows)
    switches = sameness.switches(calls, Judge(probes, {}), 5, np.random.default_rng(5))
    assert all(row["tests_alone"] == (row["before"][:10] != row["now"][:10]) for row in switches)
    assert not any(row["rule"] for row in switches)


def test_by_design_the_tests_find_no_more_than_they_may(probes: EmbedderProbes) -> None:
    found = designed(probes, 30, 10, seed=1)
    assert found["unconfirmed"]["interval"][0] <= LEVEL
    assert found["unconfirmed"]["rate"] <= LEVEL + 3 * (LEVEL / 300) ** 0.5
    assert found["confirmed"]["rate"] <= found["unconfirmed"]["rate"]


def test_a_drift_of_a_synthetic_model_is_found_by_both_families(probes: EmbedderProbes) -> None:
    model = SyntheticModel(probes, np.random.default_rng(6))
    reference, looks = model.calls(10), (model.calls(5, moved=0.1), model.calls(5, moved=0.1))
    tick = Judge(probes, {}).tick(0, 1, reference, looks)
    assert {family.name for family in tick.first.alarms} == {"queries", "documents"}
    assert tick.findings[RULE].alarm


def test_a_router_sends_about_its_share_of_the_requests_elsewhere(calls: Calls, probes: EmbedderProbes) -> None:
    other = Calls(-calls.documents, -calls.queries, calls.answered_by)
    router = Routed(probes, calls, other, 0.1, np.random.default_rng(7))
    generator = np.random.default_rng(8)
    answers = [drawn_by(probes, router, True, generator).answers.documents for _ in range(10)]
    away = np.mean([(found @ calls.documents[0].T).diagonal(axis1=1, axis2=2) < 0 for found in answers])
    assert 0.05 < away < 0.15


def test_what_a_search_loses() -> None:
    """Twenty documents around a circle: asked from the other side another half of them is found."""
    angles = 2 * np.pi * (np.arange(20) + 0.25) / 20
    documents = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    before = Search(documents, np.array([[1.0, 0.0]]))
    assert loss(before, before) == Loss(0.0, 0.0)
    assert loss(before, Search(documents, -before.questions)) == Loss(1.0, 0.0)
    assert loss(before, Search(-documents, before.questions)) == Loss(0.0, 1.0)
    mixed = mixed_loss(before, Search(documents, -before.questions), 0.5, np.random.default_rng(9))
    assert 0.2 < mixed.queries < 0.8
    assert mixed.documents == 0.0


@pytest.mark.parametrize(
    ("queries", "documents", "expected"),
    [
        (0.03, 0.0, "behaviour_changed"),
        (0.0, 0.03, "behaviour_changed"),
        (0.024, 0.0, "borderline"),
        (0.01, 0.012, "unchanged"),
    ],
)
def test_the_expected_verdict_follows_from_the_greater_loss(queries: float, documents: float, expected: str) -> None:
    assert Loss(queries, documents).expected(0.02) == expected


def tick(reference: int, number: int, score: float, rule: bool = False) -> Tick:
    first = Look([Family("queries", 0.5, score, 0.02, "of the first ten lost")], 1, 0)
    return Tick(reference, number, first, {"PSI": Finding(score, score > 0.2), RULE: Finding(score, rule)})


def test_a_threshold_lies_between_what_is_quiet_and_what_is_loud() -> None:
    quiet, loud = [tick(0, i, 0.01 * i) for i in range(4)], [tick(0, i, 0.09 + 0.01 * i) for i in range(4)]
    found = best_threshold("PSI", quiet, loud)
    assert found.value == pytest.approx(0.06)
    assert found.alarms([*quiet, *loud]) == [False] * 4 + [True] * 4
    assert not any(best_threshold("PSI", loud, loud).alarms(loud))


def test_a_rate_over_references_has_an_interval_over_references() -> None:
    ticks = [tick(reference, number, 0.0) for reference in range(50) for number in range(20)]
    none = clustered(ticks, [False] * 1000)
    assert (none.rate, none.low, none.high) == (0.0, 0.0, pytest.approx(0.0711, abs=1e-4))
    one = clustered(ticks, [found.reference == 0 for found in ticks])
    assert (one.rate, one.any_reference, one.low) == (0.02, 0.02, 0.0)
    assert one.high == pytest.approx(0.06)  # of single ticks it would be less than .03


def test_power_is_stated_from_the_least_effect_above_every_one_that_was_missed() -> None:
    def found(size: str, effect: float, chosen: bool, seen: bool) -> detection.Drifted:
        ticks = [tick(0, number, 0.0, seen) for number in range(1, 5)]
        return detection.Drifted(Drift(detection.STATED, size, chosen), Loss(effect, 0.0), ticks, 0.02)

    power = detection.power(
        [
            *(found("a", 0.01, True, False), found("b", 0.04, True, False), found("c", 0.05, True, True)),
            *(found("d", 0.035, False, False), found("e", 0.06, False, True), found("f", 0.2, False, True)),
        ]
    )
    assert power["power"] == pytest.approx(2 / 3, abs=1e-4)
    assert power["missed_drifts"] == {f"{detection.STATED} b": 0.0, f"{detection.STATED} d": 0.0}
    assert power["stated_drift"] == {
        "drift": f"{detection.STATED} e",
        "practical_effect": 0.06,
        "power": 1.0,
        "from_effect": 0.05,
        "power_from_effect": 1.0,
    }


def test_every_drift_has_a_name_and_a_file_of_its_own() -> None:
    found = drifts()
    assert len({one.file for one in found}) == len({one.name for one in found}) == len(found) > 15
    assert {one.chosen for one in found} == {True, False}


def test_calls_are_made_once(calls: Calls, tmp_path: Path) -> None:
    first = kept_calls(tmp_path / "work" / "calls.npz", lambda: calls)
    again = kept_calls(tmp_path / "work" / "calls.npz", lambda: pytest.fail("they are there"))
    assert np.array_equal(first.documents, again.documents)
    assert again.answered_by.tolist() == calls.answered_by.tolist()
