"""Runs the rules over the documents: what is kept, what was mended, what is dropped and why."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from importlib.metadata import version
from typing import Any

from llmops_pipelines.corpus.cleaning.control_characters import ControlCharacters
from llmops_pipelines.corpus.cleaning.exact_duplicates import ExactDuplicates
from llmops_pipelines.corpus.cleaning.language import Language, identify
from llmops_pipelines.corpus.cleaning.length import Length
from llmops_pipelines.corpus.cleaning.mojibake import Mojibake
from llmops_pipelines.corpus.cleaning.protocol import Filter, Repair
from llmops_pipelines.corpus.cleaning.unicode_nfc import UnicodeNfc
from llmops_pipelines.quality.gates import GateResult, offenders_gate
from llmops_pipelines.storage.identity import text_hash, value_hash
from llmops_pipelines.storage.snapshot import Snapshot
from llmops_pipelines.storage.sync import Sync, SyncCounts
from llmops_pipelines.storage.writer import Writer

EXAMPLES = 5
KEPT = "dropped IS NULL"
CARRIED = ("doc_id", "collection", "parent", "kind", "title", "aliases")


@dataclass(frozen=True)
class Cleaner:
    """The rules in the order in which they run: repairs, filters, then duplicates among what is left."""

    repairs: Sequence[Repair] = (Mojibake(), ControlCharacters(), UnicodeNfc())
    filters: Sequence[Filter] = (Length(), Language())
    duplicates: ExactDuplicates | None = field(default_factory=ExactDuplicates)

    @cached_property
    def identity(self) -> str:
        """Differs where any rule, its version, its settings, the order, or a library that a rule calls differ."""
        rules: list[Any] = [*self.repairs, *self.filters, *([self.duplicates] if self.duplicates else [])]
        libraries = {name: version(name) for name in ("ftfy", "py3langid")}
        return value_hash([libraries, [[rule.name, rule.version, asdict(rule)] for rule in rules]])

    def clean(self, document: dict[str, Any]) -> dict[str, Any]:
        """The clean row of one row of `documents`, duplicates not yet looked for."""
        text, repairs = document["text"], []
        for repair in self.repairs:
            mended = repair.repair(text)
            if mended != text:
                repairs.append(repair.name)
                text = mended
        text = text.strip()
        dropped, detail = next(
            ((rule.name, why) for rule in self.filters if (why := rule.reject(text)) is not None), (None, None)
        )
        return {
            **{name: document[name] for name in CARRIED},
            "text": text,
            "language": identify(text),
            "repairs": repairs,
            "dropped": dropped,
            "detail": detail,
            "input_hash": value_hash([document["row_hash"], self.identity]),
        }


@dataclass
class CleaningReport:
    """in = kept + dropped, per reason."""

    counts: SyncCounts
    data_version: str
    documents: int
    kept: int
    dropped: dict[str, int]
    repaired: dict[str, int]
    languages: dict[str, int]
    reused: int
    dropped_examples: dict[str, list[str]] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def clean_documents(
    cleaner: Cleaner,
    documents: Snapshot,
    writer: Writer,
    published: Snapshot | None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> CleaningReport:
    """Bring the clean table in line with `documents`: only documents that changed are cleaned again. Publishes nothing."""
    total = documents.count()
    known = _known(published, cleaner)
    cleaned: dict[str, dict[str, Any]] = {}
    reused = 0
    for done, document in enumerate(documents.rows(), start=1):
        row = known.get(value_hash([document["row_hash"], cleaner.identity]))
        reused += row is not None
        cleaned[document["doc_id"]] = row or cleaner.clean(document)
        progress(done, total)

    if cleaner.duplicates:
        hashes = {doc_id: text_hash(row["text"]) for doc_id, row in cleaned.items() if row["dropped"] is None}
        for doc_id, kept in cleaner.duplicates.duplicates(hashes).items():
            cleaned[doc_id] |= {"dropped": cleaner.duplicates.name, "detail": f"same text as {kept}"}

    sync = Sync(writer, published)
    for row in cleaned.values():
        sync.put(row)
    counts = sync.finish()
    kept = [row for row in cleaned.values() if row["dropped"] is None]
    dropped = sorted((row for row in cleaned.values() if row["dropped"]), key=lambda row: row["doc_id"])
    report = CleaningReport(
        counts=counts,
        data_version=sync.data_version,
        documents=total,
        kept=len(kept),
        dropped=_count(row["dropped"] for row in dropped),
        repaired=_count(name for row in kept for name in row["repairs"]),
        languages=_count(row["language"] for row in kept),
        reused=reused,
    )
    for row in dropped:
        examples = report.dropped_examples.setdefault(row["dropped"], [])
        if len(examples) < EXAMPLES:
            examples.append(f"{row['doc_id']}: {row['detail']}")
    return report


def cleaning_gates(documents: Snapshot, cleaned: Snapshot) -> list[GateResult]:
    """in = kept + dropped, read from both tables; and that something was kept."""
    wanted = set(documents.arrow(["doc_id"])["doc_id"].to_pylist())
    found = cleaned.arrow(["doc_id"])["doc_id"].to_pylist()
    unaccounted = sorted(wanted ^ set(found)) or (["a doc_id twice"] if len(found) != len(wanted) else [])
    kept = cleaned.count(KEPT)
    return [
        GateResult(
            "not_empty",
            kept > 0,
            {"kept": kept, "documents": len(wanted)},
            "Cleaning kept at least one document." if kept else "every document was dropped; see dropped_by_rule.",
        ),
        offenders_gate(
            "row_accounting",
            unaccounted,
            "Every document is here once: kept, or dropped with a reason.",
            documents=len(wanted),
            kept=kept,
            dropped=len(found) - kept,
        ),
    ]


def _known(published: Snapshot | None, cleaner: Cleaner) -> dict[str, dict[str, Any]]:
    """Stored rows by input hash, as they were before duplicates were looked for."""
    if published is None or "input_hash" not in published.schema.names:
        return {}
    rows: dict[str, dict[str, Any]] = {}
    for row in published.rows():
        row.pop("row_hash")
        if cleaner.duplicates and row["dropped"] == cleaner.duplicates.name:
            row |= {"dropped": None, "detail": None}
        rows[row["input_hash"]] = row
    return rows


def _count(names: Any) -> dict[str, int]:
    return dict(sorted(Counter(names).items(), key=lambda item: (-item[1], item[0])))
