"""The plots: every estimate is drawn, in shapes as well as colours, and nothing beyond the axes."""

from typing import Any

from llmops_pipelines.evaluation.decision import GateTest
from llmops_pipelines.evaluation.forest_plot import forest_plot
from llmops_pipelines.evaluation.history import points
from llmops_pipelines.evaluation.levels import levels
from llmops_pipelines.evaluation.plots import change_plot, history_plot, level_plot, png, svg
from llmops_pipelines.evaluation.suites import SuiteSlice
from tests.evaluation.pages import AT, decided, many, released, sides, suite
from tests.evaluation.test_figures import question_set

SUITES = [suite(slices=(SuiteSlice("bees", tag="bees"),))]


def judged(shift: float) -> list[GateTest]:
    before, after = many(0.0), many(shift)
    for row in [*before, *after]:
        row["slices"] = ["bees"] if row["question_id"] in ("q000", "q001") else []
    return decided(SUITES, sides(candidate=after, production=before)).suites[0].tests


def marks(chart: Any, kind: str) -> list[dict[str, Any]]:
    """The layers of a chart with marks of one kind."""
    return [layer for layer in chart.to_dict()["layer"] if layer["mark"]["type"] == kind]


def test_every_test_is_drawn_with_its_numbers_and_its_verdict() -> None:
    tests = judged(0.2)
    assert [test.role for test in tests] == ["primary", "guard", "slice"]
    image = svg(forest_plot(tests))
    assert image.startswith("<svg")
    for test in tests:
        assert test.judgement.estimate.signed in image
        assert test.name in image
    assert "better" in image


def test_the_shape_of_a_point_is_that_of_its_verdict() -> None:
    (layer,) = marks(forest_plot(judged(0.2)), "point")
    scale = layer["encoding"]["shape"]["scale"]
    assert dict(zip(scale["domain"], scale["range"], strict=True))["better"] == "triangle-up"


def test_the_interval_of_a_slice_of_two_questions_is_cut_so_that_the_others_can_be_read() -> None:
    tests = judged(0.02)
    wide = tests[-1].judgement.estimate
    assert wide.high - wide.low > 1
    chart = forest_plot(tests).to_dict()
    least, most = next(layer for layer in chart["layer"] if layer["mark"]["type"] == "point")["encoding"]["x"]["scale"][
        "domain"
    ]
    assert most - least < 1
    values = [value for dataset in chart["datasets"].values() for value in dataset] if "datasets" in chart else []
    values += [v for layer in chart["layer"] for v in layer.get("data", {}).get("values", [])]
    values += chart.get("data", {}).get("values", [])
    assert any(value.get("arrow") == "▸" for value in values)
    for value in values:
        for name in ("low", "high", "inner_low", "inner_high", "mean", "margin", "end"):
            assert least <= value.get(name, 0.0) <= most


def test_levels_are_drawn_for_every_side_in_a_shape_of_its_own() -> None:
    rows = sides(candidate=many(0.1), production=many(0.0), untuned=many(-0.1))
    image = svg(level_plot(levels(SUITES, rows)))
    for words in ("candidate", "production", "untuned base", "full text (BM25)", "written (dev, synthetic)"):
        assert words in image or words.replace(", synthetic", "") in image
    one = svg(level_plot(levels(SUITES, sides(candidate=question_set({"q": 1.0})))))
    assert "production" not in one


def test_changes_and_history_are_drawn_also_of_one() -> None:
    assert svg(change_plot([0.5])).startswith("<svg")
    decision = decided(SUITES, sides(candidate=many(0.1), production=many(0.0)))
    past = points([released("r1", 1, SUITES, suites="before")], SUITES, decision, "new", AT.isoformat())
    image = svg(history_plot(past))
    for words in ("r1", "this candidate", "measure changed"):
        assert words in image
    assert svg(history_plot(past[:1])).startswith("<svg")
    assert png(history_plot(past)).startswith(b"\x89PNG\r\n")


def test_of_many_releases_some_are_named_the_last_among_them() -> None:
    decision = decided(SUITES, sides(candidate=many(0.1), production=many(0.0)))
    history = [released(f"r{day}-", day, SUITES) for day in range(1, 29)]
    image = svg(history_plot(points(history, SUITES, decision, "new", AT.isoformat())))
    assert 5 < sum(f">r{day}-<" in image for day in range(1, 29)) < 12
    assert "this candidate" in image
