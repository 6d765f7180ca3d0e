"""Commands about upstream models: models, and models observe and accept."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from llmops_pipelines.cli.application import JsonOption, app, err, explained, out, requested_by

if TYPE_CHECKING:
    from llmops_pipelines.drift.drawn import Progress
    from llmops_pipelines.orchestration.upstream.model import UpstreamModel

models_app = typer.Typer(
    help="Upstream models: what they are, when they were looked at, what was found, and what depends on them.",
    invoke_without_command=True,
    rich_markup_mode="markdown",
)
app.add_typer(models_app, name="models")

NameArgument = Annotated[str, typer.Argument(help="Name of an upstream model, as `llmops models` shows.")]


@models_app.callback()
def models(context: typer.Context, as_json: JsonOption = False) -> None:
    """Show the upstream models: identity, last observation, verdict, and what depends on them."""
    if context.invoked_subcommand:
        return
    with explained():
        from llmops_pipelines import project
        from llmops_pipelines.upstream_status import statuses

        found = statuses(project.upstreams(), project.corpora(), project.lake().open())
    if as_json:
        print(json.dumps([vars(one) for one in found]))
        return
    shown = Table("model", "role", "identity", "looked at", "verdict", "state", "depends on it")
    for one in found:
        style = "" if one.state == "as accepted" else "yellow"
        columns = (escape(one.identity), one.observed, one.verdict, one.state, ", ".join(one.dependents))
        shown.add_row(one.name, one.role, *columns, style=style)
    out.print(shown)
    for one in found:
        for line in one.remarks:
            out.print(f"{one.name}: {line}", highlight=False, soft_wrap=True, markup=False)
    if not found:
        out.print(
            "no upstream model is declared: `dg scaffold defs llmops_pipelines.components.UpstreamModel upstream/NAME`"
        )


@models_app.command()
def observe(
    name: NameArgument,
    tier: Annotated[
        list[str] | None, typer.Option(help="vectors; or tokens, graded, texts. All of them otherwise.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Ask a model its probes and compare the answers with what was accepted. Ends with status 1 where it has changed."""
    with explained():
        from llmops_pipelines import project
        from llmops_pipelines.drift.blocking import settle

        model = declared(name)
        upstream = model.upstream(project.lake().open())
        tiers = model.tiers(tier or ())
        with _counted(name, as_json) as progress:
            found = upstream.observe(tiers, requested_by("models observe"), progress)
        blocked = settle(upstream)
    if as_json:
        families = [vars(family) for family in found.families]
        verdict = {"verdict": str(found.verdict), "reason": found.reason, "change": found.episode, "gone": found.gone}
        print(json.dumps({**verdict, "families": families, "blocked": blocked, **vars(found.spent)}))
    else:
        out.print(f"{found.verdict}: {found.reason}", markup=False, highlight=False, soft_wrap=True)
        for family in found.families:
            out.print(f"  {family}", markup=False, highlight=False, soft_wrap=True)
        out.print(spent(found.spent.calls, found.spent.tokens, found.spent.usd), style="dim", highlight=False)
        if blocked:
            out.print(f"search by its vectors is blocked: {blocked}", style="red", soft_wrap=True)
    if found.changed:
        raise typer.Exit(1)


@models_app.command()
def accept(
    name: NameArgument,
    reason: Annotated[str, typer.Option(help="Why, for the history.")] = "accepted from the command line",
    as_json: JsonOption = False,
) -> None:
    """Take a model as it is and answers now: the reference of all later observations. No evaluation is asked for."""
    with explained():
        import dagster as dg

        from llmops_pipelines import project
        from llmops_pipelines.drift.blocking import settle
        from llmops_pipelines.orchestration.upstream.jobs import accepted

        model = declared(name)
        upstream = model.upstream(project.lake().open())
        cost = upstream.probe.cost(model.settings.tiers, True)
        if not as_json:
            out.print(f"before: {spent(cost.calls, cost.tokens, cost.usd, 'at most ')}", highlight=False)
        with _counted(name, as_json) as progress:
            made = upstream.accept(model.settings.tiers, requested_by("models accept"), reason, progress)
        settle(upstream)
        project.dagster_home()
        with dg.DagsterInstance.get() as instance:
            instance.report_runless_asset_event(accepted(model, made))
    if as_json:
        print(json.dumps({"accepted": made.reference_id, "identity": str(made.identity), "usd": made.usd}))
        return
    out.print(
        f"{made.reference_id}: {name} is accepted as {made.identity}", markup=False, highlight=False, soft_wrap=True
    )
    out.print(f"spent: {spent(made.calls, made.tokens, made.usd)}", highlight=False)


def declared(name: str) -> "UpstreamModel":
    """The upstream model `name` of the project. Raises ProjectError where there is none."""
    from llmops_pipelines import project

    found = project.upstreams()
    if name not in found:
        known = ", ".join(sorted(found)) or "none; add one with `dg scaffold defs`"
        raise project.ProjectError(f"there is no upstream model {name!r}; there are: {known}")
    return found[name]


def spent(calls: int, tokens: int, usd: float, bound: str = "") -> str:
    """What calls cost, in words; `bound` is said before what may be less."""
    return f"{calls:,} calls, {bound}{tokens:,} tokens, {bound}{usd:.4f} US dollars"


@contextmanager
def _counted(name: str, as_json: bool) -> "Iterator[Progress]":
    """How far the calls are, where there is a terminal to show it."""
    from rich.progress import Progress as Bars

    if as_json or not err.is_terminal:
        yield lambda done, total: None
        return
    with Bars(console=err) as bars:
        task = bars.add_task(f"asking {name}", total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)
