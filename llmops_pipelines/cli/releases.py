"""Commands about releases: releases, rollback, withdraw."""

import json
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from llmops_pipelines.cli.application import CorpusArgument, JsonOption, app, explained, out, requested_by

if TYPE_CHECKING:
    from llmops_pipelines.release.manifest import Release
    from llmops_pipelines.release.releases import Releases

ReleaseArgument = Annotated[
    str | None, typer.Argument(metavar="[ID]", help="Id of a release, as `llmops releases` shows.")
]


@app.command()
def releases(corpus: CorpusArgument = None, as_json: JsonOption = False) -> None:
    """Show the releases of a corpus: what is in force, what can be gone back to, and what is not valid and why."""
    with explained():
        from llmops_pipelines import project
        from llmops_pipelines.release.ledger import Ledger

        name = project.corpus(corpus).name
        ledger = Ledger(project.lake().open(), name)
        standings, complaints = ledger.standings(), ledger.complaints()
    if as_json:
        rows = [
            {
                **standing.release.row,
                "at": standing.release.at.isoformat(),
                "in_force": standing.in_force,
                "invalid": standing.invalid,
                "withdrawn_by": standing.entry.withdrawn_by.release_id if standing.entry.withdrawn_by else None,
                "nameable": standing.nameable,
            }
            for standing in standings
        ]
        print(json.dumps({"corpus": name, "releases": rows, "complaints": complaints}))
        return
    shown = Table("id", "time", "action", "model", "verdict", "state", "reason", title=name, title_justify="left")
    for standing in standings:
        release = standing.release
        style = "bold" if standing.in_force else "red" if standing.invalid else "" if standing.nameable else "dim"
        verdict = release.manifest.verdict or ("" if release.manifest.verdict_id else "none")
        columns = (f"{release.at:%Y-%m-%d %H:%M}", release.action, release.manifest.model_key, verdict)
        shown.add_row(release.release_id, *columns, standing.state, release.reason, style=style)
    out.print(shown)
    for complaint in complaints:
        out.print(complaint, style="red", highlight=False, soft_wrap=True)
    if not standings:
        out.print(f"nothing is released yet: `llmops run {name}`")


@app.command()
def rollback(
    corpus: Annotated[str, typer.Argument(help="Name of a corpus.")],
    release_id: ReleaseArgument = None,
    reason: Annotated[str, typer.Option(help="Why, for the history.")] = "rollback from the command line",
    as_json: JsonOption = False,
) -> None:
    """Put an earlier release in force again: the one before, or the one with this id. Moves no vector."""
    with explained():
        found = _releases(corpus)
        row = found.rollback(requested_by("rollback"), reason, release_id)
    _show(found, row, as_json)


@app.command()
def withdraw(
    corpus: Annotated[str, typer.Argument(help="Name of a corpus.")],
    release_id: ReleaseArgument = None,
    *,
    reason: Annotated[str, typer.Option(help="What is wrong with it.")],
    as_json: JsonOption = False,
) -> None:
    """Never serve a release again: what is in force, or the one with this id. What was valid before is in force again."""
    with explained():
        found = _releases(corpus)
        row = found.withdraw(requested_by("withdraw"), reason, release_id)
    _show(found, row, as_json)


def _releases(corpus: str) -> "Releases":
    from llmops_pipelines import project
    from llmops_pipelines.release.releases import Releases

    return Releases(project.lake().open(), project.corpus(corpus).name)


def _show(found: "Releases", row: "Release", as_json: bool) -> None:
    """What was appended, and what is in force now."""
    current = found.in_force()
    if as_json:
        print(json.dumps({"appended": row.release_id, "in_force": current.release_id if current else None}))
        return
    now = f"{current.release_id}, {current.manifest.model_key}" if current else "nothing: searches fail until a release"
    out.print(f"{row.release_id}: {row.action} ({row.reason})", highlight=False, soft_wrap=True)
    out.print(f"in force: {now}", highlight=False, soft_wrap=True)
