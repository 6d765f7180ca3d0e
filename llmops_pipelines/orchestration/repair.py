"""What is wrong with the embeddings and the index of one model, in what is published and in what is released."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from llmops_pipelines.index.damage import Damage, embedding_damage, index_damage
from llmops_pipelines.release.ledger import Ledger
from llmops_pipelines.release.manifest import Release, ReleaseError
from llmops_pipelines.storage.lake import Lake

if TYPE_CHECKING:
    from llmops_pipelines.orchestration.corpus import Corpus


@dataclass(frozen=True)
class Diagnosis:
    """What was looked at: the published embeddings, the published index, and the released one if it is another version."""

    model_key: str
    release: Release | None
    tables: list[Damage]

    @property
    def damaged(self) -> list[Damage]:
        return [table for table in self.tables if table.found]

    def as_dict(self) -> dict[str, Any]:
        return {
            "release": self.release.release_id if self.release else None,
            "tables": [table.as_dict() for table in self.tables],
        }


def diagnose(corpus: "Corpus", lake: Lake, model_key: str) -> Diagnosis:
    """Reconcile what is published and released of a model with its chunks. Raises ReleaseError where there is none."""
    fingerprint = corpus.model(model_key, lake).fingerprint
    index = lake.published(corpus.table("vector_index", model_key))
    if index is None:
        raise ReleaseError(
            f"nothing is indexed under {model_key}: run the job {corpus.name}_candidate for this key, or "
            f"`llmops run {corpus.name}`"
        )
    chunks = corpus.index_with_sources(lake, index)["chunks"]
    name = corpus.table("embeddings", model_key)
    tables = [
        embedding_damage(name, lake.published(name), chunks, fingerprint),
        index_damage(index, chunks, fingerprint, "published"),
    ]
    release = Ledger(lake, corpus.name).in_force()
    if release is not None and release.manifest.model_key != model_key:
        release = None
    if release is not None and release.manifest.index_version != index.version:
        tables.append(released_damage(corpus, lake, release))
    return Diagnosis(model_key, release, tables)


def released_damage(corpus: "Corpus", lake: Lake, release: Release) -> Damage:
    """What is wrong with the index that `release` names."""
    index = Ledger(lake, corpus.name).open_index(release)
    chunks = corpus.index_with_sources(lake, index)["chunks"]
    return index_damage(index, chunks, release.manifest.fingerprint, f"released as {release.release_id}")
