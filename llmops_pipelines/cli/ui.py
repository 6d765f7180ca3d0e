"""Command ui: the Dagster UI."""

import os
import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from llmops_pipelines.cli.application import app, err, explained, out, tell


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
                for ready in (partial(download_models, corpus, tell), partial(register_keys, corpus, instance, lake)):
                    try:
                        ready()
                    except ModelError as error:  # the UI is where people see what to mend
                        err.print(f"[yellow]corpus {corpus.name}:[/] {error}", soft_wrap=True)
    out.print(f"UI: http://127.0.0.1:{port}  (state in {home}; end with Ctrl-C)", soft_wrap=True)
    os.chdir(project.ROOT)
    dg_command = Path(sys.executable).parent / "dg"
    os.execv(dg_command, [str(dg_command), "dev", "--host", "127.0.0.1", "--port", str(port)])
