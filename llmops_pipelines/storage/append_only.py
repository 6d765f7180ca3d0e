"""Tables whose rows are inserted once and never changed: releases, verdicts, looks. Their newest version is the truth.

An insert is one commit, so that a kill leaves the whole row or none of it; there is nothing to stage and to publish.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from llmops_pipelines.storage.errors import LakeError, explained
from llmops_pipelines.storage.lake import Lake
from llmops_pipelines.storage.schemas import key_column

if TYPE_CHECKING:
    import lancedb


class AppendOnly:
    """Table `name` of `lake`, made with the first row. Several processes may insert into it at once."""

    def __init__(self, lake: Lake, name: str, schema: pa.Schema) -> None:
        self.lake = lake
        self.name = name
        self.schema = schema
        self.key = key_column(schema)
        self._table: lancedb.table.Table | None = None

    def version(self) -> int:
        """The number of the newest version, by which a reader knows whether there are new rows; 0 before the first."""
        table = self._newest()
        return table.version if table else 0

    def rows(self, columns: Sequence[str] | None = None) -> list[dict[str, Any]]:
        """All rows of the newest version, all or some of their `columns`, in no order.

        Raises LakeError where the table has other columns than `schema`.
        """
        table = self._newest()
        if table is None:
            return []
        with explained(f"read table {self.name}", self.lake.uri):
            return table.to_lance().to_table(columns=columns and list(columns)).to_pylist()  # type: ignore[attr-defined]

    def insert(self, row: Mapping[str, Any]) -> bool:
        """Insert `row`; False where its key is taken, and then nothing is written. Of several at once one is inserted."""
        table = self._newest() or self._created()
        rows = pa.Table.from_pylist([dict(row)], schema=self.schema)
        with explained(f"insert a row into table {self.name}", self.lake.uri):
            return table.merge_insert(self.key).when_not_matched_insert_all().execute(rows).num_inserted_rows == 1

    def _newest(self) -> "lancedb.table.Table | None":
        with explained(f"open table {self.name}", self.lake.uri):
            if self._table is not None:
                try:
                    self._table.checkout_latest()
                    return self._table
                except (OSError, RuntimeError, ValueError):  # it may have been moved away: it is looked for anew
                    self._table = None
            snapshot = self.lake.newest(self.name)
            if snapshot is None:
                return None
            if not snapshot.schema.remove_metadata().equals(self.schema.remove_metadata()):
                raise LakeError(
                    f"table {self.name} in the lake {self.lake.uri} was written by another release of llmops-pipelines: it "
                    f"has the columns {', '.join(snapshot.schema.names)}. Rows that are never changed are not converted: "
                    f"move {self._uri} away to begin a new history"
                )
            self._table = snapshot.table
            return self._table

    def _created(self) -> "lancedb.table.Table":
        """The table, empty where this made it.

        Made as version 1 and no other: where several create one, lancedb's `create_table` overwrites, with what was
        inserted meanwhile.
        """
        import lance

        with explained(f"create table {self.name}", self.lake.uri):
            empty = lance.LanceOperation.Overwrite(self.schema, [])
            try:
                lance.LanceDataset.commit(self._uri, empty, max_retries=0, storage_options=self.lake.storage_options)
            except OSError:  # somebody else made it first, or it cannot be made
                if self.lake.newest(self.name) is None:
                    raise
        table = self._newest()
        assert table is not None
        return table

    @cached_property
    def _uri(self) -> str:
        return f"{self.lake.uri.rstrip('/')}/{self.name}.lance"
