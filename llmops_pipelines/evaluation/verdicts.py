"""The verdicts of one corpus: what was judged against what, appended and never changed. A release rests on one of them.

How a verdict is reached is in verdict.py.
"""

import datetime
from dataclasses import asdict, dataclass, field
from typing import Any

from llmops_pipelines.storage.append_only import AppendOnly
from llmops_pipelines.storage.identity import value_hash
from llmops_pipelines.storage.lake import Lake
from llmops_pipelines.storage.schemas import VERDICTS


@dataclass(frozen=True, kw_only=True)
class VerdictRow:
    """One verdict.

    `candidate` and `production` are identities of release manifests: of what was judged, and of what was in force then;
    None where nothing was. `data_only` says that only the documents differ. `suites` is the hash of the suites that gate,
    `evaluation` the data version of the candidate's evaluation, `figures` JSON for history and report. `verdict` is
    better, not_worse, worse, inconclusive or first, `reason` says why in words.
    """

    verdict_id: str = ""  # until it is appended
    at: datetime.datetime = field(default_factory=lambda: datetime.datetime.now(datetime.UTC))
    candidate: str
    candidate_key: str
    production: str | None
    data_only: bool
    suites: str
    scorer: str
    evaluation: str
    verdict: str
    promotes: bool
    reason: str
    requested_by: str
    figures: str = "{}"

    @property
    def content(self) -> dict[str, Any]:
        """Everything but the time and the id, which is the hash of this."""
        return {name: value for name, value in asdict(self).items() if name not in ("verdict_id", "at")}

    @property
    def valid(self) -> bool:
        """Whether the row is as it was appended."""
        return self.verdict_id == value_hash(self.content)


class Verdicts:
    """The verdicts of `corpus` in `lake`."""

    def __init__(self, lake: Lake, corpus: str) -> None:
        self.table = f"{corpus}.verdicts"
        self._rows = AppendOnly(lake, self.table, VERDICTS)

    def version(self) -> int:
        """A number that grows with every verdict."""
        return self._rows.version()

    def append(self, verdict: VerdictRow) -> VerdictRow:
        """Record a verdict under its id. One that is recorded with the same content stays as it is, with its time."""
        identity = value_hash(verdict.content)
        self._rows.insert({**asdict(verdict), "verdict_id": identity})
        return next(row for row in self.history() if row.verdict_id == identity)

    def history(self) -> list[VerdictRow]:
        """All verdicts, oldest first, those that were changed since they were made among them."""
        return sorted((VerdictRow(**row) for row in self._rows.rows()), key=lambda row: (row.at, row.verdict_id))

    def of(self, candidate: str, production: str | None) -> VerdictRow | None:
        """The newest valid verdict on `candidate` against `production`, None being that nothing is in force."""
        judged = [row for row in self.history() if (row.candidate, row.production) == (candidate, production)]
        return next((row for row in reversed(judged) if row.valid), None)
