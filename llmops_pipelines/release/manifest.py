"""What a release consists of, and one row of the history of releases, which knows whether it was changed."""

import datetime
import json
from dataclasses import asdict, dataclass
from typing import Any

from llmops_pipelines.index.build import IndexSettings
from llmops_pipelines.storage.identity import value_hash


class ReleaseError(RuntimeError):
    """A release that does not exist or cannot be made. The message says what can be done."""


class NotPromotedError(ReleaseError):
    """A release that no verdict promotes. The message gives the verdict's reason, or says how to get one."""


@dataclass(frozen=True)
class Manifest:
    """What a release consists of.

    `index_identity` says what is in the index, `index_version` which version holds it, `search` (JSON) how it is searched.
    `model` (JSON) says where the model is found, `configuration` (JSON) holds the sections of the YAML that cleaner and
    chunker are made from. The last four are those of the verdict that promotes it, None without one.
    """

    model_key: str
    fingerprint: str
    model: str
    index_table: str
    index_version: int
    index_identity: str
    search: str
    corpus_version: str
    cleaner: str
    chunker: str
    configuration: str
    evaluation: str | None = None
    suites: str | None = None
    verdict: str | None = None
    verdict_id: str | None = None

    @property
    def identity(self) -> str:
        """What a verdict is about: equal for two manifests that readers could not tell apart."""
        content = [self.fingerprint, self.index_identity, self.corpus_version, self.cleaner, self.chunker, self.search]
        return value_hash(content)

    @property
    def configuration_identity(self) -> str:
        """Equal for two manifests that differ in their documents only."""
        return value_hash([self.fingerprint, self.cleaner, self.chunker, self.search])

    @property
    def index_settings(self) -> IndexSettings:
        """How the index is searched. Raises ReleaseError where another release of the package knew other settings."""
        try:
            return IndexSettings(**json.loads(self.search))
        except TypeError as error:
            raise ReleaseError(
                f"this release of llmops-pipelines cannot search the index of {self.model_key} as it was released "
                f"({self.search}): {error}. Read with the one that made it, or release anew"
            ) from error


def search_json(settings: IndexSettings) -> str:
    """`settings` as a manifest has them."""
    return canonical_json(asdict(settings))


def canonical_json(value: Any) -> str:
    """JSON that is equal for equal values."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


@dataclass(frozen=True)
class Release:
    """One row: what was done with which manifest, and who asked for it when and why.

    `action` is `release`, `rollback` (an earlier release is in force again), `repair` (the release in force from another
    version of its table, or with its model in another place) or `withdrawal`. `about` is the sequence of the release that
    the last three are about. `previous` is the digest of the row before, `digest` that of all other columns.
    """

    release_id: str
    sequence: int
    at: datetime.datetime
    action: str
    about: int | None
    requested_by: str
    reason: str
    manifest: Manifest
    previous: str
    digest: str = ""

    @property
    def origin(self) -> int:
        """The sequence of the release whose manifest this is: its own, or that of the one it is about."""
        return self.sequence if self.about is None else self.about

    @property
    def row(self) -> dict[str, Any]:
        """The columns of the table."""
        own = {name: value for name, value in vars(self).items() if name != "manifest"}
        return own | asdict(self.manifest)

    @property
    def content_digest(self) -> str:
        """What `digest` is, unless the row was changed after it was appended."""
        columns = {name: value for name, value in self.row.items() if name != "digest"}
        return value_hash(columns | {"at": self.at.astimezone(datetime.UTC).isoformat()})

    @classmethod
    def of_row(cls, row: dict[str, Any]) -> "Release":
        """The release of a row of the table."""
        manifest = Manifest(**{name: row[name] for name in Manifest.__dataclass_fields__})
        own = {name: value for name, value in row.items() if name not in Manifest.__dataclass_fields__}
        return cls(manifest=manifest, **own)


def release_name(sequence: int) -> str:
    """The id of the row with this number, the key by which it is claimed."""
    return f"r{sequence:04d}"
