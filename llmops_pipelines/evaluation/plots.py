"""The plots of a report as static images: read in print, need no script, and told apart by shape as well as by colour."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from llmops_pipelines.evaluation.compare import SetComparison
from llmops_pipelines.evaluation.evaluate import SYSTEMS
from llmops_pipelines.evaluation.figures import SetFigures
from llmops_pipelines.evaluation.history import Point
from llmops_pipelines.evaluation.levels import ROLES, SetLevels
from llmops_pipelines.evaluation.metrics import PRIMARY
from llmops_pipelines.evaluation.roles import ACCEPTED, CANDIDATE, PRODUCTION, UNTUNED
from llmops_pipelines.evaluation.wording import ROLE_NAMES, SYSTEM_NAMES

if TYPE_CHECKING:
    import altair

# Okabe and Ito, "Color universal design", 2008; far apart in grey as well.
ROLE_COLORS = {CANDIDATE: "#0072B2", ACCEPTED: "#009E73", PRODUCTION: "#D55E00", UNTUNED: "#6E6E6E"}
ROLE_SHAPES = {CANDIDATE: "circle", ACCEPTED: "diamond", PRODUCTION: "square", UNTUNED: "triangle-up"}
GAIN, LOSS = "#0072B2", "#E69F00"
LINE = "#333333"
WIDTH = 400
PNG_SCALE = 1.5
NAMED_RELEASES = 12  # in a history: of more, every so manieth


def level_plot(found: Sequence[SetLevels]) -> "altair.Chart":
    """The primary metric of every system and side with its interval, a panel a question set."""
    import altair as alt

    rows = [
        {
            "set": f"{label(one.figures)}: {level.metric}",
            "system": SYSTEM_NAMES[level.system],
            "side": ROLE_NAMES[level.role],
            "mean": level.level.mean,
            "low": level.level.low,
            "high": level.level.high,
            "said": f"{level.level.mean:.3f}",
        }
        for one in found
        for level in one.levels
    ]
    sides = [role for role in ROLES if any(row["side"] == ROLE_NAMES[role] for row in rows)]
    names = [ROLE_NAMES[role] for role in sides]
    data = alt.Chart(alt.Data(values=rows)).encode(
        y=alt.Y(
            "system:N",
            sort=[SYSTEM_NAMES[system] for system in SYSTEMS],
            title=None,
            scale=alt.Scale(paddingInner=0.35),
            axis=alt.Axis(labelLimit=200),
        ),
        yOffset=alt.YOffset("side:N", sort=names),
        color=alt.Color(
            "side:N",
            scale=alt.Scale(domain=names, range=[ROLE_COLORS[r] for r in sides]),
            legend=alt.Legend(title=None, orient="top", symbolOpacity=1),
        ),
    )
    scale = alt.Scale(domain=[0, 1])
    shape = alt.Shape("side:N", scale=alt.Scale(domain=names, range=[ROLE_SHAPES[r] for r in sides]))
    title = "level with its 95 % interval"
    bars = data.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q", scale=scale, title=title), x2="high:Q")
    points = data.mark_point(filled=True, size=70, opacity=1).encode(x=alt.X("mean:Q", scale=scale), shape=shape)
    numbers = data.mark_text(align="left", dx=6, fontSize=10.5).encode(
        x=alt.X("high:Q", scale=scale), text="said:N", color=alt.value(LINE)
    )
    layered = alt.layer(bars, points, numbers).properties(width=WIDTH, height=18 * len(SYSTEMS) * (len(sides) + 0.5))
    order = list(dict.fromkeys(row["set"] for row in rows))
    return cast(
        "altair.Chart",
        layered.facet(facet=alt.Facet("set:N", title=None, sort=order), columns=1).resolve_scale(x="independent"),
    )


def change_plot(changes: Sequence[float]) -> "altair.Chart":
    """The difference in nDCG@10 of every question, from worse than production to better."""
    import altair as alt

    points = [
        {"question": i, "gain": max(change, 0.0), "loss": min(change, 0.0)} for i, change in enumerate(sorted(changes))
    ]
    points.append({**points[-1], "question": len(points)})  # a step has two ends
    data = alt.Chart(alt.Data(values=points)).encode(x=alt.X("question:Q", title="questions, from worse to better"))
    scale = alt.Scale(domain=[-1, 1])
    layers = [
        data.mark_area(interpolate="step-after", color=color, line={"color": LINE, "strokeWidth": 0.5}).encode(
            y=alt.Y(f"{side}:Q", title=f"change in {PRIMARY}", scale=scale)
        )
        for side, color in (("loss", LOSS), ("gain", GAIN))
    ]
    return cast("altair.Chart", alt.layer(*layers).properties(width=WIDTH, height=140))


def history_plot(points: Sequence[Point]) -> "altair.Chart":
    """The metric over releases with its intervals, a line where the measure is the same; the candidate is hollow."""
    import altair as alt

    every = -(-len(points) // NAMED_RELEASES)
    rows = [
        {
            **{name: getattr(point, name) for name in ("at", "mean", "low", "high", "line")},
            "kind": "released" if point.released else point.name,
            "said": point.name if (len(points) - 1 - i) % every == 0 else "",
        }
        for i, point in enumerate(points)
    ]
    data = alt.Chart(alt.Data(values=rows)).encode(
        x=alt.X("at:T", title="time (UTC)", scale=alt.Scale(type="utc", padding=45))
    )
    room = 0.3 * max(max(point.high for point in points) - min(point.low for point in points), 0.02)
    least, most = min(point.low for point in points) - room, max(point.high for point in points) + room
    scale = alt.Scale(domain=[max(0.0, least), min(1.0, most)], nice=False)
    y = alt.Y("mean:Q", title=points[-1].metric.split(" of ")[0], scale=scale)
    kinds = alt.Scale(domain=["released", "this candidate"], range=[ROLE_COLORS[CANDIDATE], "#FFFFFF"])
    breaks = [rows[i] for i in range(1, len(rows)) if rows[i]["line"] != rows[i - 1]["line"]]
    broken = alt.Chart(alt.Data(values=breaks))
    layers = [
        broken.mark_rule(strokeDash=[4, 4], color=LINE, xOffset=-14).encode(x="at:T"),
        broken.mark_text(angle=270, align="left", baseline="bottom", xOffset=-14, fontSize=10).encode(
            x="at:T", y=alt.value(176), text=alt.value("measure changed")
        ),
        data.mark_rule(color=ROLE_COLORS[CANDIDATE]).encode(y=alt.Y("low:Q", scale=scale), y2="high:Q"),
        data.mark_line(color=ROLE_COLORS[CANDIDATE]).encode(y=y, detail="line:N"),
        data.mark_point(size=80, opacity=1, stroke=ROLE_COLORS[CANDIDATE], strokeWidth=2).encode(
            y=y, fill=alt.Fill("kind:N", scale=kinds, legend=None)
        ),
        data.mark_text(dy=-14, align="center", fontSize=10).encode(y=alt.Y("high:Q", scale=scale), text="said:N"),
    ]
    return cast("altair.Chart", alt.layer(*layers).properties(width=WIDTH + 160, height=180))


def svg(chart: "altair.Chart") -> str:
    """The chart as an SVG element."""
    import vl_convert

    return vl_convert.vegalite_to_svg(_styled(chart))


def png(chart: "altair.Chart") -> bytes:
    """The chart as a PNG image."""
    import vl_convert

    return vl_convert.vegalite_to_png(_styled(chart), scale=PNG_SCALE)


def label(found: SetFigures | SetComparison) -> str:
    """What people read for a question set: its name, its part, and that it is synthetic where it is."""
    return f"{found.question_set.replace('_', ' ')} ({found.part}{', synthetic' if found.synthetic else ''})"


def _styled(chart: "altair.Chart") -> str:
    style: dict[str, Any] = {"labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal"}
    return (
        chart.configure_axis(**style)
        .configure_header(labelFontSize=13, labelAnchor="start", labelFontWeight="bold")
        .configure_legend(labelFontSize=12)
        .configure_view(stroke="#BBBBBB")
        .to_json()
    )
