"""Embeds what no vector exists for, in committed batches."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from llmops_pipelines.embedding.embedder import Embedded, Embedder, Use
from llmops_pipelines.embedding.gates import discard_unusable, vector_gates, vector_offenders
from llmops_pipelines.embedding.partial import EmbeddingError, Refusal, TextsRefusedError
from llmops_pipelines.embedding.vectors import vector_array, vector_column
from llmops_pipelines.quality.gates import GateFailedError
from llmops_pipelines.storage.identity import merkle_root
from llmops_pipelines.storage.writer import Writer

if TYPE_CHECKING:
    import numpy as np

COMMIT_TEXTS = 1_024


@dataclass
class Spent:
    """What has been embedded so far. `embedded` and `tokens` are counted at the embedder."""

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


class _Meter:
    """Reads at the embedder what has been spent since the meter was made."""

    def __init__(self, embedder: Embedder, cause_of: Mapping[str, str]) -> None:
        self.spent = Spent()
        self._embedder = embedder
        self._cause_of = cause_of
        self._before = replace(embedder.count)
        self._started = time.perf_counter()

    def read(self, embedded: Sequence[str]) -> Spent:
        """What has been spent now that the texts `embedded` (content hashes) have vectors as well."""
        spent, now, before = self.spent, self._embedder.count, self._before
        spent.embedded = now.documents + now.queries - before.documents - before.queries
        spent.tokens = now.tokens - before.tokens
        spent.usd = now.usd - before.usd
        spent.seconds = time.perf_counter() - self._started
        spent.by_cause.update(self._cause_of[content_hash] for content_hash in embedded if self._cause_of)
        return spent


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
    What is spent is counted by the causes in `cause_of`, and told to `account` first and before every commit.
    Where a call of the embedder fails, what it made is committed first. Single texts that are refused do not keep the
    batches after them from being embedded; they are named at the end.
    Raises GateFailedError where the model gives a vector that is not finite or not of unit length, and EmbeddingError.
    """
    stored = writer.column("content_hash")
    missing = sorted(texts.keys() - stored.keys(), key=lambda content_hash: (-len(texts[content_hash]), content_hash))
    if missing:
        embedder.embed([], use)  # the rate is that of a model that is loaded
    meter = _Meter(embedder, cause_of or {})
    account(meter.spent)

    def commit(batch: Sequence[str], embedded: Embedded) -> None:
        # A kill between the two leaves an account of vectors that are made again, and none without an account.
        account(meter.read(batch))
        _commit(writer, embedder, batch, embedded)

    spent = meter.spent
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
                "vector": vector_column(embedded.vectors),
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
