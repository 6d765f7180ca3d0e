"""The releases of one corpus: the newest row is in force, going back is another row."""

import datetime
from dataclasses import asdict, dataclass
from typing import Any

from llmops_pipelines.storage.errors import LakeError
from llmops_pipelines.storage.identity import merkle_root, value_hash
from llmops_pipelines.storage.lake import Lake
from llmops_pipelines.storage.schemas import RELEASES
from llmops_pipelines.storage.snapshot import Snapshot


class ReleaseError(RuntimeError):
    """A release that does not exist or cannot be made. The message says what can be done."""


@dataclass(frozen=True)
class Manifest:
    """What a release consists of. `index_identity` says what is in the index, `index_version` which version holds it."""

    model_key: str
    fingerprint: str
    index_table: str
    index_version: int
    index_identity: str
    corpus_version: str
    cleaner: str
    chunker: str
    evaluation: str | None

    @property
    def content(self) -> str:
        """Equal for two manifests that readers could not tell apart."""
        return value_hash([self.fingerprint, self.index_table, self.index_identity])


@dataclass(frozen=True)
class Release:
    """One row: the manifest, and who asked for it when and why."""

    release_id: str
    sequence: int
    released_at: datetime.datetime
    action: str
    restores: int | None
    requested_by: str
    reason: str
    manifest: Manifest

    @property
    def origin(self) -> int:
        """The sequence of the release whose manifest this is: its own, or that of the one it restores."""
        return self.sequence if self.restores is None else self.restores


class Releases:
    """The releases of `corpus` in `lake`."""

    def __init__(self, lake: Lake, corpus: str) -> None:
        self.lake = lake
        self.corpus = corpus
        self.table = f"{corpus}.releases"

    def history(self) -> list[Release]:
        """All releases, oldest first."""
        snapshot = self.lake.published(self.table)
        rows = sorted(snapshot.rows(), key=lambda row: row["sequence"]) if snapshot else []
        return [_release(row) for row in rows]

    def in_force(self) -> Release | None:
        """The release that readers see; None before the first."""
        history = self.history()
        return history[-1] if history else None

    def release(self, manifest: Manifest, requested_by: str, reason: str, again: bool = False) -> Release:
        """Put `manifest` in force. The release in force stays where it has the same content already.

        Not so `again`: the version that it names is not what its identity says, and `manifest` names another.
        """
        current = self.in_force()
        if current and current.manifest.content == manifest.content and not again:
            return current
        return self._append(manifest, "release", requested_by, reason)

    def rollback(self, requested_by: str, reason: str, release_id: str | None = None) -> Release:
        """Put an earlier release in force again: `release_id`, or the one before that in force. No vector moves.

        The way back starts where the release in force was made, so that going back twice goes back two releases.
        """
        history = self.history()
        if not history:
            raise ReleaseError(
                f"corpus {self.corpus} has no release to go back from: materialise {self.corpus}/release"
            )
        current = history[-1]
        earlier = [
            release
            for release in history
            if release.manifest.content != current.manifest.content
            and (release.release_id == release_id if release_id else release.sequence < current.origin)
        ]
        if not earlier:
            known = ", ".join(release.release_id for release in history)
            wanted = f"no earlier release {release_id}" if release_id else "no earlier release with another content"
            raise ReleaseError(f"corpus {self.corpus} has {wanted}; its releases are {known}")
        chosen = earlier[-1]
        return self._append(chosen.manifest, "rollback", requested_by, reason, chosen.origin)

    def was_rolled_back(self, manifest: Manifest) -> bool:
        """Whether the content of `manifest` was in force last until somebody went back from it."""
        history = self.history()
        last = max((i for i, r in enumerate(history) if r.manifest.content == manifest.content), default=None)
        return last is not None and last + 1 < len(history) and history[last + 1].action == "rollback"

    def open_index(self, release: Release) -> Snapshot:
        """The version of the index table that `release` names. Raises ReleaseError where the lake does not have it."""
        table, version = release.manifest.index_table, release.manifest.index_version
        try:
            return self.lake.at(table, version)
        except LakeError as error:
            raise ReleaseError(
                f"release {release.release_id} of corpus {self.corpus} names version {version} of table {table}, which "
                f"the lake {self.lake.uri} does not have: materialise {self.corpus}/vector_index, then release that"
            ) from error

    def _append(
        self, manifest: Manifest, action: str, requested_by: str, reason: str, restores: int | None = None
    ) -> Release:
        writer = self.lake.writer(self.table, RELEASES)
        history = self.history()
        sequence = history[-1].sequence + 1 if history else 1
        release = Release(
            release_id=f"r{sequence:04d}",
            sequence=sequence,
            released_at=datetime.datetime.now(datetime.UTC),
            action=action,
            restores=restores,
            requested_by=requested_by,
            reason=reason,
            manifest=manifest,
        )
        # The version is pinned before it is named, so that no release ever names one that clean-up may take.
        self.lake.tag(self.open_index(release), f"release-{manifest.index_version}")
        writer.upsert_rows([_row(release)])
        writer.staged()
        rows = [(entry.release_id, entry.manifest.content) for entry in [*history, release]]
        writer.publish(merkle_root(rows), release.release_id, {"releases": len(rows)})
        return release


def _row(release: Release) -> dict[str, Any]:
    row = {name: value for name, value in vars(release).items() if name != "manifest"}
    return row | asdict(release.manifest)


def _release(row: dict[str, Any]) -> Release:
    manifest = Manifest(**{name: row.pop(name) for name in Manifest.__dataclass_fields__})
    return Release(manifest=manifest, **row)
