"""The manifest of an index of a corpus: what a verdict on it is about, and what a release of it would consist of."""

from typing import TYPE_CHECKING

import dagster as dg

from llmops_pipelines.release.manifest import Manifest, canonical_json, search_json
from llmops_pipelines.storage.lake import Lake
from llmops_pipelines.storage.snapshot import Snapshot

if TYPE_CHECKING:
    from llmops_pipelines.orchestration.corpus import Corpus


def manifest_of(corpus: "Corpus", lake: Lake, index: Snapshot, model_key: str) -> Manifest:
    """The manifest of one version of the index of a model, without a verdict. Raises ModelError.

    How the index is searched, and where its model is found, is as the YAML says now.
    """
    settings, lineage = corpus.settings, index.summary["lineage"]
    sections = {
        "clean_documents": settings.clean_documents.model_dump(mode="json"),
        "chunks": settings.chunks.model_dump(mode="json"),
        "base_model": corpus.model_reference(corpus.base_model.key, lake),
    }
    return Manifest(
        model_key=model_key,
        fingerprint=corpus.model(model_key, lake).fingerprint,
        model=canonical_json(corpus.model_reference(model_key, lake)),
        index_table=index.name,
        index_version=index.version,
        index_identity=index.data_version,
        search=search_json(settings.vector_index.index_settings()),
        corpus_version=lineage["corpus_version"],
        cleaner=lineage["cleaner"],
        chunker=lineage["chunker"],
        configuration=canonical_json(sections),
    )


def require_configured(corpus: "Corpus", manifest: Manifest) -> None:
    """That the YAML still describes the cleaner and the chunker of `manifest`. Raises dg.Failure where it does not."""
    now = {"cleaner": corpus.cleaner.identity, "chunker": corpus.chunker.identity}
    for name, identity in now.items():
        if getattr(manifest, name) != identity:
            raise dg.Failure(
                f"the index of {manifest.model_key} was made with another {name} than the YAML of {corpus.name} describes "
                f"now, so that a release of it could not be made again: run the job {corpus.name}_life or "
                f"{corpus.name}_candidate, or undo the change",
                allow_retries=False,
            )
