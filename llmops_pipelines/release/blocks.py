"""Embedding models whose queries may not be searched with, because they answer otherwise than when they were indexed.

Rows that are only ever added; the newest of a fingerprint counts. Readers look before each query, and so do those who would
add vectors to an index of that fingerprint.
"""

import datetime

from llmops_pipelines.storage.append_only import AppendOnly
from llmops_pipelines.storage.lake import Lake
from llmops_pipelines.storage.upstream_schemas import BLOCKS, UPSTREAM


class Blocks:
    """The blocked fingerprints of `lake`. What is told is as of the newest version of the table, and cached by that."""

    def __init__(self, lake: Lake) -> None:
        self._rows = AppendOnly(lake, f"{UPSTREAM}.blocks", BLOCKS)
        self._read: tuple[int, dict[str, str]] = (0, {})

    def reason(self, fingerprint: str) -> str:
        """Why `fingerprint` is blocked; empty where it is not."""
        version = self._rows.version()
        if version != self._read[0]:
            newest = {row["fingerprint"]: row for row in sorted(self._rows.rows(), key=lambda row: row["sequence"])}
            self._read = version, {name: row["reason"] for name, row in newest.items() if row["blocked"]}
        return self._read[1].get(fingerprint, "")

    def block(self, fingerprint: str, reason: str) -> None:
        """Block `fingerprint`, unless it is."""
        if not self.reason(fingerprint):
            self._append(fingerprint, True, reason)

    def free(self, fingerprint: str, reason: str) -> None:
        """Block `fingerprint` no longer."""
        if self.reason(fingerprint):
            self._append(fingerprint, False, reason)

    def _append(self, fingerprint: str, blocked: bool, reason: str) -> None:
        inserted = False
        while not inserted:
            sequence = 1 + max((row["sequence"] for row in self._rows.rows(["sequence"])), default=0)
            at = datetime.datetime.now(datetime.UTC)
            row = {"sequence": sequence, "fingerprint": fingerprint, "blocked": blocked, "reason": reason, "at": at}
            inserted = self._rows.insert({"block_id": f"b{sequence:06}", **row})
