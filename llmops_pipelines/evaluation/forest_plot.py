"""The plot of a decision: every test's difference with its interval, beside the margin and 0."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from llmops_pipelines.evaluation.decision import GateTest
from llmops_pipelines.evaluation.plots import LINE, WIDTH
from llmops_pipelines.evaluation.wording import VERDICTS

if TYPE_CHECKING:
    import altair

BAND = "#DDDDDD"


def forest_plot(tests: Sequence[GateTest]) -> "altair.Chart":
    """The difference of every test with its interval, the loss within the margin as a grey band, and a line at 0.

    The thin line is the interval whatever the unmeasured questions are; the thick one is that of the measured ones.
    """
    import altair as alt

    least, most = _reach(tests)

    def within(end: float) -> float:
        return min(max(end, least), most)

    rows = [
        {
            "test": test.name if test.role == "slice" else f"{test.name} ({test.role})",
            "mean": within(test.judgement.estimate.mean),
            "low": within(test.judgement.low),
            "high": within(test.judgement.high),
            "inner_low": within(test.judgement.estimate.low),
            "inner_high": within(test.judgement.estimate.high),
            "margin": within(-test.judgement.margin),
            "zero": 0.0,
            "verdict": VERDICTS[test.verdict].words,
            "said": f"{test.judgement.estimate.signed}  {VERDICTS[test.verdict].words}",
        }
        for test in tests
    ]
    scale = alt.Scale(domain=[least, most], nice=False)
    cut = [
        {"test": row["test"], "end": end, "verdict": row["verdict"], "arrow": "◂" if end < 0 else "▸"}
        for row in rows
        for end in (least, most)
        if end in (row["low"], row["inner_low"], row["high"], row["inner_high"])
    ]
    used = [wording for wording in VERDICTS.values() if any(row["verdict"] == wording.words for row in rows)]
    names = [wording.words for wording in used]
    data = alt.Chart(alt.Data(values=rows)).encode(
        y=alt.Y("test:N", sort=[row["test"] for row in rows], title=None, axis=alt.Axis(labelLimit=240))
    )
    x = alt.X(
        "low:Q",
        scale=scale,
        title="difference: candidate less production (right of 0 is better)",
        axis=alt.Axis(tickCount=6),
    )
    color = alt.Color("verdict:N", scale=alt.Scale(domain=names, range=[w.color for w in used]), legend=None)
    shape = alt.Shape("verdict:N", scale=alt.Scale(domain=names, range=[w.shape for w in used]), legend=None)
    layers = [
        data.mark_bar(size=22, color=BAND).encode(x=alt.X("margin:Q", scale=scale), x2="zero:Q"),
        data.mark_tick(size=22, thickness=1.5, color=LINE).encode(x=alt.X("margin:Q", scale=scale)),
        data.mark_rule(color=LINE, strokeWidth=1.5).encode(x=alt.X("zero:Q", scale=scale)),
        data.mark_rule(strokeWidth=1.5).encode(x=x, x2="high:Q", color=color),
        data.mark_rule(strokeWidth=4).encode(x=alt.X("inner_low:Q", scale=scale), x2="inner_high:Q", color=color),
        data.mark_point(filled=True, size=130, opacity=1).encode(
            x=alt.X("mean:Q", scale=scale), color=color, shape=shape
        ),
        data.mark_text(align="left", fontSize=12).encode(x=alt.value(WIDTH + 12), text="said:N"),
        data.mark_text(fontSize=18)
        .encode(x=alt.X("end:Q", scale=scale), text="arrow:N", color=color)
        .properties(data=alt.Data(values=cut)),
    ]
    return cast("altair.Chart", alt.layer(*layers).properties(width=WIDTH, height=34 * len(rows)))


def _reach(tests: Sequence[GateTest]) -> tuple[float, float]:
    """From where to where a forest plot goes: a slice of few questions, with an interval of nearly all, is cut."""
    ends = [[t.judgement.low, t.judgement.high, t.judgement.estimate.low, t.judgement.estimate.high] for t in tests]
    core = [end for test, its in zip(tests, ends, strict=True) if test.role != "slice" for end in its]
    margins = [test.judgement.margin for test in tests]
    most = 4 * max(0.02, *margins, *map(abs, core))
    least, greatest = (
        pick([0.0, *map(float.__neg__, margins), *(e for its in ends for e in its)]) for pick in (min, max)
    )
    room = 0.04 * max(min(greatest, most) - max(least, -most), 0.02)
    return max(-1.0, max(least, -most) - room), min(1.0, min(greatest, most) + room)
