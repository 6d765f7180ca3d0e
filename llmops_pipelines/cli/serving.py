"""Commands that read what is released: search, evaluate, status."""

import json
from typing import Annotated, Any

import typer
from rich.table import Table

from llmops_pipelines.cli.application import MODEL_HELP, CorpusArgument, JsonOption, app, err, explained, out


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
        from llmops_pipelines import release as releases

        if kind not in ("hybrid", "dense", "full_text"):
            raise project.ProjectError(f"there is no kind of search {kind!r}: choose hybrid, dense or full_text")
        with releases.open(project.corpus(corpus).name, project.lake().open()).held() as held:
            hits = held.search(question, kind, limit, where)
        release = held.release
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
    model: Annotated[str | None, typer.Option(help=f"{MODEL_HELP} Compared with the released one.")] = None,
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
        asked = chosen.key_of(model) if model else key
        if asked != key:
            other = serving.model_searcher(chosen, lake, asked)
            other_rows = serving.evaluate_part(chosen, lake, asked, other, part, released=False)
            if serving.same_corpus(searcher, other):
                comparisons = compare(rows, other_rows)
            else:
                err.print(
                    f"{asked} and {key} are indexed on different versions of the corpus: they are not compared",
                    soft_wrap=True,
                )
            key, rows = asked, other_rows
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
