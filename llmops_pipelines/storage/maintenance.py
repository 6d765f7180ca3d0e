"""Keeps one table small and quick: compaction, index refresh, clean-up of old versions. Readers see the same rows after it.

Which tables there are and who writes them is not known here.
"""

import datetime
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from llmops_pipelines.storage.errors import explained
from llmops_pipelines.storage.files import resolve
from llmops_pipelines.storage.lake import Lake
from llmops_pipelines.storage.writer import PUBLISHED, Writer, point_tag

if TYPE_CHECKING:
    import lance
    import lancedb

ATTEMPTS = 3
REWRITES = frozenset({"BaseOperation", "Rewrite"})  # compaction reserves fragments, then rewrites them
STAGED = "something was staged in it and not published"
MEANWHILE = "it was written to meanwhile"


@dataclass(frozen=True)
class Size:
    """Versions that can be read, and everything that lies in the table's folder."""

    versions: int
    files: int
    bytes: int


@dataclass(frozen=True)
class Maintained:
    """What was done to one table. `note` says why something was left as it is; empty where nothing was."""

    table: str
    before: Size
    after: Size
    deleted: int = 0
    note: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class _LeftAloneError(Exception):
    """What keeps maintenance from a table, in words."""


def maintain(
    lake: Lake,
    name: str,
    before: datetime.datetime,
    named: Collection[int] = (),
    held: Callable[[], set[str]] | None = None,
) -> Maintained:
    """Clean away the versions of table `name` that were the newest no more `before` that time, and compact it.

    Tagged versions stay, those in `named` as well, and all that is newer than the published one. `held` gives the keys
    of the rows that are kept; without it all are. The tag of readers moves to the compacted version. A table with
    something that was staged and not published is not compacted: what is in it was not validated. Cleaning comes first,
    so that it makes room on a full disk; what compaction replaces goes the next time.
    """
    table = lake.database.open_table(name)
    size, deleted, note = _size(table), 0, ""
    with explained(f"maintain table {name}", lake.uri):
        try:
            _clean_up_to(_published(table), table, before, named)
            if held:
                deleted = _delete_unheld(lake, name, table, held())
            _compact(table)
        except _LeftAloneError as reason:
            note = str(reason)
    return Maintained(name, size, _size(table), deleted, note)


def maintain_appended(lake: Lake, name: str, before: datetime.datetime) -> Maintained:
    """The same for an append-only table, whose newest version is what readers see: no version before it need stay."""
    table = lake.database.open_table(name)
    size, note = _size(table), ""
    with explained(f"maintain table {name}", lake.uri):
        _clean_up_to(_dataset(table).version, table, before, ())
        try:
            _dataset(table).optimize.compact_files()
        except (OSError, RuntimeError) as error:  # a row was inserted meanwhile
            if "conflict" not in str(error).lower():
                raise
            note = f"{MEANWHILE}: {error}"
    return Maintained(name, size, _size(table), note=note)


def values_held(lake: Lake, name: str, column: str) -> set[str]:
    """The values of `column` in any version of table `name` that there still is."""
    held: set[str] = set()
    seen: set[tuple[Any, ...]] = set()
    newest = _dataset(lake.database.open_table(name))
    for version in newest.versions():
        dataset = newest.checkout_version(version["version"])
        if column not in dataset.schema.names:
            continue
        for fragment in dataset.get_fragments():
            # Versions share most of their fragments: each state of one is read once.
            files = tuple(file.path for file in fragment.data_files())
            state = (fragment.fragment_id, files, fragment.deletion_file())
            if state not in seen:
                seen.add(state)
                held.update(fragment.to_table(columns=[column])[column].unique().to_pylist())
    return held


def _published(table: "lancedb.table.Table") -> int:
    tags = table.tags.list()
    if PUBLISHED not in tags:
        raise _LeftAloneError("nothing of it is published")
    return tags[PUBLISHED]["version"]


def _delete_unheld(lake: Lake, name: str, table: "lancedb.table.Table", held: set[str]) -> int:
    """Delete the rows whose key is not `held`, and publish the rest as what it was."""
    published = _published(table)
    # A run of this that was killed has deleted a part: what is gone since then must be what goes now.
    _require(_dataset(table), published, REWRITES | {"Delete"}, STAGED)
    writer = Writer(name, table, lake)
    readable = set(lake.at(name, published).arrow([writer.key])[writer.key].to_pylist())
    stored = writer.column(writer.key).keys()
    if (readable - stored) & held:
        raise _LeftAloneError(STAGED)
    writer.delete(stored - held)
    checked = _require(_dataset(table), published, REWRITES | {"Delete"}, MEANWHILE)
    _move_tag(table, published, checked)
    return len(readable - held)


def _compact(table: "lancedb.table.Table") -> None:
    """Put small files together, add rows to the indexes that lack them, and let readers have it."""
    published = _published(table)
    checked = _require(_dataset(table), published, REWRITES, STAGED)
    for attempt in range(1, ATTEMPTS + 1):
        dataset = _dataset(table)
        try:
            dataset.optimize.compact_files()
            checked = _require(_dataset(table), published, REWRITES, MEANWHILE)
            if any(index.num_unindexed_rows for index in table.list_indices()):
                dataset.optimize.optimize_indices()
                checked = _require(_dataset(table), published, REWRITES | {"CreateIndex"}, MEANWHILE)
            break
        except (OSError, RuntimeError) as error:  # commits are optimistic: somebody else's came first
            if "conflict" not in str(error).lower():
                raise
            if attempt == ATTEMPTS:
                raise _LeftAloneError(f"{MEANWHILE}: {error}") from error
    _move_tag(table, published, checked)


def _move_tag(table: "lancedb.table.Table", published: int, checked: int) -> None:
    """Let readers have version `checked`: it, not the newest, which somebody may have written since."""
    if checked == published:
        return
    if table.tags.list()[PUBLISHED]["version"] != published:
        raise _LeftAloneError("another version was published meanwhile")
    point_tag(table, PUBLISHED, checked)


def _clean_up_to(newest: int, table: "lancedb.table.Table", before: datetime.datetime, named: Collection[int]) -> None:
    """A version counts from when another took its place: who opened it then may still be reading."""
    kept = {*named, *(tag["version"] for tag in table.tags.list().values())}
    dataset = _dataset(table)
    versions = [(version["version"], _utc(version["timestamp"])) for version in dataset.versions()]
    old = [
        version
        for (version, _), (_, replaced) in pairwise(sorted(versions))
        if version < newest and version not in kept and replaced < before
    ]
    if old:
        dataset.cleanup_old_versions(versions=old, error_if_tagged_old_versions=False)


def _utc(timestamp: Any) -> datetime.datetime:
    """pylance gives the local time without saying so."""
    return timestamp.astimezone(datetime.UTC)


def _require(dataset: "lance.LanceDataset", since: int, operations: Collection[str], otherwise: str) -> int:
    """That only `operations` came after version `since`. Returns the version up to which that is known."""
    for version in range(since + 1, dataset.version + 1):
        if _operation(dataset, version) not in operations:
            raise _LeftAloneError(otherwise)
    return dataset.version


def _operation(dataset: "lance.LanceDataset", version: int) -> str:
    try:
        transaction = dataset.read_transaction(version)
        return type(transaction.operation).__name__ if transaction else "unknown"
    except TypeError as error:
        # pylance 14 cannot make the Python object of a rewrite that remapped an index.
        if "RewrittenIndex" not in str(error):
            raise
        return "Rewrite"


def _dataset(table: "lancedb.table.Table") -> "lance.LanceDataset":
    """The newest version."""
    table.checkout_latest()
    return table.to_lance()  # type: ignore[attr-defined]


def table_size(lake: Lake, name: str) -> Size:
    """What table `name` takes."""
    return _size(lake.database.open_table(name))


def _size(table: "lancedb.table.Table") -> Size:
    import pyarrow.fs

    dataset = _dataset(table)
    filesystem, path = resolve(dataset.uri)
    found = filesystem.get_file_info(pyarrow.fs.FileSelector(path, recursive=True))
    files = [info.size for info in found if info.type == pyarrow.fs.FileType.File]
    return Size(len(dataset.versions()), len(files), sum(files))
