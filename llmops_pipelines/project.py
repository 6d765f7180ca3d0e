"""This deployment, for the command line: its corpora, its lake and its Dagster instance. Loads what the UI would load."""

import os
import shutil
from pathlib import Path
from typing import TypeVar

import dagster as dg

import assets
from llmops_pipelines.components.corpus_lifecycle import CorpusLifecycle
from llmops_pipelines.components.upstream_model import UpstreamModel
from llmops_pipelines.orchestration.corpus import Corpus
from llmops_pipelines.orchestration.upstream.model import UpstreamModel as Declared
from llmops_pipelines.resources.lake import LakeResource
from llmops_pipelines.storage.home import state_folder
from resources import bindings

Component = TypeVar("Component", bound=dg.Component)

assert assets.__file__ is not None
ROOT = Path(assets.__file__).resolve().parent.parent


class ProjectError(RuntimeError):
    """Something that was asked for is not in this deployment. The message names what is."""


def corpora() -> dict[str, Corpus]:
    """The corpora that `assets/` declares, by name. Raises ProjectError where one of them cannot be loaded."""
    return {component.corpus.name: component.corpus for component in _components(CorpusLifecycle)}


def upstreams() -> dict[str, Declared]:
    """The upstream models that `assets/` declares, by name. Raises ProjectError as `corpora` does."""
    return {component.model.name: component.model for component in _components(UpstreamModel)}


def _components(kind: type[Component]) -> list[Component]:
    tree = dg.ComponentTree.for_project(ROOT)
    try:
        return tree.get_all_components(of_type=kind)
    except Exception as error:
        raise ProjectError(
            f"{ROOT / 'assets'} cannot be loaded: {error.__cause__ or error}\n"
            "`dg check yaml assets/<folder>` shows the line and what would be right"
        ) from error


def corpus(name: str | None) -> Corpus:
    """The corpus called `name`; where no name is given, `python_docs` or the only one there is."""
    found = corpora()
    chosen = name or ("python_docs" if "python_docs" in found else next(iter(found), ""))
    if chosen not in found:
        known = ", ".join(sorted(found)) or "none; add one with `dg scaffold defs`"
        raise ProjectError(f"there is no corpus {chosen!r} under {ROOT / 'assets'}; the corpora are: {known}")
    return found[chosen]


def lake() -> LakeResource:
    """The lake of the environment that LLMOPS_ENV names. Raises ProjectError where a variable that it needs is not set."""
    resource = (bindings().resources or {})["lake"]
    assert isinstance(resource, LakeResource)
    try:
        return resource.process_config_and_initialize()
    except dg.DagsterInvalidConfigError as error:
        raise ProjectError("the lake is not configured: set LLMOPS_LAKE to its folder or URI") from error


def dagster_home() -> Path:
    """The folder of the Dagster instance, made ready: DAGSTER_HOME, or `.dagster_home` in the state folder.

    It gets the project's dagster.yaml, or the one for PostgreSQL where DAGSTER_POSTGRES_HOST is set. A dagster.yaml in a
    DAGSTER_HOME of your own is left alone.
    """
    own = os.environ.get("DAGSTER_HOME")
    home = Path(own).resolve() if own else state_folder() / ".dagster_home"
    home.mkdir(parents=True, exist_ok=True)
    if not own or not (home / "dagster.yaml").exists():
        postgres = os.environ.get("DAGSTER_POSTGRES_HOST")
        shutil.copyfile(ROOT / "deploy" / "dagster.yaml" if postgres else ROOT / "dagster.yaml", home / "dagster.yaml")
    os.environ["DAGSTER_HOME"] = str(home)
    return home
