"""The llmops command: the first run, and what has no button in the UI."""

# The commands add themselves.
from llmops_pipelines.cli import models, probes, questions, releases, report, runs, serving, ui
from llmops_pipelines.cli.application import app

__all__ = ["app", "models", "probes", "questions", "releases", "report", "runs", "serving", "ui"]
