"""Searching what is in force, from any program: no YAML and no Dagster, the release itself says all that is needed."""

import json
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from llmops_pipelines.embedding.configured import EmbeddingModel
from llmops_pipelines.embedding.embedder import Embedder
from llmops_pipelines.embedding.engines import embedder_of
from llmops_pipelines.embedding.references import referenced_model
from llmops_pipelines.embedding.registry import Registry
from llmops_pipelines.index.search import Hit, Searcher, SearchIndex, SearchKind
from llmops_pipelines.release.audit import Entry
from llmops_pipelines.release.blocks import Blocks
from llmops_pipelines.release.ledger import Ledger
from llmops_pipelines.release.manifest import Manifest, Release, ReleaseError
from llmops_pipelines.storage.home import lake_uri
from llmops_pipelines.storage.lake import Lake


class ReleaseWarning(UserWarning):
    """Rows of the releases of a corpus that are not valid, and so are not served."""


class BlockedModelError(ReleaseError):
    """A search by vectors of a model that answers otherwise than when its index was made."""


@dataclass(frozen=True)
class HeldRelease:
    """One release, open: whatever is released meanwhile, its answers stay the same."""

    release: Release
    searcher: Searcher
    blocked: str = ""  # why its model is not to be asked for the vector of a query; empty where it may be

    def search(self, text: str, kind: SearchKind = "hybrid", limit: int = 10, where: str | None = None) -> list[Hit]:
        """The `limit` best passages for `text`. `where` is an SQL expression over the index's columns.

        Raises BlockedModelError where the model is blocked and `kind` is not `full_text`.
        """
        if self.blocked and kind != "full_text":
            raise BlockedModelError(
                f"the index was made with {self.release.manifest.model_key}, which answers otherwise now: {self.blocked}. "
                "Full-text search still works (kind full_text); `llmops models` says what can be done"
            )
        return self.searcher.search(text, kind, limit, where)


class Reader:
    """Searches what is in force of `corpus` in `lake`; several threads may share one.

    What is in force is looked up for each query, and held for its length. Model and index stay loaded until another
    release is in force. Where rows are not valid, a ReleaseWarning names them.
    """

    def __init__(self, lake: Lake, corpus: str) -> None:
        self._ledger = Ledger(lake, corpus)
        self._blocks = Blocks(lake)
        self._lock = threading.Lock()
        self._loaded: HeldRelease | None = None
        self._entries: list[Entry] = []
        self._complaints: list[str] = []

    def search(self, text: str, kind: SearchKind = "hybrid", limit: int = 10, where: str | None = None) -> list[Hit]:
        """The `limit` best passages for `text` in what is in force. `where` is an SQL expression over the index's columns.

        Raises ReleaseError where nothing is in force or its model is blocked, ModelError where its model cannot be used,
        SearchError where the search cannot be answered.
        """
        with self.held() as release:
            return release.search(text, kind, limit, where)

    @contextmanager
    def held(self) -> Iterator[HeldRelease]:
        """What is in force now, for several queries that must be answered by the same release. Raises as `search` does."""
        yield self._current()

    def _current(self) -> HeldRelease:
        with self._lock:
            entries, release = self._ledger.entries(), self._ledger.in_force()
            changed = self._loaded is None or release != self._loaded.release
            if changed or entries is not self._entries:
                self._entries = entries
                self._warn()
            if release is None:
                raise self._nothing()
            if self._loaded is None or changed:
                self._loaded = self._load(release)
            blocked = self._blocks.reason(release.manifest.fingerprint)
            return replace(self._loaded, blocked=blocked) if blocked else self._loaded

    def _load(self, release: Release) -> HeldRelease:
        manifest = release.manifest
        index = SearchIndex(self._ledger.open_index(release), manifest.index_settings)
        _, embedder = released_model(manifest, self._ledger.lake, self._ledger.corpus)
        return HeldRelease(release, Searcher(index, embedder))

    def _warn(self) -> None:
        self._complaints = self._ledger.complaints()
        for complaint in self._complaints:
            warnings.warn(
                f"releases of corpus {self._ledger.corpus}: {complaint}. `llmops releases {self._ledger.corpus}` shows them",
                ReleaseWarning,
                stacklevel=4,
            )

    def _nothing(self) -> ReleaseError:
        corpus, uri = self._ledger.corpus, self._ledger.lake.uri
        why = f" ({'; '.join(self._complaints)})" if self._complaints else ""
        return ReleaseError(
            f"corpus {corpus} has no release in force in the lake {uri}{why}: run `llmops run {corpus}`, or materialise "
            "its assets in the UI"
        )


def released_model(manifest: Manifest, lake: Lake, corpus: str) -> tuple[EmbeddingModel, Embedder]:
    """The model of a release and its embedder, found as its manifest says. Raises ModelError or ReleaseError."""
    described = json.loads(manifest.model)
    model = referenced_model(described.pop("found"), Registry.beside(lake, corpus))
    if model.fingerprint != manifest.fingerprint:
        raise ReleaseError(
            f"{manifest.model_key} was released as the model {manifest.fingerprint[:8]}, and {model.where} holds "
            f"{model.fingerprint[:8]} now: restore it, or go back by `llmops rollback {corpus}`"
        )
    return model, embedder_of(model, **described)


def open(corpus: str, lake: Lake | str | None = None) -> Reader:
    """A reader of what is in force of `corpus` in `lake`, a Lake or its URI; by default that of LLMOPS_LAKE.

    >>> from llmops_pipelines import release
    >>> hits = release.open("python_docs").search("how do I fill gaps in a time series?")
    """
    return Reader(lake if isinstance(lake, Lake) else Lake(lake or lake_uri()), corpus)
