"""Embeds what no vector exists for, in committed batches, and the gates on the embeddings table."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from llmops_pipelines.embedding.embedder import Embedded, Embedder, Use
from llmops_pipelines.embedding.partial import EmbeddingError, Refusal, TextsRefusedError
from llmops_pipelines.quality.gates import GateFailedError, GateResult, offenders_gate
from llmops_pipelines.storage.identity import merkle_root
from llmops_pipelines.storage.snapshot import Snapshot
from llmops_pipelines.storage.writer import Writer

if TYPE_CHECKING:
    import numpy as np

COMMIT_TEXTS = 1_024
UNIT_TOLERANCE = 1e-3


@dataclass
class Spent:
    """What has been embedded and committed so far. `embedded` and `tokens` are counted at the embedder."""

    embedded: int = 0
    tokens: int = 0
    usd: float = 0.0  # 0 where the model has no price
    seconds: float = 0.0
    by_cause: Counter[str] = field(default_factory=Counter)


@dataclass
class EmbeddingReport:
    """reused + embedded = distinct. `embedded` and `tokens` are counted at the embedder."""

    distinct: int
    reused: int
    embedded: int
    by_cause: dict[str, int]
    tokens: int
    usd: float  # 0 where the model has no price
    truncated: int
    unused: int
    seconds: float
    numerics: str
    data_version: str

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def embed_missing(
    embedder: Embedder,
    texts: Mapping[str, str],
    writer: Writer,
    use: Use = "document",
    progress: Callable[[int, int], None] = lambda done, total: None,
    cause_of: Mapping[str, str] | None = None,
    account: Callable[[Spent], None] = lambda spent: None,
) -> EmbeddingReport:
    """Give every text a vector; `texts` are by content hash. Publishes nothing.

    Each batch of 1,024 texts is committed when it is done, so that a run which is killed has lost one batch at most.
    Batches are made of texts of about one length. Vectors of texts that are no longer there stay for their return.
    What is spent is counted by the causes in `cause_of`, and told to `account` first and after every commit.
    Where a call of the embedder fails, what it made is committed first. Single texts that are refused do not keep the
    batches after them from being embedded; they are named at the end.
    Raises GateFailedError where the model gives a vector that is not finite or not of unit length, and EmbeddingError.
    """
    stored = writer.column("content_hash")
    missing = sorted(texts.keys() - stored.keys(), key=lambda content_hash: (-len(texts[content_hash]), content_hash))
    if missing:
        embedder.embed([], use)  # the rate is that of a model that is loaded
    counted = replace(embedder.count)
    started = time.perf_counter()
    spent = Spent()
    account(spent)

    def commit(batch: Sequence[str], embedded: Embedded) -> None:
        _commit(writer, embedder, batch, embedded)
        now = embedder.count
        spent.embedded = now.documents + now.queries - counted.documents - counted.queries
        spent.tokens = now.tokens - counted.tokens
        spent.usd = now.usd - counted.usd
        spent.seconds = time.perf_counter() - started
        spent.by_cause.update(cause_of[content_hash] for content_hash in batch if cause_of)
        account(spent)

    refused: list[Refusal] = []
    refusing = ""
    for start in range(0, len(missing), COMMIT_TEXTS):
        batch = missing[start : start + COMMIT_TEXTS]

        def report(done: int, base: int = start) -> None:
            progress(base + done, len(missing))

        try:
            embedded = embedder.embed([texts[content_hash] for content_hash in batch], use, report)
        except EmbeddingError as error:
            if error.embedded and error.positions:
                commit([batch[position] for position in error.positions], error.embedded)
            if not isinstance(error, TextsRefusedError) or error.gave_up:
                raise
            refused += error.refused
            refusing = error.model_name
        else:
            commit(batch, embedded)
    if refused:
        raise TextsRefusedError(refusing, refused)
    truncated = writer.column("truncated")
    return EmbeddingReport(
        distinct=len(texts),
        reused=len(texts) - len(missing),
        embedded=spent.embedded,
        by_cause=dict(spent.by_cause),
        tokens=spent.tokens,
        usd=spent.usd,
        truncated=sum(truncated[content_hash] for content_hash in texts),
        unused=len(truncated) - len(texts),
        seconds=spent.seconds,
        numerics=embedder.numerics if missing else "",
        data_version=merkle_root((content_hash, embedder.fingerprint) for content_hash in texts),
    )


def _commit(writer: Writer, embedder: Embedder, content_hashes: Sequence[str], embedded: Embedded) -> None:
    for gate in vector_gates(vector_offenders(content_hashes, embedded.vectors)):
        if not gate.passed:  # a wrong vector that is stored would be reused for ever
            raise GateFailedError(gate)
    writer.upsert(
        pa.table(
            {
                "content_hash": content_hashes,
                "vector": _vector_column(embedded.vectors),
                "tokens": embedded.tokens,
                "truncated": embedded.truncated,
                "fingerprint": [embedder.fingerprint] * len(content_hashes),
                "numerics": [embedder.numerics] * len(content_hashes),
            }
        )
    )


def kept_vectors(
    embedder: Embedder, texts: Mapping[str, str], writer: Writer, use: Use
) -> tuple[dict[str, "np.ndarray"], int]:
    """The vectors of `texts`, by content hash, and how many were made just now.

    They are kept in the table of `writer`, which is published, so that none is made twice.
    """
    discard_unusable(writer, embedder.fingerprint)
    report = embed_missing(embedder, texts, writer, use)
    writer.staged()
    writer.publish(report.data_version, embedder.fingerprint, report.as_dict())
    stored = writer.staged().arrow(["content_hash", "vector"])
    hashes = stored["content_hash"].to_pylist()
    return dict(zip(hashes, vector_array(stored["vector"]), strict=True)), report.embedded


def vector_offenders(content_hashes: Sequence[str], vectors: "np.ndarray") -> dict[str, list[str]]:
    """The texts whose vector is not finite, or not of length 1, by the gate that they fail."""
    import numpy as np

    norms = np.linalg.norm(vectors, axis=1)
    finite = np.isfinite(norms)
    wrong = {"finite": ~finite, "unit_length": finite & (np.abs(norms - 1) > UNIT_TOLERANCE)}
    return {name: [content_hashes[int(i)] for i in np.flatnonzero(rows)] for name, rows in wrong.items()}


def unusable_vectors(embeddings: Snapshot, fingerprint: str) -> dict[str, list[str]]:
    """The keys of rows that must not be reused: another model's (`stale`), `repeated`, or no unit vector (`not_finite`)."""
    found: dict[str, list[str]] = {"stale": [], "repeated": [], "not_finite": []}
    seen: set[str] = set()
    for batch in embeddings.batches(["content_hash", "fingerprint", "vector"]):
        keys = batch["content_hash"].to_pylist()
        found["stale"] += [
            k for k, made_by in zip(keys, batch["fingerprint"].to_pylist(), strict=True) if made_by != fingerprint
        ]
        found["repeated"] += [key for key in keys if key in seen or seen.add(key)]
        for damaged in vector_offenders(keys, vector_array(batch["vector"])).values():
            found["not_finite"] += damaged
    return found


def discard_unusable(writer: Writer, fingerprint: str) -> int:
    """Delete the stored `unusable_vectors`, so that they are embedded again where they are wanted; returns how many keys."""
    unusable = {key for keys in unusable_vectors(writer.stored(), fingerprint).values() for key in keys}
    writer.delete(unusable)
    return len(unusable)


def vector_gates(offenders: Mapping[str, Sequence[str]]) -> list[GateResult]:
    """The gates of `vector_offenders`."""
    return [
        offenders_gate("finite", offenders["finite"], "No vector holds NaN or infinity."),
        offenders_gate("unit_length", offenders["unit_length"], "Every vector has length 1 within 0.001."),
    ]


def embedding_gates(
    embeddings: Snapshot, content_hashes: Sequence[str], fingerprint: str, allows_truncation: bool
) -> list[GateResult]:
    """Complete, finite, of unit length, one vector a key, of one model, nothing truncated unless the chunker allows it."""
    keys: list[str] = []
    offenders: dict[str, list[str]] = {"finite": [], "unit_length": []}
    for batch in embeddings.batches(["content_hash", "vector"]):
        hashes = batch["content_hash"].to_pylist()
        keys += hashes
        for name, found in vector_offenders(hashes, vector_array(batch["vector"])).items():
            offenders[name] += found
    seen: set[str] = set()
    repeated = [key for key in keys if key in seen or seen.add(key)]
    foreign = embeddings.arrow(["content_hash"], f"fingerprint != '{fingerprint}'")["content_hash"].to_pylist()
    wanted = set(content_hashes)
    truncated = [
        key for key in embeddings.arrow(["content_hash"], "truncated")["content_hash"].to_pylist() if key in wanted
    ]
    over_window = offenders_gate(
        "within_window",
        [] if allows_truncation else truncated,
        "No text is longer than the model's window, unless the chunker allows truncation.",
        truncated=len(truncated),
        truncation_allowed=allows_truncation,
    )
    return [
        offenders_gate("complete", sorted(wanted - seen), "Every chunk has a vector.", wanted=len(wanted)),
        *vector_gates(offenders),
        offenders_gate("one_vector_a_key", repeated, "No content hash has two vectors."),
        offenders_gate("one_fingerprint", foreign, "Every vector was made by this partition's model."),
        over_window,
    ]


def accounting_gate(report: EmbeddingReport, wanted: int) -> GateResult:
    """reused + embedded = `wanted` texts, and every embedded one has a cause."""
    accounted = report.reused + report.embedded == wanted and sum(report.by_cause.values()) == report.embedded
    numbers = {"distinct": wanted, "reused": report.reused, "embedded": report.embedded}
    return GateResult(
        "accounted",
        accounted,
        numbers,
        "Every distinct text is reused or was embedded, and what was embedded has a cause.",
    )


def vector_array(column: pa.Array | pa.ChunkedArray) -> Any:
    """A fixed-size list column as a float32 array of shape (rows, dimension)."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return array.flatten().to_numpy(zero_copy_only=False).reshape(len(array), array.type.list_size)


def _vector_column(vectors: Any) -> pa.Array:
    return pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), vectors.shape[1])
