"""The bindings of this deployment: one file an environment, chosen by LLMOPS_ENV (`local` by default)."""

import importlib
import os

import dagster as dg

ENVIRONMENTS = ("local", "production")


def bindings() -> dg.Definitions:
    """The resources, IO manager and executor of the environment that LLMOPS_ENV names."""
    environment = os.environ.get("LLMOPS_ENV", "local")
    if environment not in ENVIRONMENTS:
        raise ValueError(f"LLMOPS_ENV is {environment!r}; the environments are {', '.join(ENVIRONMENTS)}")
    return importlib.import_module(f"resources.{environment}").definitions()
