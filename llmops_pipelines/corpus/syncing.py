"""Syncs the documents table with its source: added, changed, deleted, unchanged, and skipped with a reason."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from llmops_pipelines.corpus.document import Skipped
from llmops_pipelines.corpus.sources.protocol import Source
from llmops_pipelines.quality.gates import NAMED_ROWS, GateFailedError, GateResult
from llmops_pipelines.storage.snapshot import Snapshot
from llmops_pipelines.storage.sync import Sync, SyncCounts
from llmops_pipelines.storage.writer import Writer

SKIPPED_EXAMPLES = 20


@dataclass
class DocumentSync:
    """What a sync found. `skipped` counts by reason; `kept_despite_skip` are documents that stay as they were stored."""

    counts: SyncCounts
    gates: list[GateResult]
    data_version: str
    rows: int
    collections: dict[str, int]
    skipped: dict[str, int] = field(default_factory=dict)
    skipped_examples: list[str] = field(default_factory=list)
    kept_despite_skip: int = 0

    def as_dict(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if name != "gates"}


def sync_documents(
    source: Source,
    writer: Writer,
    published: Snapshot | None,
    max_loss: float,
    progress: Callable[[int], None] = lambda done: None,
) -> DocumentSync:
    """Make the table equal to the source; nothing is published yet.

    Raises GateFailedError, before anything is deleted, where more than the share `max_loss` of the published documents
    would go, or where the source has nothing at all; SourceError where it cannot be read.
    """
    sync = Sync(writer, published)
    skipped: list[Skipped] = []
    collections: Counter[str] = Counter()
    for item in source.documents():
        if isinstance(item, Skipped):
            skipped.append(item)
            continue
        sync.put({**vars(item), "aliases": list(item.aliases)})
        collections[item.collection] += 1
        progress(len(sync.target))

    # A file that cannot be read now may be readable tomorrow: what is stored of it stays.
    unreadable = {item.doc_id for item in skipped}
    kept = [doc_id for doc_id in sync.gone() if not unreadable.isdisjoint(_possible_files(doc_id))]
    for doc_id in kept:
        sync.keep(doc_id)

    reasons = Counter(item.reason for item in skipped)
    not_empty = empty_gate(len(sync.target), reasons)
    if not not_empty.passed:
        raise GateFailedError(not_empty)
    loss = loss_gate(sync.before.keys(), sync.target.keys(), max_loss)
    if not loss.passed:
        raise GateFailedError(loss)
    counts = sync.finish()
    return DocumentSync(
        counts=counts,
        gates=[not_empty, loss],
        data_version=sync.data_version,
        rows=len(sync.target),
        collections=dict(sorted(collections.items())),
        skipped=dict(sorted(reasons.items())),
        skipped_examples=[f"{item.doc_id}: {item.reason} ({item.detail})" for item in skipped[:SKIPPED_EXAMPLES]],
        kept_despite_skip=len(kept),
    )


def _possible_files(doc_id: str) -> list[str]:
    """The files that `doc_id` may be of: names and fragments may both hold a `#`."""
    parts = doc_id.split("#")
    return ["#".join(parts[:end]) for end in range(1, len(parts) + 1)]


def empty_gate(documents: int, reasons: Mapping[str, int]) -> GateResult:
    """Whether the source has any document; where not, what was passed over says why."""
    if documents:
        return GateResult("not_empty", True, {"documents": documents}, "The source has documents.")
    passed_over = ", ".join(f"{count} skipped as {reason}" for reason, count in reasons.items()) or "nothing was found"
    return GateResult(
        "not_empty",
        False,
        {"documents": 0, "skipped": dict(reasons)},
        f"the source has no documents ({passed_over}); nothing was deleted. Check what the section `source` selects.",
    )


def loss_gate(before: Collection[str], after: Collection[str], max_loss: float) -> GateResult:
    """Whether a sync deletes no more than the share `max_loss` of the documents that were there."""
    lost = sorted(set(before) - set(after))
    share = len(lost) / len(before) if before else 0.0
    metadata = {"lost": len(lost), "before": len(before), "share": share, "max_loss": max_loss}
    if share <= max_loss:
        return GateResult("no_mass_deletion", True, metadata, "The source has not suddenly lost its documents.")
    return GateResult(
        "no_mass_deletion",
        False,
        {**metadata, "offending": lost[:NAMED_ROWS]},
        f"the source has lost {len(lost):,} of {len(before):,} documents ({share:.0%}), more than documents.max_loss "
        f"({max_loss:.0%}); nothing was deleted. Where it is meant, raise max_loss for one run.",
    )
