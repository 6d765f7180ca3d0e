"""Command report: where the evaluation report of a model is, and what it says in short."""

import json
import webbrowser
from pathlib import Path
from tempfile import mkdtemp
from typing import Annotated

import typer

from llmops_pipelines.cli.application import MODEL_HELP, CorpusArgument, JsonOption, app, explained, out


@app.command()
def report(
    corpus: CorpusArgument = None,
    model: Annotated[str | None, typer.Option(help=f"{MODEL_HELP} The one in production where none is given.")] = None,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show the verdict on a model and its figures in short, and where the page with everything is.

    It is the report that was made last, by a run: nothing is measured.
    """
    with explained():
        from rich.markdown import Markdown

        from llmops_pipelines import project
        from llmops_pipelines.evaluation.figures import SetFigures
        from llmops_pipelines.evaluation.report import kept_short_form
        from llmops_pipelines.evaluation.verdicts import Verdicts
        from llmops_pipelines.orchestration.partitions import production_key
        from llmops_pipelines.storage.files import read_file

        chosen, resource = project.corpus(corpus), project.lake()
        lake = resource.open()
        key = chosen.key_of(model) if model else production_key(chosen, lake)
        page = f"{resource.reports}/{chosen.name}/{key}.html"
        evaluation, content = lake.published(chosen.table("evaluation", key)), read_file(page)
        verdict = (
            Verdicts(lake, chosen.name).of(evaluation.summary["candidate"], evaluation.summary["against"])
            if evaluation and content
            else None
        )
        if not (evaluation and content and verdict and verdict.evaluation == evaluation.data_version):
            raise project.ProjectError(
                f"there is no report on {key} as it was evaluated last: run `llmops reembed {chosen.name} --model {key}`, "
                f"or materialise {chosen.name}/evaluation_report with this key in the UI"
            )
        decision = json.loads(verdict.figures)
        short = kept_short_form(decision, [SetFigures.from_dict(raw) for raw in evaluation.summary["figures"]])
    if as_json:
        found = {
            "corpus": chosen.name,
            "model": key,
            "report": page,
            "verdict_id": verdict.verdict_id,
            "at": verdict.at.isoformat(),
            "decision": decision,
            "short_form": short,
        }
        print(json.dumps(found))
    else:
        out.print(Markdown(short))
        out.print(f"\n{page}", highlight=False, soft_wrap=True, markup=False)
    if open_page:
        webbrowser.open(_file(page, content).as_uri())


def _file(page: str, content: bytes) -> Path:
    """The page as a file of this machine: itself, or a copy of one in an object store."""
    if "://" not in page:
        return Path(page).absolute()
    copy = Path(mkdtemp(prefix="llmops-")) / page.rpartition("/")[2]
    copy.write_bytes(content)
    return copy
