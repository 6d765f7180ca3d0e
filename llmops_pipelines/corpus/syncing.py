"""Syncs the documents table with its source: added, changed, deleted, unchanged, and skipped with a reason."""

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from llmops_pipelines.corpus.document import Skipped, SourceError
from llmops_pipelines.corpus.sources.protocol import Source
from llmops_pipelines.storage.snapshot import Snapshot
from llmops_pipelines.storage.sync import Sync, SyncCounts
from llmops_pipelines.storage.writer import Writer

SKIPPED_EXAMPLES = 20


@dataclass
class DocumentSync:
    """What a sync found. `skipped` counts by reason; `kept_despite_skip` are documents that stay as they were stored."""

    counts: SyncCounts
    data_version: str
    rows: int
    collections: dict[str, int]
    skipped: dict[str, int] = field(default_factory=dict)
    skipped_examples: list[str] = field(default_factory=list)
    kept_despite_skip: int = 0

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def sync_documents(
    source: Source,
    writer: Writer,
    published: Snapshot | None,
    max_loss: float,
    progress: Callable[[int], None] = lambda done: None,
) -> DocumentSync:
    """Make the table equal to the source; nothing is published yet.

    Raises SourceError, before anything is deleted, where more than the share `max_loss` of the published documents
    would go, or where the source has nothing at all.
    """
    sync = Sync(writer, published)
    skipped: list[Skipped] = []
    collections: Counter[str] = Counter()
    for item in source.documents():
        if isinstance(item, Skipped):
            skipped.append(item)
            continue
        sync.put({**asdict(item), "aliases": list(item.aliases)})
        collections[item.collection] += 1
        progress(len(sync.target))

    # A file that cannot be read now may be readable tomorrow: what is stored of it stays.
    unreadable = {item.doc_id for item in skipped if item.reason != "too large"}
    kept = [doc_id for doc_id in sync.gone() if doc_id in unreadable or doc_id.partition("#")[0] in unreadable]
    for doc_id in kept:
        sync.keep(doc_id)

    reasons = Counter(item.reason for item in skipped)
    if not sync.target:
        raise SourceError(
            f"the source has no documents ({_summary(reasons)}). Nothing was deleted. "
            "Check what the source's section selects; `skipped` reasons say what was passed over"
        )
    lost = len(sync.before.keys() - sync.target.keys())
    if sync.before and lost / len(sync.before) > max_loss:
        examples = ", ".join(sorted(sync.before.keys() - sync.target.keys())[:5])
        raise SourceError(
            f"the source has lost {lost:,} of {len(sync.before):,} documents ({lost / len(sync.before):.0%}), more than "
            f"documents.max_loss = {max_loss:.0%}: {examples}, ... Nothing was deleted. If this is meant, raise max_loss "
            "for one run"
        )
    counts = sync.finish()
    return DocumentSync(
        counts=counts,
        data_version=sync.data_version,
        rows=len(sync.target),
        collections=dict(sorted(collections.items())),
        skipped=dict(sorted(reasons.items())),
        skipped_examples=[f"{item.doc_id}: {item.reason} ({item.detail})" for item in skipped[:SKIPPED_EXAMPLES]],
        kept_despite_skip=len(kept),
    )


def _summary(reasons: Counter[str]) -> str:
    return ", ".join(f"{count} skipped as {reason}" for reason, count in reasons.items()) or "nothing was found"
