"""The page of an upstream model, in its asset's metadata: what was observed of it, against which thresholds, and what was
run because of it.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import dagster as dg

from llmops_pipelines.drift.episodes import State
from llmops_pipelines.drift.history import Observation
from llmops_pipelines.drift.upstream import Upstream
from llmops_pipelines.evaluation.plots import png
from llmops_pipelines.orchestration.metadata import image, table

if TYPE_CHECKING:
    import altair

    from llmops_pipelines.orchestration.upstream.model import UpstreamModel

# Of a run that was asked for because of a change: the upstream model, and the number of its change.
CAUSE_TAG, EPISODE_TAG = "llmops/cause", "llmops/change"
SHOWN, PLOTTED = 20, 200
COLORS = ("#0072B2", "#D55E00", "#6E6E6E", "#E69F00", "#009E73", "#CC79A7")  # Okabe and Ito, 2008
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down")


def page(model: "UpstreamModel", upstream: Upstream, instance: dg.DagsterInstance) -> dict[str, Any]:
    """The metadata of the newest observation, with the history of those before it."""
    observations, state = upstream.history.observations(), upstream.state()
    last = observations[-1]
    found: dict[str, Any] = {
        "verdict": str(last.verdict),
        "reason": last.reason,
        "identity": str(last.identity) if last.identity else "not told",
        "accepted": _accepted(state),
        "state": in_words(state),
        "calls": last.spent.calls,
        "failed": last.spent.failed,
        "tokens": last.spent.tokens,
        "usd": last.spent.usd,
        "seconds": last.spent.seconds,
        "probes": f"{model.probes.name} {model.probes.version}, {model.probes.identity[:8]}",
        "history": _history(observations[-SHOWN:]),
        "run because of it": _runs(model.name, instance),
    }
    # Numbers of their own, which Dagster plots over observations.
    found |= {f"effect: {family.name}": family.effect for family in last.families}
    if last.identity:
        found |= {f"version: {name}": said for name, said in last.identity.information.items()}
    if last.examples:
        headings = list(last.examples[0])
        found["what changed"] = table(
            headings, [[_cell(one.get(name, "")) for name in headings] for one in last.examples]
        )
    if plot := drift_plot(observations[-PLOTTED:]):
        found["plot"] = image("effects against their floors", png(plot))
    return found


def in_words(state: State) -> str:
    """Where a model stands."""
    if state.reference is None:
        return "never accepted"
    if state.episode is None:
        return "as accepted"
    changed = ", ".join(sorted(state.alarms)) or "its identity"
    return f"gone (change {state.episode})" if state.gone else f"changed: {changed} (change {state.episode})"


def drift_plot(observations: Sequence[Observation]) -> "altair.Chart | None":
    """Each family's effect over time as a share of its floor, which is the line at 1; None where nothing was measured."""
    import altair as alt

    rows = [
        {
            "at": one.at.isoformat(),
            "family": family.name,
            "share": abs(family.effect) / family.floor,
            "changed": "changed" if family.name in one.alarms else "",
        }
        for one in observations
        for family in one.families
        if family.floor
    ]
    if not rows:
        return None
    names = sorted({str(row["family"]) for row in rows})
    data = alt.Chart(alt.Data(values=rows)).encode(
        x=alt.X("at:T", title="time (UTC)", scale=alt.Scale(type="utc")),
        y=alt.Y("share:Q", title="effect, in floors"),
        color=alt.Color("family:N", scale=alt.Scale(domain=names, range=list(COLORS)), legend=alt.Legend(title=None)),
    )
    line = alt.Chart(alt.Data(values=[{"floor": 1}])).mark_rule(strokeDash=[4, 4], color="#333333").encode(y="floor:Q")
    layers = [
        line,
        data.mark_line(),
        data.mark_point(size=40, filled=True, opacity=1).encode(
            shape=alt.Shape("family:N", scale=alt.Scale(domain=names, range=list(SHAPES)), legend=None)
        ),
        data.mark_text(dy=-10, fontSize=10).encode(text="changed:N"),
    ]
    return cast("altair.Chart", alt.layer(*layers).properties(width=560, height=200))


def _accepted(state: State) -> str:
    reference = state.reference
    if reference is None:
        return "never"
    return f"{reference.reference_id}, {reference.at:%Y-%m-%d %H:%M} UTC, {reference.requested_by}: {reference.reason}"


def _history(observations: Sequence[Observation]) -> dg.MarkdownMetadataValue:
    rows = [
        [
            one.sequence,
            f"{one.at:%Y-%m-%d %H:%M}",
            ", ".join(one.tiers),
            str(one.verdict) if not one.gone else "gone",
            one.episode or "",
            _cell(one.reason),
            "; ".join(map(str, one.families)),
        ]
        for one in reversed(observations)
    ]
    return table(["#", "time (UTC)", "tiers", "verdict", "change", "reason", "tests (effect, floor, p)"], rows)


def _runs(name: str, instance: dg.DagsterInstance) -> dg.MarkdownMetadataValue:
    runs = instance.get_runs(dg.RunsFilter(tags={CAUSE_TAG: name}), limit=SHOWN)
    rows = [
        [run.tags[EPISODE_TAG], run.job_name, run.tags.get("dagster/partition", ""), run.status.value, run.run_id[:8]]
        for run in runs
    ]
    return table(["change", "job", "partition", "state", "run"], rows) if rows else dg.MetadataValue.md("nothing")


def _cell(text: str) -> str:
    """A text in a cell of a Markdown table."""
    return " ".join(text.split()).replace("|", "\\|")
