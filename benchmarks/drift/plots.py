"""Power against practical effect, and false alarms, as images that are read in print: told apart by shape and by place."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    import altair

# Okabe and Ito, "Color universal design", 2008; far apart in grey as well.
COLORS = {"behaviour_changed": "#0072B2", "unchanged": "#D55E00", "borderline": "#6E6E6E"}
SHAPES = {"behaviour_changed": "circle", "unchanged": "square", "borderline": "triangle-up"}
SAID = {"behaviour_changed": "to be detected", "unchanged": "not to be detected", "borderline": "near the floor"}
LINE = "#333333"
LEAST = 0.001  # where an effect of nothing is drawn on a logarithmic axis


def power_plot(rows: Sequence[Mapping[str, Any]], floor: float) -> "altair.Chart":
    """The share of ticks detected by practical effect, a panel a method; the line is the floor."""
    import altair as alt

    points = [
        {
            "method": row["method"],
            "effect": max(row["practical_effect"], LEAST),
            "detected": row["detected"],
            "expected": SAID[row["expected"]],
            "floor": floor,
        }
        for row in rows
    ]
    names = list(SAID.values())
    data = alt.Chart(alt.Data(values=points))
    scale = alt.Scale(type="log", domain=[LEAST, 1])
    layered = alt.layer(
        data.mark_rule(strokeDash=[4, 4], color=LINE).encode(x=alt.X("floor:Q", scale=scale)),
        data.mark_point(filled=True, size=65, opacity=0.85).encode(
            x=alt.X(
                "effect:Q", scale=scale, title="first ten lost (SciFact)", axis=alt.Axis(values=[LEAST, 0.01, 0.1, 1])
            ),
            y=alt.Y(
                "detected:Q",
                scale=alt.Scale(domain=[-0.08, 1.08], nice=False),
                title="ticks detected",
                axis=alt.Axis(values=[0, 0.5, 1]),
            ),
            color=alt.Color(
                "expected:N",
                scale=alt.Scale(domain=names, range=list(COLORS.values())),
                legend=alt.Legend(title=None, orient="top", symbolOpacity=1),
            ),
            shape=alt.Shape("expected:N", scale=alt.Scale(domain=names, range=list(SHAPES.values()))),
        ),
    ).properties(width=160, height=120)
    order = list(dict.fromkeys(row["method"] for row in rows))
    return cast("altair.Chart", layered.facet(facet=alt.Facet("method:N", title=None, sort=order), columns=4))


def false_alarm_plot(rates: Mapping[str, Mapping[str, Any]]) -> "altair.Chart":
    """The share of ticks with a false alarm of each method, with its interval."""
    import altair as alt

    values = [
        {
            "method": name,
            "rate": rate["rate"],
            "low": rate["interval"][0],
            "high": rate["interval"][1],
            "said": f"{rate['rate']:.1%}",
        }
        for name, rate in rates.items()
    ]
    data = alt.Chart(alt.Data(values=values)).encode(
        y=alt.Y("method:N", sort=list(rates), title=None, axis=alt.Axis(labelLimit=200))
    )
    scale = alt.Scale(domain=[0, 1.15 * max(value["high"] for value in values)], nice=False)
    shares = alt.Axis(format="%", tickCount=5)
    layers = [
        data.mark_rule(strokeWidth=2, color=COLORS["behaviour_changed"]).encode(
            x=alt.X("low:Q", scale=scale, axis=shares, title="ticks with a false alarm, with the 95 % interval"),
            x2="high:Q",
        ),
        data.mark_point(filled=True, size=70, opacity=1, color=COLORS["behaviour_changed"]).encode(
            x=alt.X("rate:Q", scale=scale)
        ),
        data.mark_text(align="left", dx=8, fontSize=11, color=LINE).encode(
            x=alt.X("high:Q", scale=scale), text="said:N"
        ),
    ]
    return cast("altair.Chart", alt.layer(*layers).properties(width=400, height=24 * len(values)))
