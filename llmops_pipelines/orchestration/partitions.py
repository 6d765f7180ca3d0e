"""Which partition keys a corpus has, and which one its nightly run takes."""

from typing import TYPE_CHECKING

import dagster as dg

from llmops_pipelines.embedding.configured import UsableModels
from llmops_pipelines.embedding.hub import Tell
from llmops_pipelines.embedding.model_folder import ModelError
from llmops_pipelines.release.ledger import Ledger
from llmops_pipelines.storage.lake import Lake

if TYPE_CHECKING:
    from llmops_pipelines.orchestration.corpus import Corpus


def download_models(corpus: "Corpus", tell: Tell) -> None:
    """Download the configured models of a hub that the local cache lacks. `tell` gets a line for each, and what is wrong.

    Raises ModelError where the base model cannot be used: without it nothing of the corpus runs.
    """
    problems = corpus.usable_models(tell).problems
    for position, problem in problems.items():
        if position:
            tell(str(problem))
    if 0 in problems:
        raise problems[0]


def standing_keys(corpus: "Corpus", lake: Lake, models: UsableModels) -> list[str]:
    """The keys of configured `models`, of the model of the last training, and of tuned ones that releases name.

    Raises ModelError where a configured and a tuned model that differ have one key.
    """
    named = {release.manifest.model_key for release in Ledger(lake, corpus.name).history()}
    training = lake.published(corpus.table("fine_tuned_model"))
    named |= {training.summary["model_key"]} if training else set()
    entries = corpus.registry(lake).entries()
    for entry in entries:
        configured = models.by_key.get(entry.key)
        if configured is not None and configured.fingerprint != entry.fingerprint:
            raise ModelError(
                f"the configured model in {configured.where} and a tuned one have the key {entry.key}: "
                "give the configured one another name"
            )
    return list(dict.fromkeys([*models.by_key, *(entry.key for entry in entries if entry.key in named)]))


def unregistered(corpus: "Corpus", instance: dg.DagsterInstance, lake: Lake, models: UsableModels) -> list[str]:
    """Those `standing_keys` that are not registered yet."""
    present = set(instance.get_dynamic_partitions(_partitions_name(corpus)))
    return [key for key in standing_keys(corpus, lake, models) if key not in present]


def register_keys(corpus: "Corpus", instance: dg.DagsterInstance, lake: Lake, tuned: str | None = None) -> list[str]:
    """Register the `standing_keys`, and that of a model `tuned` just now; returns those that were new."""
    missing = unregistered(corpus, instance, lake, corpus.usable_models())
    if tuned is not None and not instance.has_dynamic_partition(_partitions_name(corpus), tuned):
        missing.append(tuned)
    if missing:
        instance.add_dynamic_partitions(_partitions_name(corpus), missing)
    return missing


def production_key(corpus: "Corpus", lake: Lake) -> str:
    """The key of the release in force where there still is such a model; the base model's otherwise.

    Raises ModelError where the model of either cannot be used.
    """
    base = corpus.model_keys()[0]
    models = corpus.usable_models()
    current = Ledger(lake, corpus.name).in_force()
    released = current.manifest.model_key if current else base
    if released in standing_keys(corpus, lake, models):
        return released
    for position, problem in models.problems.items():
        if corpus.configured[position].name == released.rpartition("-")[0]:
            raise problem  # rather than run another model than the one that serves
    if _was_tuned(corpus, lake, released):
        raise ModelError(
            f"the tuned model {released} is in production and no longer in {corpus.registry(lake).uri}: restore its folder, "
            f"or go back to an earlier release by the job {corpus.name}_rollback"
        )
    return base


def _was_tuned(corpus: "Corpus", lake: Lake, key: str) -> bool:
    trainings = lake.published(corpus.table("fine_tuned_model"))
    return trainings is not None and key in trainings.arrow(["model_key"])["model_key"].to_pylist()


def _partitions_name(corpus: "Corpus") -> str:
    name = corpus.embedding_model.name
    assert name is not None
    return name
