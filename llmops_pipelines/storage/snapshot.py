"""One version of a lake table, for reading. A snapshot never changes, whatever is written beside it."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    import lancedb

METADATA_PREFIX = "llmops:"


def among(column: str, values: Iterable[str]) -> str:
    """The SQL expression that holds where `column` is one of `values`."""
    quoted = ", ".join("'" + value.replace("'", "''") + "'" for value in values)
    return f"{column} IN ({quoted})" if quoted else "false"


@dataclass(frozen=True)
class Snapshot:
    """A table held at one version.

    `data_version` identifies the rows, `inputs` what they were made from, and `summary` is what the writer said of them.
    """

    name: str
    version: int
    table: "lancedb.table.Table"

    @cached_property
    def _metadata(self) -> dict[str, str]:
        raw = self.table.schema.metadata or {}
        decoded = {key.decode(): value.decode() for key, value in raw.items()}
        return {k.removeprefix(METADATA_PREFIX): v for k, v in decoded.items() if k.startswith(METADATA_PREFIX)}

    @property
    def has_identity(self) -> bool:
        """Whether anything was published of the table by this version; without it there is no `data_version`."""
        return "data_version" in self._metadata

    @property
    def data_version(self) -> str:
        return self._metadata["data_version"]

    @property
    def reference(self) -> dict[str, Any]:
        """What a later stage records of this one, to find the same version again: its number and its identity."""
        return {"version": self.version, "data_version": self.data_version}

    @property
    def inputs(self) -> str:
        return self._metadata["inputs"]

    @cached_property
    def summary(self) -> dict[str, Any]:
        return json.loads(self._metadata["summary"])

    @property
    def schema(self) -> pa.Schema:
        return self.table.schema

    def count(self, where: str | None = None) -> int:
        """The number of rows for which the SQL expression `where` holds."""
        return self.table.count_rows(where)

    def batches(
        self, columns: Sequence[str] | None = None, where: str | None = None, rows: int = 4096
    ) -> Iterator[pa.RecordBatch]:
        """The rows as Arrow batches of at most `rows` rows."""
        dataset = self.table.to_lance()  # type: ignore[attr-defined]
        yield from dataset.to_batches(columns=list(columns) if columns else None, filter=where, batch_size=rows)

    def arrow(self, columns: Sequence[str] | None = None, where: str | None = None) -> pa.Table:
        """The rows as one Arrow table."""
        dataset = self.table.to_lance()  # type: ignore[attr-defined]
        return dataset.to_table(columns=list(columns) if columns else None, filter=where)

    def rows(self, columns: Sequence[str] | None = None, where: str | None = None) -> Iterator[dict[str, Any]]:
        """The rows as dictionaries, a batch in memory at a time."""
        for batch in self.batches(columns, where):
            yield from batch.to_pylist()
