"""Makes a table equal to a target that is handed over row by row. Resumable: a committed row is not written again."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from llmops_pipelines.storage.identity import merkle_root, value_hash
from llmops_pipelines.storage.snapshot import Snapshot
from llmops_pipelines.storage.writer import Writer

BATCH_ROWS = 2_000
BATCH_CHARACTERS = 32_000_000
EXAMPLES = 5


@dataclass
class SyncCounts:
    """How the target differs from the published version: counts, and the first few keys of each kind of change."""

    added: int = 0
    changed: int = 0
    deleted: int = 0
    unchanged: int = 0
    examples: dict[str, list[str]] = field(default_factory=dict)

    def count(self, change: str, key: str) -> None:
        setattr(self, change, getattr(self, change) + 1)
        if change != "unchanged" and len(shown := self.examples.setdefault(change, [])) < EXAMPLES:
            shown.append(key)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class Sync:
    """Collects the target of one table.

    Every row of the target is handed to `put`, or named to `keep` where its stored row is known to be right. `finish`
    deletes what was neither. Changes are counted against the published version, so that a run that resumes after a
    kill reports what the whole sync did; rows are written against what is stored, so that it writes only the rest.
    """

    def __init__(self, writer: Writer, published: Snapshot | None) -> None:
        self.writer = writer
        self.stored: dict[str, str] = writer.column("row_hash")
        self.before: dict[str, str] = _hashes(published, writer.key)
        self.target: dict[str, str] = {}
        self.counts = SyncCounts()
        self._buffer: list[dict[str, Any]] = []
        self._characters = 0

    def put(self, row: Mapping[str, Any]) -> None:
        """Add `row` (without `row_hash`) to the target; written only where it differs from what is stored."""
        key = row[self.writer.key]
        if key in self.target:
            raise ValueError(f"table {self.writer.name}: key {key!r} occurs twice in one sync")
        hashed = row_hash(row)
        self._settle(key, hashed)
        if self.stored.get(key) != hashed:
            self._buffer.append({**row, "row_hash": hashed})
            self._characters += sum(len(value) for value in row.values() if isinstance(value, str))
            if len(self._buffer) >= BATCH_ROWS or self._characters >= BATCH_CHARACTERS:
                self._flush()

    def keep(self, key: str) -> None:
        """Take the stored row of `key` into the target as it is."""
        self._settle(key, self.stored[key])

    def is_stored_as_published(self, key: str) -> bool:
        """Whether the stored row of `key` is the published one, and not one that a run staged and did not publish."""
        return key in self.before and self.stored.get(key) == self.before[key]

    def gone(self) -> list[str]:
        """The stored keys that the target does not hold, sorted."""
        return sorted(self.stored.keys() - self.target.keys())

    def finish(self) -> SyncCounts:
        """Write what is left, delete what the target does not hold, and return the counts."""
        self._flush()
        self.writer.delete(self.gone())
        for key in sorted(self.before.keys() - self.target.keys()):
            self.counts.count("deleted", key)
        return self.counts

    @property
    def data_version(self) -> str:
        """The Merkle root of the target."""
        return merkle_root(self.target)

    def _settle(self, key: str, hashed: str) -> None:
        self.target[key] = hashed
        before = self.before.get(key)
        self.counts.count("added" if before is None else "unchanged" if before == hashed else "changed", key)

    def _flush(self) -> None:
        self.writer.upsert_rows(self._buffer)
        self._buffer, self._characters = [], 0


# What another machine computes a little differently is no part of what a row is: vectors, cosines of them, and times.
UNHASHED = frozenset({"vector", "score", "negative_scores", "seconds"})


def row_hash(row: Mapping[str, Any]) -> str:
    """The identity of `row`, which may carry the one that was stored with it."""
    return value_hash({name: value for name, value in row.items() if name not in UNHASHED and name != "row_hash"})


def _hashes(snapshot: Snapshot | None, key: str) -> dict[str, str]:
    if snapshot is None or "row_hash" not in snapshot.schema.names:
        return {}
    found = snapshot.arrow([key, "row_hash"])
    return dict(zip(found[key].to_pylist(), found["row_hash"].to_pylist(), strict=True))
