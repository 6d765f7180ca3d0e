"""Which released versions of indexes are kept: as many contents as configured, and what somebody may still be reading."""

import datetime
import re
from collections.abc import Iterator
from itertools import zip_longest

from llmops_pipelines.release.audit import IN_FORCE
from llmops_pipelines.release.ledger import Ledger, pin
from llmops_pipelines.release.manifest import Manifest, Release

PIN = re.compile(r"release-\d+")


def retain(ledger: Ledger, keep: int, before: datetime.datetime) -> list[str]:
    """Pin the newest `keep` contents that are not withdrawn, and what is or was in force `before` that time or later.

    Every other pin goes, and with the next clean-up the version that it kept; a rollback can name it no more. Returns the
    pins that were removed, as `table@version`. Nobody else may append meanwhile: the caller holds the pool of releases.
    """
    kept = {(m.index_table, m.index_version): m for m in _kept(ledger, keep, before)}
    for manifest in kept.values():
        if ledger.index_flaw(manifest) is None and pin(manifest) not in ledger.lake.tags(manifest.index_table):
            ledger.lake.tag(ledger.lake.at(manifest.index_table, manifest.index_version), pin(manifest))
    removed = []
    for table in ledger.lake.names():
        if not table.startswith(f"{ledger.corpus}."):
            continue
        for tag, version in sorted(ledger.lake.tags(table).items(), key=lambda pinned: pinned[1]):
            if PIN.fullmatch(tag) and (table, version) not in kept:
                ledger.lake.untag(table, tag)
                removed.append(f"{table}@{version}")
    return removed


def _kept(ledger: Ledger, keep: int, before: datetime.datetime) -> list[Manifest]:
    newest: dict[str, Manifest] = {}
    for entry in reversed(ledger.entries()):
        if entry.eligible and len(newest) < keep:
            newest.setdefault(entry.release.manifest.identity, entry.release.manifest)
    current = ledger.in_force()
    read = [release.manifest for release, until in _served(ledger) if until is None or until >= before]
    return [*newest.values(), *read, *([current.manifest] if current else [])]


def _served(ledger: Ledger) -> Iterator[tuple[Release, datetime.datetime | None]]:
    """What was in force after each row, and until when; None for what still is."""
    entries = ledger.entries()
    ends = (entry.release.at for entry in entries[1:])
    standing: list[Release] = []
    for entry, until in zip_longest(entries, ends):
        release = entry.release
        if release.action not in IN_FORCE:
            standing = [one for one in standing if one.manifest.identity != release.manifest.identity]
        elif entry.flaw is None:
            standing.append(release)
        if standing:
            yield standing[-1], until
