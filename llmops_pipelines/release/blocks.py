"""Embedding models whose queries may not be searched with, because they answer otherwise than when they were indexed.

Rows that are only ever added; the newest of a fingerprint and an upstream model counts. Readers look before each query, and
so do those who would add vectors to an index of that fingerprint.
"""

import datetime

from llmops_pipelines.storage.append_only import AppendOnly
from llmops_pipelines.storage.lake import Lake
from llmops_pipelines.storage.upstream_schemas import BLOCKS, UPSTREAM


class Blocks:
    """The blocked fingerprints of `lake`. What is told is as of the newest version of the table, and cached by that."""

    def __init__(self, lake: Lake) -> None:
        self._rows = AppendOnly(lake, f"{UPSTREAM}.blocks", BLOCKS)
        self._read: tuple[int, dict[tuple[str, str], str]] = (0, {})

    def reason(self, fingerprint: str) -> str:
        """Why `fingerprint` is blocked; empty where it is not. It is as long as any upstream model that has it blocks it."""
        version = self._rows.version()
        if version != self._read[0]:
            rows = sorted(self._rows.rows(), key=lambda row: row["sequence"])
            newest = {(row["fingerprint"], row["upstream"]): row for row in rows}
            self._read = version, {of: row["reason"] for of, row in newest.items() if row["blocked"]}
        return "; ".join(reason for (blocked, _), reason in self._read[1].items() if blocked == fingerprint)

    def block(self, fingerprint: str, upstream: str, reason: str) -> None:
        """Block `fingerprint` for `upstream`, unless it is."""
        if not self._blocks(fingerprint, upstream):
            self._append(fingerprint, upstream, True, reason)

    def free(self, fingerprint: str, upstream: str, reason: str) -> None:
        """Block `fingerprint` for `upstream` no longer."""
        if self._blocks(fingerprint, upstream):
            self._append(fingerprint, upstream, False, reason)

    def _blocks(self, fingerprint: str, upstream: str) -> bool:
        self.reason(fingerprint)
        return (fingerprint, upstream) in self._read[1]

    def _append(self, fingerprint: str, upstream: str, blocked: bool, reason: str) -> None:
        inserted = False
        while not inserted:
            sequence = 1 + max((row["sequence"] for row in self._rows.rows(["sequence"])), default=0)
            row = {
                "block_id": f"b{sequence:06}",
                "sequence": sequence,
                "fingerprint": fingerprint,
                "upstream": upstream,
                "blocked": blocked,
                "reason": reason,
                "at": datetime.datetime.now(datetime.UTC),
            }
            inserted = self._rows.insert(row)
