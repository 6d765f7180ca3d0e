"""The llmops command: the first run, and what has no button in the UI."""

from llmops_pipelines.cli import models, questions, releases, report, runs, serving, ui  # the commands add themselves
from llmops_pipelines.cli.application import app

__all__ = ["app", "models", "questions", "releases", "report", "runs", "serving", "ui"]
