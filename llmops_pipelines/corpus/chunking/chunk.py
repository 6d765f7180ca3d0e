"""Brings the chunks table in line with the clean documents, and the gates that hold before it is published."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from llmops_pipelines.corpus.chunking.protocol import Chunker
from llmops_pipelines.corpus.cleaning.cleaner import KEPT
from llmops_pipelines.quality.gates import GateResult, offenders_gate
from llmops_pipelines.storage.identity import text_hash
from llmops_pipelines.storage.snapshot import Snapshot
from llmops_pipelines.storage.sync import Sync, SyncCounts
from llmops_pipelines.storage.writer import Writer


@dataclass
class ChunkReport:
    """What chunking made: counts against the published chunks, and the sizes of what there is now."""

    counts: SyncCounts
    data_version: str
    documents: int
    documents_reused: int
    chunks: int
    distinct_texts: int
    tokens: int
    longest_tokens: int

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def chunk_documents(
    chunker: Chunker,
    documents: Snapshot,
    writer: Writer,
    published: Snapshot | None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> ChunkReport:
    """Cut the documents that changed, keep the chunks of the others, delete the rest. Publishes nothing."""
    sync = Sync(writer, published)
    identity = chunker.identity
    known: dict[tuple[str, str], list[tuple[str, str, int]]] = {}
    columns = ["chunk_id", "doc_id", "document_hash", "chunker", "content_hash", "tokens"]
    comparable = published is not None and set(columns) <= set(published.schema.names)
    for row in published.rows(columns) if published and comparable else ():
        if row["chunker"] == identity:
            chunks = known.setdefault((row["doc_id"], row["document_hash"]), [])
            chunks.append((row["chunk_id"], row["content_hash"], row["tokens"]))

    total = documents.count(KEPT)
    hashes: set[str] = set()
    lengths: list[int] = []
    reused = 0
    for done, document in enumerate(documents.rows(["doc_id", "text"], KEPT), start=1):
        document_hash = text_hash(document["text"])
        chunks = known.get((document["doc_id"], document_hash))
        if chunks and all(sync.is_stored_as_published(chunk_id) for chunk_id, _, _ in chunks):
            reused += 1
            for chunk_id, content_hash, tokens in chunks:
                sync.keep(chunk_id)
                hashes.add(content_hash)
                lengths.append(tokens)
        else:
            for row in _rows(chunker, document, document_hash):
                sync.put(row)
                hashes.add(row["content_hash"])
                lengths.append(row["tokens"])
        progress(done, total)
    return ChunkReport(
        counts=sync.finish(),
        data_version=sync.data_version,
        documents=total,
        documents_reused=reused,
        chunks=len(lengths),
        distinct_texts=len(hashes),
        tokens=sum(lengths),
        longest_tokens=max(lengths, default=0),
    )


def chunk_gates(chunker: Chunker, documents: Snapshot, chunks: Snapshot) -> list[GateResult]:
    """The token bound of the chunker, and that every visible character of every document is in a chunk."""
    bound = chunker.max_tokens
    too_long = chunks.arrow(["chunk_id", "tokens"], f"tokens > {bound}")["chunk_id"].to_pylist() if bound else []
    spans: dict[str, list[tuple[int, int]]] = {}
    for row in chunks.rows(["doc_id", "start", "end"]):
        spans.setdefault(row["doc_id"], []).append((row["start"], row["end"]))
    uncovered: list[str] = []
    for document in documents.rows(["doc_id", "text"], KEPT):
        position, left_out = 0, ""
        for start, end in sorted(spans.pop(document["doc_id"], [])):
            left_out += document["text"][position:start]
            position = max(position, end)
        if (left_out + document["text"][position:]).strip():
            uncovered.append(document["doc_id"])
    return [
        offenders_gate(
            "token_bound", too_long, "No passage is longer than the chunker's bound.", bound=bound or "none"
        ),
        offenders_gate("coverage", uncovered, "Every character of every document, spaces aside, is in a passage."),
        offenders_gate("no_orphans", list(spans), "Every passage belongs to a document that was kept."),
    ]


def _rows(chunker: Chunker, document: dict[str, Any], document_hash: str) -> list[dict[str, Any]]:
    return [
        {
            "chunk_id": f"{document['doc_id']}#{ordinal}",
            "doc_id": document["doc_id"],
            "ordinal": ordinal,
            "start": passage.start,
            "end": passage.end,
            "text": passage.text,
            "content_hash": text_hash(passage.text),
            "tokens": passage.tokens,
            "document_hash": document_hash,
            "chunker": chunker.identity,
        }
        for ordinal, passage in enumerate(chunker.split(document["text"]))
    ]
