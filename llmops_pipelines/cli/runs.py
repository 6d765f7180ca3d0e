"""Commands that run assets: run, plan, reembed, repair."""

import json
from typing import Annotated

import typer

from llmops_pipelines.cli.application import (
    MODEL_HELP,
    CorpusArgument,
    JsonOption,
    app,
    err,
    explained,
    finish,
    out,
    tell,
)


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
        download_models(chosen, tell)
        summary = run_life(chosen, None if as_json else err)
    finish(summary, as_json)


@app.command()
def plan(
    corpus: CorpusArgument = None,
    model: Annotated[str | None, typer.Option(help=MODEL_HELP)] = None,
    as_json: JsonOption = False,
) -> None:
    """Show what a run would embed, why, and what it would cost. Changes nothing.

    Source, cleaning and chunking are run on a copy, so that a changed document, chunker or model is in the plan. Without
    `--model` the plans are those of the models that `llmops run` embeds.
    """
    with explained():
        from llmops_pipelines import project
        from llmops_pipelines.dry_run import dry_run
        from llmops_pipelines.orchestration.life import life_runs

        chosen, lake = project.corpus(corpus), project.lake().open()
        keys = [chosen.key_of(model)] if model else [run.key for run in life_runs(chosen, lake)]
        for key in keys:
            chosen.model(key, lake)
        found = dry_run(chosen, lake, keys, None if as_json else err)
    finish(found, as_json)


@app.command()
def reembed(
    corpus: CorpusArgument = None,
    *,
    model: Annotated[str, typer.Option(help=MODEL_HELP)],
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
        download_models(chosen, tell)
        summary = run_candidate(chosen, chosen.key_of(model), None if as_json else err)
    finish(summary, as_json)


@app.command()
def repair(
    corpus: CorpusArgument = None,
    model: Annotated[str | None, typer.Option(help=f"{MODEL_HELP} The one in production where none is given.")] = None,
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
        found = find_damage(chosen, project.lake().open(), chosen.key_of(model) if model else None)
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
