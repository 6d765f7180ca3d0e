"""`python -m llmops_pipelines.cli`."""

from llmops_pipelines.cli import app

app()
