"""The history of releases of one corpus, read: what is in force, which rows are valid, and why others are not."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from llmops_pipelines.evaluation.verdicts import Verdicts
from llmops_pipelines.release.audit import IN_FORCE, Entry, audited, missing_rows
from llmops_pipelines.release.manifest import Manifest, Release, ReleaseError
from llmops_pipelines.storage.append_only import AppendOnly
from llmops_pipelines.storage.errors import LakeError
from llmops_pipelines.storage.lake import Lake
from llmops_pipelines.storage.schemas import RELEASES
from llmops_pipelines.storage.snapshot import Snapshot


@dataclass(frozen=True)
class Standing:
    """How a row stands. `invalid` says why it is never served; `kept`, that its version of the index is pinned."""

    entry: Entry
    invalid: str | None
    in_force: bool
    kept: bool

    @property
    def release(self) -> Release:
        """The row."""
        return self.entry.release

    @property
    def nameable(self) -> bool:
        """Whether a rollback may name it."""
        return self.entry.eligible and self.invalid is None and self.kept

    @property
    def state(self) -> str:
        """In a few words, empty where it can be gone back to."""
        if self.in_force:
            return "in force"
        if self.invalid:
            return f"invalid: {self.invalid}"
        if self.entry.withdrawn_by:
            return f"withdrawn by {self.entry.withdrawn_by.release_id}"
        return "" if self.kept or self.release.action not in IN_FORCE else "no longer kept"


class Ledger:
    """The history of `corpus` in `lake`. What is told is as of the newest version of its tables, and cached by that."""

    def __init__(self, lake: Lake, corpus: str) -> None:
        self.lake = lake
        self.corpus = corpus
        self.table = f"{corpus}.releases"
        self.verdicts = Verdicts(lake, corpus)
        self._rows = AppendOnly(lake, self.table, RELEASES)
        self._audited: tuple[tuple[int, int], list[Entry]] = ((0, 0), [])

    def entries(self) -> list[Entry]:
        """All rows, oldest first, with what rows and verdicts tell of them."""
        versions = self._rows.version(), self.verdicts.version()
        if versions != self._audited[0]:
            verdicts = {row.verdict_id: row for row in self.verdicts.history()}
            rows = [Release.of_row(row) for row in self._rows.rows()]
            self._audited = versions, audited(rows, verdicts)
        return self._audited[1]

    def history(self) -> list[Release]:
        """All rows, oldest first, valid or not."""
        return [entry.release for entry in self.entries()]

    def in_force(self) -> Release | None:
        """What readers see: the newest valid row that puts a manifest in force which is not withdrawn; None without one.

        It costs about a millisecond on a local disk, so that readers can ask before each query.
        """
        return self._in_force(self.entries())

    def _in_force(self, entries: Sequence[Entry]) -> Release | None:
        eligible = (entry.release for entry in reversed(entries) if entry.eligible)
        return next((release for release in eligible if self.index_flaw(release.manifest) is None), None)

    def standings(self) -> list[Standing]:
        """All rows, oldest first, with all that can be told of them."""
        entries = self.entries()
        current = self._in_force(entries)
        tags = {table: self.lake.tags(table) for table in {entry.release.manifest.index_table for entry in entries}}
        index_flaw = cache(self.index_flaw)  # rows of rollbacks have the manifest of another
        found = []
        for entry in entries:
            release, manifest = entry.release, entry.release.manifest
            invalid = entry.flaw or (index_flaw(manifest) if release.action in IN_FORCE else None)
            kept = pin(manifest) in tags[manifest.index_table]
            found.append(Standing(entry, invalid, release == current, kept))
        return found

    def complaints(self) -> list[str]:
        """What a reader must hear: rows that would be in force if they were valid, and rows that were tampered with.

        A row whose index was cleaned away after something else was in force is no news.
        """
        entries = self.entries()
        current = self._in_force(entries)
        since = current.sequence if current else 0
        found = [f"{release_id} is missing" for release_id in missing_rows(self.history())]
        for entry in entries:
            release = entry.release
            flaw = entry.flaw
            if flaw is None and entry.eligible and release.sequence > since:
                flaw = self.index_flaw(release.manifest)
            if flaw:
                found.append(f"{release.release_id} is not valid: {flaw}")
        return found

    def taken_back(self, manifest: Manifest) -> Release | None:
        """The rollback or withdrawal by which somebody put this out of force; None where it is in force, or never was.

        It is about the content and, where another configuration is in force, about the configuration: that a document has
        changed since brings back neither a model nor a chunker.
        """
        found = self._taken_back(lambda one: one.identity == manifest.identity)
        current = self.in_force()
        configuration = manifest.configuration_identity
        if found or current is None or current.manifest.configuration_identity == configuration:
            return found
        return self._taken_back(lambda one: one.configuration_identity == configuration)

    def _taken_back(self, same: Callable[[Manifest], bool]) -> Release | None:
        """As `taken_back`, by what is the `same`."""
        history = self.history()
        withdrawal: Release | None = None
        for position in reversed(range(len(history))):
            row = history[position]
            if not same(row.manifest):
                continue
            if row.action == "withdrawal":
                withdrawal = withdrawal or row
                continue
            following = next((later for later in history[position + 1 :] if later.action in IN_FORCE), None)
            return withdrawal or (following if following and following.action == "rollback" else None)
        return withdrawal

    def open_index(self, release: Release) -> Snapshot:
        """The version of the index table that `release` names. Raises ReleaseError where it is not what it says."""
        return self._open(release.manifest, f"{release.release_id} of corpus {self.corpus}")

    def index_flaw(self, manifest: Manifest) -> str | None:
        """Why the index that `manifest` names cannot be searched; None where it can.

        Raises LakeError where the version is there and cannot be opened: that may pass, and is no flaw of the manifest.
        """
        table, version = manifest.index_table, manifest.index_version
        try:
            index = self.lake.at(table, version)
        except LakeError:
            if self.lake.has(table, version):
                raise
            return f"version {version} of table {table} is no longer there"
        if not index.has_identity or index.data_version != manifest.index_identity:
            return f"version {version} of table {table} does not hold the index that it names"
        return None

    def _open(self, manifest: Manifest, what: str) -> Snapshot:
        if flaw := self.index_flaw(manifest):
            raise ReleaseError(
                f"{what} cannot be opened in the lake {self.lake.uri}: {flaw}. Materialise {self.corpus}/vector_index, its "
                "evaluation and report, then release that"
            )
        return self.lake.at(manifest.index_table, manifest.index_version)


def pin(manifest: Manifest) -> str:
    """The tag that keeps the version of the index of a release."""
    return f"release-{manifest.index_version}"
