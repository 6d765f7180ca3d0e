"""What the commands of llmops share: the application, its options, and how errors and results are printed."""

import getpass
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Protocol

import typer
from rich.console import Console

app = typer.Typer(
    name="llmops",
    help="The LLM lifecycle as Dagster assets: run a corpus, search it, see what is released.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
out = Console()
err = Console(stderr=True)

CorpusArgument = Annotated[str | None, typer.Argument(help="Name of a corpus; python_docs where none is given.")]
MODEL_HELP = "Name of a configured embedding model, or the partition key of any."
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]


@contextmanager
def explained() -> Iterator[None]:
    """Errors that say what to do are printed without a traceback; the command ends with status 1."""
    from llmops_pipelines.drift.probes import ProbeError
    from llmops_pipelines.drift.upstream import UpstreamError
    from llmops_pipelines.embedding.model_folder import ModelError
    from llmops_pipelines.evaluation.questions import QuestionError
    from llmops_pipelines.index.search import SearchError
    from llmops_pipelines.project import ProjectError
    from llmops_pipelines.quality.suites import SuiteError
    from llmops_pipelines.release.manifest import ReleaseError
    from llmops_pipelines.storage import LakeError

    said = (
        *(ModelError, QuestionError, SearchError, ProjectError, ReleaseError, LakeError, SuiteError),
        *(ProbeError, UpstreamError),
    )
    try:
        yield
    except said as error:
        err.print(f"[bold red]error:[/] {error}", highlight=False, soft_wrap=True)
        raise typer.Exit(1) from None


def tell(line: str) -> None:
    """Print a line of progress."""
    err.print(line, highlight=False, soft_wrap=True, markup=False)


class Outcome(Protocol):
    """What a command did, for people and as JSON."""

    failures: list[str]

    def as_dict(self) -> dict[str, Any]: ...

    def show(self, console: Console) -> None: ...


def finish(outcome: Outcome, as_json: bool) -> None:
    """Print the outcome; the command ends with status 1 where something failed."""
    if as_json:
        print(json.dumps(outcome.as_dict()))
    else:
        outcome.show(out)
    if outcome.failures:
        raise typer.Exit(1)


def requested_by(command: str) -> str:
    """Who asked, for a row that is kept: the command, and the user of this machine."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in a container
        user = f"user {os.getuid()}"
    return f"llmops {command}, {user}"
