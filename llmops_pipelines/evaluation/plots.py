"""The plots of a report as static images: read in print, need no script, and told apart by the colour-blind."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from llmops_pipelines.evaluation.compare import PairedRows, SetComparison
from llmops_pipelines.evaluation.evaluate import SYSTEMS
from llmops_pipelines.evaluation.figures import SetFigures
from llmops_pipelines.evaluation.intervals import Estimate, signed
from llmops_pipelines.evaluation.metrics import PRIMARY

if TYPE_CHECKING:
    import altair

# Okabe and Ito, "Color universal design", 2008.
COLORS = {"bm25": "#999999", "dense": "#E69F00", "hybrid": "#0072B2"}
ZERO = "#444444"
DASHES = [[2, 2], [6, 3], [1, 0]]
PNG_SCALE = 1.5


def interval_plot(sets: Sequence[SetFigures]) -> "altair.Chart":
    """nDCG@10 of every system with its 95 % interval, a row a question set."""
    estimates = [(label(s), system, s.estimates[system][PRIMARY]) for s in sets for system in SYSTEMS]
    return _intervals(estimates, f"{PRIMARY} with 95 % interval", (0.0, 1.0), "{:.3f}".format)


def difference_plot(comparisons: Sequence[SetComparison]) -> "altair.Chart":
    """The mean difference in nDCG@10 of every system with its 95 % interval and a line at 0, a row a question set."""
    estimates = [(label(c), system, c.differences[system][PRIMARY].change) for c in comparisons for system in SYSTEMS]
    widest = max(max(-estimate.low, estimate.high) for _, _, estimate in estimates)
    reach = min(1.0, max(0.02, 1.25 * widest))
    title = f"difference in {PRIMARY} with 95 % interval"
    return _intervals(estimates, title, (-reach, reach), signed, line_at_zero=True)


def question_plot(rows: Sequence[Mapping[str, Any]]) -> "altair.Chart":
    """nDCG@10 of every measured question, each system's questions sorted from worst to best."""
    import altair as alt

    points = []
    for system in SYSTEMS:
        scores = sorted(row[PRIMARY] for row in rows if row["system"] == system and row["unmeasured"] is None)
        points += [{"system": system, "question": i + 1, "score": score} for i, score in enumerate(scores)]
    return (
        alt.Chart(alt.Data(values=points))
        .mark_line(interpolate="step", strokeWidth=2)
        .encode(
            x=alt.X("question:Q", title="questions, from worst to best"),
            y=alt.Y("score:Q", title=PRIMARY, scale=alt.Scale(domain=[0, 1])),
            color=_color(alt.Legend(title=None)),
            strokeDash=_dash(),
        )
        .properties(width=420, height=180)
    )


def change_plot(pairs: Mapping[str, Sequence[PairedRows]]) -> "altair.Chart":
    """The difference in nDCG@10 of every question, each system's questions sorted from worse to better."""
    import altair as alt

    points = [
        {"system": system, "question": i + 1, "change": change}
        for system in SYSTEMS
        for i, change in enumerate(sorted(pair.change for pair in pairs[system]))
    ]
    lines = (
        alt.Chart(alt.Data(values=points))
        .mark_line(interpolate="step", strokeWidth=2)
        .encode(
            x=alt.X("question:Q", title="questions, from worse than before to better"),
            y=alt.Y("change:Q", title=f"difference in {PRIMARY}", scale=alt.Scale(domain=[-1, 1])),
            color=_color(alt.Legend(title=None)),
            strokeDash=_dash(),
        )
    )
    zero = alt.Chart(alt.Data(values=[{"zero": 0}])).mark_rule(color=ZERO).encode(y="zero:Q")
    return cast("altair.Chart", alt.layer(zero, lines).properties(width=420, height=180))


def svg(chart: "altair.Chart") -> str:
    """The chart as an SVG element."""
    import vl_convert

    return vl_convert.vegalite_to_svg(chart.to_json())


def png(chart: "altair.Chart") -> bytes:
    """The chart as a PNG image."""
    import vl_convert

    return vl_convert.vegalite_to_png(chart.to_json(), scale=PNG_SCALE)


def label(found: SetFigures | SetComparison) -> str:
    """What people read for a question set: its name, its part, and that it is synthetic where it is."""
    return f"{found.question_set.replace('_', ' ')} ({found.part}{', synthetic' if found.synthetic else ''})"


def _intervals(
    estimates: Sequence[tuple[str, str, Estimate]],
    title: str,
    domain: tuple[float, float],
    number: Callable[[float], str],
    line_at_zero: bool = False,
) -> "altair.Chart":
    """Estimates (question set, system, estimate) as points with their intervals, a row a question set."""
    import altair as alt

    rows = [
        {
            "set": name,
            "system": system,
            "mean": e.mean,
            "low": e.low,
            "high": e.high,
            "zero": 0,
            "number": number(e.mean),
        }
        for name, system, e in estimates
    ]
    data = alt.Chart(alt.Data(values=rows))
    base = data.encode(y=alt.Y("system:N", sort=list(SYSTEMS), title=None), color=_color())
    scale = alt.Scale(domain=list(domain))
    points = base.mark_point(filled=True, size=90).encode(x=alt.X("mean:Q", title=title, scale=scale))
    bars = base.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q", scale=scale), x2="high:Q")
    numbers = base.mark_text(align="left", dx=8, dy=-9, fontSize=11).encode(x="mean:Q", text="number:N")
    zero = [data.mark_rule(color=ZERO).encode(x="zero:Q")] if line_at_zero else []
    layered = alt.layer(*zero, bars, points, numbers).properties(width=420, height=90)
    order = list(dict.fromkeys(name for name, _, _ in estimates))
    return cast("altair.Chart", layered.facet(row=alt.Row("set:N", title=None, sort=order)))


def _dash() -> Any:
    import altair as alt

    return alt.StrokeDash("system:N", scale=alt.Scale(domain=list(COLORS), range=DASHES), legend=None)


def _color(legend: Any = None) -> Any:
    import altair as alt

    scale = alt.Scale(domain=list(COLORS), range=list(COLORS.values()))
    return alt.Color("system:N", scale=scale, legend=legend)
