"""The one way to write a lake table: batches by declared key, then a published version."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from llmops_pipelines.storage.errors import LakeError, explained
from llmops_pipelines.storage.schemas import key_column
from llmops_pipelines.storage.snapshot import METADATA_PREFIX, Snapshot, among

if TYPE_CHECKING:
    import lancedb

    from llmops_pipelines.storage.lake import Lake

PUBLISHED = "published"
DELETE_BATCH = 500


class Writer:
    """The newest version of one table. Readers see nothing of it before `publish`."""

    def __init__(self, name: str, table: "lancedb.table.Table", lake: "Lake") -> None:
        self.name = name
        self.table = table
        self.lake = lake
        self.key = key_column(table.schema)
        self._validated: int | None = None

    @property
    def schema(self) -> "pa.Schema":
        return self.table.schema

    def column(self, name: str) -> dict[str, Any]:
        """The values of one column by key, of what is stored now."""
        columns = [self.key] if name == self.key else [self.key, name]
        found = self.table.to_lance().to_table(columns=columns)  # type: ignore[attr-defined]
        return dict(zip(found[self.key].to_pylist(), found[name].to_pylist(), strict=True))

    def upsert_rows(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert or replace `rows` by key, in one commit."""
        if rows:
            self.upsert(pa.Table.from_pylist([dict(row) for row in rows], schema=self.schema))

    def upsert(self, rows: pa.Table) -> None:
        """Insert or replace `rows` by key, in one commit."""
        with explained(f"write {len(rows)} rows to table {self.name}", self.lake.uri):
            merge = self.table.merge_insert(self.key).when_matched_update_all().when_not_matched_insert_all()
            merge.execute(rows.cast(self.schema))

    def delete(self, keys: Iterable[str]) -> None:
        """Delete the rows of `keys`, in commits of a bounded size."""
        remaining = sorted(keys)
        with explained(f"delete {len(remaining)} rows from table {self.name}", self.lake.uri):
            for start in range(0, len(remaining), DELETE_BATCH):
                self.table.delete(among(self.key, remaining[start : start + DELETE_BATCH]))

    def stored(self) -> Snapshot:
        """What is stored now, to be read before it is written to."""
        self.table.checkout_latest()
        return self.lake.at(self.name, self.table.version)

    def staged(self) -> Snapshot:
        """What is stored now, for validation before it is published."""
        staged = self.stored()
        self._validated = staged.version
        return staged

    def publish(self, data_version: str, inputs: str, summary: Mapping[str, Any]) -> Snapshot:
        """Make the version that `staged` gave last the one that readers see; what it is and came from is part of it.

        Raises LakeError where another writer has written since: what would be published is not what was validated.
        """
        entries = {"data_version": data_version, "inputs": inputs, "summary": json.dumps(summary)}
        with explained(f"publish table {self.name}", self.lake.uri):
            publish_table(self.table, entries, self._validated)
        return self.staged()


def publish_table(table: "lancedb.table.Table", metadata: Mapping[str, str], validated: int | None = None) -> None:
    """Commit `metadata` on top of version `validated` (the newest by default), and point the tag of readers at it."""
    table.checkout_latest()
    base = table.version if validated is None else validated
    committed = False
    if table.version == base:
        dataset = table.to_lance()  # type: ignore[attr-defined]
        dataset.update_schema_metadata({METADATA_PREFIX + key: value for key, value in metadata.items()})
        table.checkout_latest()
        committed = table.version == base + 1
    if not committed:
        raise LakeError(
            f"table {table.name} was written by someone else while it was validated (version {table.version}, validated "
            f"was {base}); nothing was published. Let one run at a time write it, and run again"
        )
    point_tag(table, PUBLISHED, table.version)


def point_tag(table: "lancedb.table.Table", tag: str, version: int) -> None:
    """Make `tag` name `version`. A tagged version is kept by clean-up."""
    if tag not in table.tags.list():
        try:
            table.tags.create(tag, version)
            return
        except RuntimeError:  # somebody else made it meanwhile
            if tag not in table.tags.list():
                raise
    table.tags.update(tag, version)
