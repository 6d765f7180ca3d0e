"""Which partition keys a corpus has, and which one its nightly run takes."""

import dagster as dg

from llmops_pipelines.orchestration.corpus import Corpus
from llmops_pipelines.release.releases import Releases
from llmops_pipelines.storage.lake import Lake


def missing_keys(corpus: Corpus, instance: dg.DagsterInstance) -> list[str]:
    """The keys of configured models that are not registered yet."""
    name = corpus.embedding_model.name
    assert name is not None
    present = set(instance.get_dynamic_partitions(name))
    return [key for key in corpus.model_keys() if key not in present]


def register_keys(corpus: Corpus, instance: dg.DagsterInstance) -> list[str]:
    """Register the keys of configured models; returns those that were new."""
    missing = missing_keys(corpus, instance)
    name = corpus.embedding_model.name
    assert name is not None
    if missing:
        instance.add_dynamic_partitions(name, missing)
    return missing


def production_key(corpus: Corpus, lake: Lake) -> str:
    """The key of the release in force where its model is still configured; the base model's before the first release."""
    keys = corpus.model_keys()
    current = Releases(lake, corpus.name).in_force()
    return current.manifest.model_key if current and current.manifest.model_key in keys else keys[0]
