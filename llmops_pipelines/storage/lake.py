"""The lake: a LanceDB database at a URI. Opens tables for reading (Snapshot) and for writing (Writer)."""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from llmops_pipelines.storage.errors import explained
from llmops_pipelines.storage.snapshot import Snapshot
from llmops_pipelines.storage.writer import PUBLISHED, Writer, point_tag

if TYPE_CHECKING:
    import lancedb


class Lake:
    """A LanceDB database at `uri`: a local folder or an object store (`s3://`, `gs://`, `az://`)."""

    def __init__(self, uri: str, storage_options: dict[str, str] | None = None) -> None:
        self.uri = uri
        self.storage_options = storage_options

    @cached_property
    def database(self) -> "lancedb.DBConnection":
        import lancedb

        with explained("open the database", self.uri):
            return lancedb.connect(self.uri, storage_options=self.storage_options)

    def names(self) -> list[str]:
        """The names of all tables, sorted."""
        if "://" not in self.uri and not Path(self.uri).exists():
            return []
        names: list[str] = []
        token = None
        with explained("list the tables", self.uri):
            while True:
                page = self.database.list_tables(page_token=token, limit=1000)
                names += page.tables
                token = page.page_token
                if not token:
                    return sorted(names)

    def published(self, name: str) -> Snapshot | None:
        """The published version of table `name`; None where nothing has been published."""
        return self.tagged(name, PUBLISHED)

    def tagged(self, name: str, tag: str) -> Snapshot | None:
        """The version of table `name` that `tag` names; None where there is none."""
        with explained(f"open table {name}", self.uri):
            table = self._open(name)
            if table is None or tag not in table.tags.list():
                return None
            table.checkout(tag)
            return Snapshot(name, table.version, table)

    def newest(self, name: str) -> Snapshot | None:
        """The newest version of table `name`, published or not; None where there is no such table."""
        with explained(f"open table {name}", self.uri):
            table = self._open(name)
            return None if table is None else Snapshot(name, table.version, table)

    def tag(self, snapshot: Snapshot, tag: str) -> None:
        """Make `tag` name the version of `snapshot`: it is kept by clean-up as long as a tag names it."""
        with explained(f"tag version {snapshot.version} of table {snapshot.name}", self.uri):
            point_tag(self.database.open_table(snapshot.name), tag, snapshot.version)

    def untag(self, name: str, tag: str) -> None:
        """Take `tag` off table `name`: its version goes with the next clean-up, unless something else keeps it."""
        with explained(f"remove tag {tag} of table {name}", self.uri):
            tags = self.database.open_table(name).tags
            if tag in tags.list():
                tags.delete(tag)

    def tags(self, name: str) -> dict[str, int]:
        """The versions of table `name` that have a tag, by tag; none where there is no such table."""
        with explained(f"list the tags of table {name}", self.uri):
            table = self._open(name)
            return {tag: found["version"] for tag, found in table.tags.list().items()} if table else {}

    def has(self, name: str, version: int) -> bool:
        """Whether table `name` still has `version`."""
        with explained(f"list the versions of table {name}", self.uri):
            table = self._open(name)
            return table is not None and any(found["version"] == version for found in table.list_versions())

    def clone(self, snapshot: Snapshot) -> Snapshot:
        """A table here that begins as `snapshot`, of another lake, published as it is there. No data file is copied."""
        with explained(f"clone table {snapshot.name}", self.uri):
            target = f"{self.uri.rstrip('/')}/{snapshot.name}.lance"
            snapshot.table.to_lance().shallow_clone(target, snapshot.version)  # type: ignore[attr-defined]
            point_tag(self.database.open_table(snapshot.name), PUBLISHED, snapshot.version)
        return self.at(snapshot.name, snapshot.version)

    def at(self, name: str, version: int) -> Snapshot:
        """Table `name` at `version`, published or not."""
        with explained(f"open version {version} of table {name}", self.uri):
            table = self.database.open_table(name)
            table.checkout(version)
            return Snapshot(name, version, table)

    def all_tagged(self, name: str) -> list[Snapshot]:
        """The versions of table `name` that have a tag: the published one, those of releases, and any other."""
        return [self.at(name, version) for version in sorted(set(self.tags(name).values()))]

    def writer(self, name: str, schema: pa.Schema) -> Writer:
        """Table `name` for writing, created with `schema` where it is new or its schema has changed."""
        with explained(f"open table {name}", self.uri):
            table = self._open(name)
            if table is None:
                table = self.database.create_table(name, schema=schema, exist_ok=True)
            elif not table.schema.remove_metadata().equals(schema.remove_metadata()):
                # A changed schema means changed code: the rows are made anew, older versions stay readable.
                table = self.database.create_table(name, schema=schema, mode="overwrite")
        return Writer(name, table, self)

    def _open(self, name: str) -> "lancedb.table.Table | None":
        """The newest version of table `name`; None where there is none.

        A creation that was killed, or found the disk full, leaves a folder without a version: that is no table yet.
        """
        if name not in self.names():
            return None
        try:
            return self.database.open_table(name)
        except ValueError as error:
            if "was not found" not in str(error):
                raise
            return None
