"""What a candidate is compared with: which release, and in what the two differ."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from llmops_pipelines.orchestration.manifests import manifest_of
from llmops_pipelines.release.audit import IN_FORCE
from llmops_pipelines.release.ledger import Ledger
from llmops_pipelines.release.manifest import Manifest, Release
from llmops_pipelines.storage.lake import Lake
from llmops_pipelines.storage.snapshot import Snapshot

if TYPE_CHECKING:
    from llmops_pipelines.orchestration.corpus import Corpus


@dataclass(frozen=True)
class Candidacy:
    """The published index of a model as a candidate. `production` is None where there is nothing to compare with.

    `alone` says that nothing else was ever in force; where it is not, the indexes of what was may be gone, and production
    is None. `against` is the identity that a verdict names: of `production`, or None where nothing is in force any more and
    production was withdrawn. `known` says that this configuration (model, chunker, cleaner, way of searching) was in force
    before.
    """

    candidate: Manifest
    index: Snapshot
    production: Release | None
    alone: bool
    against: str | None
    known: bool

    @classmethod
    def of(cls, corpus: "Corpus", lake: Lake, index: Snapshot, key: str) -> "Candidacy":
        """That of the model `key` with `index`.

        It is compared with the newest release of another content: before it is promoted that is the release in force,
        and afterwards still the one that it was judged against.
        """
        candidate = manifest_of(corpus, lake, index, key)
        ledger = Ledger(lake, corpus.name)
        entries = ledger.entries()
        served = [entry.release for entry in entries if entry.eligible]
        known = any(one.manifest.configuration_identity == candidate.configuration_identity for one in served)
        once = [one.release for one in entries if one.flaw is None and one.release.action in IN_FORCE]
        alone = all(one.manifest.identity == candidate.identity for one in once)
        production = _newest_other(ledger, served, candidate)
        if production or ledger.in_force():
            return cls(candidate, index, production, alone, production and production.manifest.identity, known)
        return cls(candidate, index, _newest_other(ledger, once, candidate), alone, None, known)

    @property
    def data_only(self) -> bool:
        """Whether nothing but the documents differ."""
        released = self.production
        return released is not None and (
            released.manifest.configuration_identity == self.candidate.configuration_identity
        )

    @property
    def same_documents(self) -> bool:
        """Whether both are of the same documents, as the source had them."""
        return self.production is not None and (
            self.production.manifest.corpus_version == self.candidate.corpus_version
        )


def _newest_other(ledger: Ledger, releases: Sequence[Release], candidate: Manifest) -> Release | None:
    """The newest of `releases` with another content whose index can be opened."""
    others = (one for one in reversed(releases) if one.manifest.identity != candidate.identity)
    return next((one for one in others if ledger.index_flaw(one.manifest) is None), None)
