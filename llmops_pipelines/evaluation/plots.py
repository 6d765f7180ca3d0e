"""The plots of a report as static images: read in print, need no script, and told apart by the colour-blind."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from llmops_pipelines.evaluation.evaluate import SYSTEMS
from llmops_pipelines.evaluation.figures import SetFigures
from llmops_pipelines.evaluation.metrics import PRIMARY

if TYPE_CHECKING:
    import altair

# Okabe and Ito, "Color universal design", 2008.
COLORS = {"bm25": "#999999", "dense": "#E69F00", "hybrid": "#0072B2"}
DASHES = [[2, 2], [6, 3], [1, 0]]
PNG_SCALE = 1.5


def interval_plot(sets: Sequence[SetFigures]) -> "altair.Chart":
    """nDCG@10 of every system with its 95 % interval, a row a question set."""
    import altair as alt

    rows = [
        {"set": label(s), "system": system, "mean": e.mean, "low": e.low, "high": e.high}
        for s in sets
        for system in SYSTEMS
        for e in [s.estimates[system][PRIMARY]]
    ]
    base = alt.Chart(alt.Data(values=rows)).encode(y=alt.Y("system:N", sort=list(SYSTEMS), title=None), color=_color())
    scale = alt.Scale(domain=[0, 1])
    points = base.mark_point(filled=True, size=90).encode(
        x=alt.X("mean:Q", title=f"{PRIMARY} with 95 % interval", scale=scale)
    )
    bars = base.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q", scale=scale), x2="high:Q")
    numbers = base.mark_text(align="left", dx=8, dy=-9, fontSize=11).encode(
        x="mean:Q", text=alt.Text("mean:Q", format=".3f")
    )
    layered = alt.layer(bars, points, numbers).properties(width=420, height=90)
    return cast("altair.Chart", layered.facet(row=alt.Row("set:N", title=None, sort=[label(s) for s in sets])))


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
            strokeDash=alt.StrokeDash("system:N", scale=alt.Scale(domain=list(COLORS), range=DASHES), legend=None),
        )
        .properties(width=420, height=180)
    )


def svg(chart: "altair.Chart") -> str:
    """The chart as an SVG element."""
    import vl_convert

    return vl_convert.vegalite_to_svg(chart.to_json())


def png(chart: "altair.Chart") -> bytes:
    """The chart as a PNG image."""
    import vl_convert

    return vl_convert.vegalite_to_png(chart.to_json(), scale=PNG_SCALE)


def label(figures: SetFigures) -> str:
    """What people read for a question set: its name, its part, and that it is synthetic where it is."""
    return f"{figures.question_set.replace('_', ' ')} ({figures.part}{', synthetic' if figures.synthetic else ''})"


def _color(legend: Any = None) -> Any:
    import altair as alt

    scale = alt.Scale(domain=list(COLORS), range=list(COLORS.values()))
    return alt.Color("system:N", scale=scale, legend=legend)
