"""The llmops command: the first run, and what has no button in the UI."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

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
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]


@contextmanager
def explained() -> Iterator[None]:
    """Errors that say what to do are printed without a traceback; the command ends with status 1."""
    from llmops_pipelines.embedding.model_folder import ModelError
    from llmops_pipelines.evaluation.questions import QuestionError
    from llmops_pipelines.index.search import SearchError
    from llmops_pipelines.project import ProjectError
    from llmops_pipelines.release.releases import ReleaseError
    from llmops_pipelines.storage import LakeError

    try:
        yield
    except (ModelError, QuestionError, SearchError, ProjectError, ReleaseError, LakeError) as error:
        err.print(f"[bold red]error:[/] {error}", highlight=False, soft_wrap=True)
        raise typer.Exit(1) from None


def _tell(line: str) -> None:
    err.print(line, highlight=False, soft_wrap=True, markup=False)


@app.command()
def run(corpus: CorpusArgument = None, as_json: JsonOption = False) -> None:
    """Bring a corpus up to date, from source to release, in this process.

    Only what changed is done again: a second run embeds nothing.
    """
    with explained():
        from llmops_pipelines import project
        from llmops_pipelines.local_run import run_life
        from llmops_pipelines.orchestration.partitions import download_models

        chosen = project.corpus(corpus)
        download_models(chosen, _tell)
        summary = run_life(chosen, None if as_json else err)
    if as_json:
        print(json.dumps(summary.as_dict()))
    else:
        summary.show(out)
    if summary.failures:
        raise typer.Exit(1)


@app.command()
def ui(
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1.")] = 3000,
) -> None:
    """Open the Dagster UI on 127.0.0.1, with its daemon, for schedules and sensors.

    State is kept under `.dagster_home`, or in PostgreSQL where DAGSTER_POSTGRES_HOST is set.
    """
    with explained():
        import dagster as dg

        from llmops_pipelines import project
        from llmops_pipelines.embedding.model_folder import ModelError
        from llmops_pipelines.orchestration.partitions import download_models, register_keys

        home = project.dagster_home()
        lake = project.lake().open()
        with dg.DagsterInstance.get() as instance:
            for corpus in project.corpora().values():
                for ready in (partial(download_models, corpus, _tell), partial(register_keys, corpus, instance, lake)):
                    try:
                        ready()
                    except ModelError as error:  # the UI is where people see what to mend
                        err.print(f"[yellow]corpus {corpus.name}:[/] {error}", soft_wrap=True)
    out.print(f"UI: http://127.0.0.1:{port}  (state in {home}; end with Ctrl-C)", soft_wrap=True)
    os.chdir(project.ROOT)
    dg_command = Path(sys.executable).parent / "dg"
    os.execv(dg_command, [str(dg_command), "dev", "--host", "127.0.0.1", "--port", str(port)])


ModelOption = Annotated[str | None, typer.Option("--model", help="Partition key of an embedding model.")]


@app.command()
def plan(corpus: CorpusArgument = None, model: ModelOption = None, as_json: JsonOption = False) -> None:
    """Show what a run would embed, why, and what it would cost. Changes nothing.

    Source, cleaning and chunking are run on a copy, so that a changed document, chunker or model is in the plan. Without
    `--model` the plans are those of the models that `llmops run` embeds.
    """
    with explained():
        from llmops_pipelines import project
        from llmops_pipelines.dry_run import dry_run
        from llmops_pipelines.orchestration.life import life_runs

        chosen, lake = project.corpus(corpus), project.lake().open()
        keys = [model] if model else [run.key for run in life_runs(chosen, lake)]
        for key in keys:
            chosen.model(key, lake)
        found = dry_run(chosen, lake, keys, None if as_json else err)
    if as_json:
        print(json.dumps(found.as_dict()))
    else:
        found.show(out)
    if found.failures:
        raise typer.Exit(1)


@app.command()
def reembed(
    corpus: CorpusArgument = None,
    *,
    model: Annotated[str, typer.Option("--model", help="Partition key of the model, as `llmops ui` shows it.")],
    as_json: JsonOption = False,
) -> None:
    """Embed, index and evaluate a corpus under a model, beside the live index. Releases nothing.

    Vectors that are there are used again; a run that was killed goes on where it was.
    """
    with explained():
        from llmops_pipelines import project
        from llmops_pipelines.local_run import run_candidate
        from llmops_pipelines.orchestration.partitions import download_models

        chosen = project.corpus(corpus)
        download_models(chosen, _tell)
        summary = run_candidate(chosen, model, None if as_json else err)
    if as_json:
        print(json.dumps(summary.as_dict()))
    else:
        summary.show(out)
    if summary.failures:
        raise typer.Exit(1)


@app.command()
def search(
    corpus: Annotated[str, typer.Argument(help="Name of a corpus.")],
    question: Annotated[str, typer.Argument(help="What to look for.")],
    kind: Annotated[str, typer.Option(help="hybrid, dense or full_text.")] = "hybrid",
    limit: Annotated[int, typer.Option(min=1, max=300, help="How many passages.")] = 5,
    where: Annotated[str | None, typer.Option(help="SQL filter, for instance \"collection = 'pandas'\".")] = None,
    as_json: JsonOption = False,
) -> None:
    """Search the released index of a corpus."""
    with explained():
        from llmops_pipelines import project
        from llmops_pipelines.orchestration.serving import released_searcher

        if kind not in ("hybrid", "dense", "full_text"):
            raise project.ProjectError(f"there is no kind of search {kind!r}: choose hybrid, dense or full_text")
        release, searcher = released_searcher(project.corpus(corpus), project.lake().open())
        hits = searcher.search(question, kind, limit, where)
    if as_json:
        print(json.dumps({"release": release.release_id, "hits": [vars(hit) for hit in hits]}))
        return
    out.print(f"[dim]{release.release_id}, {release.manifest.model_key}, {kind} search[/]", highlight=False)
    for rank, hit in enumerate(hits, start=1):
        where_from = "" if hit.collection == "." else f"{hit.collection}, "
        out.print(f"\n[bold]{rank}. {hit.title}[/]  [dim]{where_from}{hit.score:.3f}[/]", highlight=False)
        out.print(hit.text.strip(), markup=False, highlight=False)
    if not hits:
        out.print("nothing was found")


@app.command()
def evaluate(
    corpus: CorpusArgument = None,
    test: Annotated[
        bool, typer.Option("--test", help="Look at the test part: for figures that are published.")
    ] = False,
    model: Annotated[
        str | None, typer.Option(help="Key of another model than the released one; compared with the released one.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Evaluate the released index on the dev questions, or the test questions, and print the figures."""
    with explained():
        from llmops_pipelines import project
        from llmops_pipelines.evaluation.compare import compare
        from llmops_pipelines.evaluation.figures import figures
        from llmops_pipelines.orchestration import serving

        chosen, lake, part = project.corpus(corpus), project.lake().open(), "test" if test else "dev"
        release, searcher = serving.released_searcher(chosen, lake)
        key = release.manifest.model_key
        rows = serving.evaluate_part(chosen, lake, key, searcher, part)
        comparisons = []
        if model is not None and model != key:
            other = serving.model_searcher(chosen, lake, model)
            other_rows = serving.evaluate_part(chosen, lake, model, other, part)
            if serving.same_corpus(searcher, other):
                comparisons = compare(rows, other_rows)
            else:
                err.print(
                    f"{model} and {key} are indexed on different versions of the corpus: they are not compared",
                    soft_wrap=True,
                )
            key, rows = model, other_rows
        found = figures(rows)
    if as_json:
        differences = [comparison.as_dict() for comparison in comparisons]
        sets = [figures.as_dict() for figures in found]
        print(json.dumps({"release": release.release_id, "model": key, "sets": sets, "differences": differences}))
        return
    from llmops_pipelines.evaluation.plots import label

    out.print(f"[dim]{key}[/]", highlight=False)
    for figures in found:
        columns = list(next(iter(figures.estimates.values())))
        shown = Table("system", *columns, "unjudged@10", title=label(figures), title_justify="left")
        for system, estimates in figures.estimates.items():
            shown.add_row(system, *(str(e) for e in estimates.values()), f"{figures.unjudged_at_10[system]:.0%}")
        out.print(shown)
        out.print(
            f"{figures.questions} questions, {figures.unmeasured} unmeasured, {figures.headline.clusters} clusters; "
            f"{figures.overlap:.0%} of a question's words occur in its answer\n"
        )
    for comparison in comparisons:
        title = f"{label(comparison)}: difference to {release.manifest.model_key}, which is released"
        columns = list(next(iter(comparison.differences.values()), {}))
        shown = Table("system", *columns, "better, worse, equal", title=title, title_justify="left")
        for system, differences in comparison.differences.items():
            flips = ", ".join(map(str, comparison.flips(system)))
            shown.add_row(system, *(difference.change.signed for difference in differences.values()), flips)
        out.print(shown)


@app.command()
def status(as_json: JsonOption = False) -> None:
    """Show what is released and published of every corpus."""
    with explained():
        from llmops_pipelines import project
        from llmops_pipelines.orchestration.serving import corpus_status

        lake = project.lake().open()
        states: list[dict[str, Any]] = [corpus_status(corpus, lake) for corpus in project.corpora().values()]
    if as_json:
        print(json.dumps({"lake": lake.uri, "corpora": states}))
        return
    out.print(f"lake: {lake.uri}", highlight=False, soft_wrap=True)
    for state in states:
        shown = Table(
            "table", "version", "rows", "identity", title=f"{state['corpus']}: {state['release']}", title_justify="left"
        )
        for table in state["tables"]:
            shown.add_row(table["table"], str(table["version"]), f"{table['rows']:,}", table["data_version"][:12])
        out.print(shown)
        if not state["tables"]:
            out.print(f"nothing is published yet: `llmops run {state['corpus']}`")


@app.command()
def repair(
    corpus: CorpusArgument = None,
    model: Annotated[
        str | None, typer.Option(help="Key of a model; the one in production where none is given.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Name what is wrong and leave it.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Find and mend what is wrong with the embeddings and the index of a model.

    Every row of what is published and released is compared with the chunks it was made from. What is missing, orphaned,
    stale, repeated or not finite is named, made again by a run of the job `<corpus>_repair`, and released again.
    """
    with explained():
        from llmops_pipelines import project
        from llmops_pipelines.local_repair import find_damage

        chosen = project.corpus(corpus)
        found = find_damage(chosen, project.lake().open(), model)
        if not as_json:
            found.show(out)
        if found.diagnosis.damaged and not dry_run:
            found.mend(None if as_json else err)
            if not as_json:
                found.show_outcome(out)
    if as_json:
        print(json.dumps(found.as_dict()))
    if not found.sound:
        raise typer.Exit(1)


if __name__ == "__main__":
    app()
