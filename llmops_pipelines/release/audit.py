"""Which rows of the history of releases are to be believed: what can be told from the rows and the verdicts alone.

Rows are a chain: each has the digest of the one before, so that one that was changed, or replaced with its digest, shows.
Whether the index that a row names is still there is for the reader to see.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from llmops_pipelines.evaluation.verdicts import VerdictRow
from llmops_pipelines.release.manifest import Release, release_name

RESTORING = ("rollback", "repair")
IN_FORCE = ("release", *RESTORING)  # the actions that put a manifest in force


@dataclass(frozen=True)
class Entry:
    """A row, why it is not believed (None where it is), and the row by which its content was withdrawn, if it was."""

    release: Release
    flaw: str | None
    withdrawn_by: Release | None

    @property
    def eligible(self) -> bool:
        """Whether it can be in force, so far as rows and verdicts tell."""
        return self.release.action in IN_FORCE and self.flaw is None and self.withdrawn_by is None


def audited(rows: Sequence[Release], verdicts: Mapping[str, VerdictRow]) -> list[Entry]:
    """Every row with what is wrong with it, oldest first. `verdicts` are all there are, by id."""
    ordered = sorted(rows, key=lambda row: (row.sequence, row.release_id))
    changed = _changed(ordered)
    flaws: dict[int, str] = {}
    releases: dict[int, int] = {}  # the positions of rows of action release, by sequence
    for position, row in enumerate(ordered):
        flaw = changed.get(position) or _unproven(row, verdicts, ordered, releases, flaws)
        if flaw:
            flaws[position] = flaw
        if row.action == "release":
            releases.setdefault(row.sequence, position)
    # A withdrawal counts even where its row was changed: what somebody took back is not served for that.
    withdrawals = {row.manifest.identity: row for row in ordered if row.action == "withdrawal"}
    return [
        Entry(row, flaws.get(position), _later(withdrawals.get(row.manifest.identity), row))
        for position, row in enumerate(ordered)
    ]


def missing_rows(rows: Sequence[Release]) -> list[str]:
    """The ids of rows that there must have been, by the numbers of the others."""
    present = {row.sequence for row in rows}
    return [release_name(sequence) for sequence in range(1, max(present, default=0)) if sequence not in present]


def _changed(rows: Sequence[Release]) -> dict[int, str]:
    """What is wrong with rows in themselves, by position."""
    intact = [row.digest == row.content_digest for row in rows]
    times = Counter(row.sequence for row in rows)
    after = {row.sequence: row for row, sound in zip(rows, intact, strict=True) if sound}
    flaws: dict[int, str] = {}
    for position, row in enumerate(rows):
        following = after.get(row.sequence + 1)
        if not intact[position]:
            flaws[position] = "the row was changed after it was appended"
        elif times[row.sequence] > 1:
            flaws[position] = "the row is there more than once"
        elif following and following.previous != row.digest:
            flaws[position] = f"the row was replaced after {following.release_id} was appended"
    return flaws


def _unproven(
    row: Release,
    verdicts: Mapping[str, VerdictRow],
    rows: Sequence[Release],
    releases: Mapping[int, int],
    flaws: Mapping[int, str],
) -> str | None:
    """Why `row` had no right to put its manifest in force; None where it had. `releases` and `flaws` are of rows before."""
    if row.action == "release":
        return None if row.sequence == 1 else _unpromoted(row, verdicts)
    if row.action in RESTORING:
        if row.origin not in releases:
            return f"there is no release {release_name(row.origin)} for it to put in force again"
        position = releases[row.origin]
        restored = rows[position]
        if position in flaws:
            return f"{restored.release_id}, which it puts in force again, is not valid: {flaws[position]}"
        if restored.manifest.identity != row.manifest.identity:
            return f"its content is not that of {restored.release_id}, which it says to put in force again"
        return None
    return None if row.action == "withdrawal" else f"there is no action {row.action!r}"


def _unpromoted(row: Release, verdicts: Mapping[str, VerdictRow]) -> str | None:
    verdict = verdicts.get(row.manifest.verdict_id or "")
    if verdict is None:
        return "there is no verdict that promotes it"
    if not verdict.valid:
        return f"its verdict {verdict.verdict_id[:12]} was changed after it was made"
    if not verdict.promotes:
        return f"its verdict {verdict.verdict_id[:12]} does not promote it: {verdict.verdict}"
    if verdict.candidate != row.manifest.identity:
        return f"its verdict {verdict.verdict_id[:12]} is about something else"
    return None


def _later(withdrawal: Release | None, row: Release) -> Release | None:
    return withdrawal if withdrawal and withdrawal.sequence > row.sequence else None
