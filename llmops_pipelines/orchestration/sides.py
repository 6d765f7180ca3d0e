"""The indexes that an evaluation measures: the candidate's, what is in force, and that of the untuned base."""

import json
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from llmops_pipelines.corpus.chunking.protocol import Chunker
from llmops_pipelines.corpus.cleaning.cleaner import Cleaner
from llmops_pipelines.embedding.configured import EmbeddingModel
from llmops_pipelines.embedding.embedder import Embedder
from llmops_pipelines.embedding.model_folder import ModelError, ModelFolder
from llmops_pipelines.embedding.references import referenced_model
from llmops_pipelines.embedding.registry import Registry
from llmops_pipelines.evaluation.roles import CANDIDATE, PRODUCTION, UNTUNED, Role
from llmops_pipelines.index.search import SearchIndex
from llmops_pipelines.orchestration.candidacy import Candidacy
from llmops_pipelines.orchestration.planning import plan_model
from llmops_pipelines.orchestration.rebuilding import Begun, rebuilt
from llmops_pipelines.orchestration.stages.chunks import ChunksSection
from llmops_pipelines.orchestration.stages.clean_documents import CleanDocumentsSection
from llmops_pipelines.release.ledger import Ledger
from llmops_pipelines.release.manifest import Manifest, ReleaseError
from llmops_pipelines.release.reader import released_model
from llmops_pipelines.storage.errors import LakeError
from llmops_pipelines.storage.lake import Lake
from llmops_pipelines.storage.snapshot import Snapshot

if TYPE_CHECKING:
    from llmops_pipelines.orchestration.corpus import Corpus


class NotComparableError(RuntimeError):
    """What is in force cannot be measured on the candidate's documents. The message says why."""


@dataclass(frozen=True)
class SideModel:
    """The model of a side: its partition key, what it is, and what it embeds with."""

    key: str
    model: EmbeddingModel
    embedder: Embedder


@dataclass(frozen=True)
class Side:
    """An index in a role, with the documents (`source` all of them) and chunks that it was made of.

    `rebuilt` says how many texts were embedded to bring it to the candidate's documents; None where it is as it serves.
    """

    role: Role
    by: SideModel
    index: SearchIndex
    source: Snapshot
    documents: Snapshot
    chunks: Snapshot
    rebuilt: int | None = None

    @property
    def content(self) -> tuple[str, ...]:
        """Equal for two sides that answer alike; what was made for a comparison is like nothing else."""
        made = "" if self.rebuilt is None else self.role
        return self.by.key, self.index.snapshot.data_version, repr(self.index.settings), made


@contextmanager
def sides(corpus: "Corpus", lake: Lake, candidacy: Candidacy) -> Iterator[tuple[list[Side], dict[Role, str]]]:
    """The sides to measure, that of the candidate first, and why one of them cannot be measured, by its role.

    What is in force is measured as it serves where nothing but the documents differ or they are the same; otherwise it is
    brought to the candidate's documents first, so that the documents are no part of the comparison. What was made for
    that can be read inside the `with`.
    """
    manifest = candidacy.candidate
    key = manifest.model_key
    own = SideModel(key, corpus.model(key, lake), corpus.embedder(key, lake))
    candidate = _as_it_is(corpus, lake, CANDIDATE, own, manifest, candidacy.index)
    with ExitStack() as stack:
        found: list[Side | None] = [candidate]
        problems: dict[Role, str] = {}
        others: list[tuple[Role, Any]] = [(PRODUCTION, _production), (UNTUNED, _untuned)]
        for role, opened in others if candidacy.production else others[1:]:
            try:
                found.append(stack.enter_context(opened(corpus, lake, candidacy, candidate)))
            except (ModelError, ReleaseError, NotComparableError) as error:
                problems[role] = str(error)
        yield [side for side in found if side], problems


@contextmanager
def _production(corpus: "Corpus", lake: Lake, candidacy: Candidacy, candidate: Side) -> Iterator[Side]:
    assert candidacy.production is not None
    manifest = candidacy.production.manifest
    released = SideModel(manifest.model_key, *released_model(manifest, lake, corpus.name))
    index = Ledger(lake, corpus.name).open_index(candidacy.production)
    if candidacy.data_only or candidacy.same_documents:
        yield _as_it_is(corpus, lake, PRODUCTION, released, manifest, index)
        return
    with _brought_to(corpus, lake, PRODUCTION, released, index, candidate, manifest) as side:
        yield side


@contextmanager
def _untuned(corpus: "Corpus", lake: Lake, candidacy: Candidacy, candidate: Side) -> Iterator[Side | None]:
    """The base model on the candidate's passages; None where the candidate is it, or it was never indexed."""
    model = corpus.base_model
    index = lake.published(corpus.table("vector_index", model.key))
    if model.fingerprint == candidate.by.model.fingerprint or index is None:
        yield None
        return
    base = SideModel(model.key, model, corpus.embedder(model.key, lake))
    if index.summary["lineage"]["chunks"]["data_version"] == candidate.chunks.data_version:
        searched = SearchIndex(index, candidate.index.settings)
        yield Side(UNTUNED, base, searched, candidate.source, candidate.documents, candidate.chunks)
        return
    with _brought_to(corpus, lake, UNTUNED, base, index, candidate, candidacy.candidate) as side:
        yield side


def _as_it_is(corpus: "Corpus", lake: Lake, role: Role, own: SideModel, manifest: Manifest, index: Snapshot) -> Side:
    made_of = corpus.index_with_sources(lake, index)
    searched = SearchIndex(index, manifest.index_settings)
    return Side(role, own, searched, made_of["source"], made_of["documents"], made_of["chunks"])


@contextmanager
def _brought_to(
    corpus: "Corpus", lake: Lake, role: Role, own: SideModel, index: Snapshot, candidate: Side, manifest: Manifest
) -> Iterator[Side]:
    """The `index` of a model brought to the candidate's documents; cleaned, cut and searched as `manifest` says."""
    cleaner, chunker = configured(manifest, Registry.beside(lake, corpus.name))
    embeddings = lake.newest(corpus.table("embeddings", own.key))
    if embeddings is None:
        raise NotComparableError(
            f"the vectors of {own.key} are not in the lake: run the job {corpus.name}_candidate for it first"
        )
    try:
        made_of = corpus.index_with_sources(lake, index)
    except LakeError as error:
        raise NotComparableError(
            f"what the index of {own.key} was made of is not in the lake any more: {error}"
        ) from error
    begun = Begun(index, made_of["documents"], made_of["chunks"], embeddings)
    allow = partial(_within_budget, corpus, lake, own)
    with rebuilt(begun, candidate.source, cleaner, chunker, own.embedder, manifest.index_settings, allow) as found:
        yield Side(role, own, found.index, candidate.source, found.documents, found.chunks, found.embedded)


def _within_budget(corpus: "Corpus", lake: Lake, own: SideModel, chunks: Snapshot, stored: Collection[str]) -> None:
    """Raises NotComparableError where embedding what of `chunks` is not `stored` is over the budget of the corpus."""
    plan, _ = plan_model(corpus, lake, own.model, chunks, stored, None)
    if exceeded := corpus.settings.embeddings.budget.budget().exceeded(plan):
        raise NotComparableError(
            f"to bring {own.key} to the candidate's documents is over embeddings.budget: {'; '.join(exceeded)}. Run the "
            "life of the corpus for its key first, or raise the budget"
        )


def configured(manifest: Manifest, registry: Registry) -> tuple[Cleaner, Chunker]:
    """The cleaner and the chunker of `manifest`, made again. Raises ModelError or NotComparableError."""
    sections = json.loads(manifest.configuration)
    base = referenced_model(sections["base_model"]["found"], registry)
    assert isinstance(base, ModelFolder)  # a hosted model is never the base
    try:
        cleaner = CleanDocumentsSection.model_validate(sections["clean_documents"]).cleaner()
        chunker = TypeAdapter(ChunksSection).validate_python(sections["chunks"]).chunker_for(base)
    except ValidationError as error:
        raise NotComparableError(f"the settings of {manifest.model_key} cannot be read any more: {error}") from error
    if (cleaner.identity, chunker.identity) != (manifest.cleaner, manifest.chunker):
        raise NotComparableError(
            f"the cleaner or the chunker of {manifest.model_key} cannot be made again, since a setting or the code of a "
            "rule has changed, and the documents differ as well: run the job of the corpus's life first"
        )
    return cleaner, chunker
