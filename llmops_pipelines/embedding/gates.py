"""What is wrong with stored vectors, and the gates that hold before a table of them is published."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from llmops_pipelines.embedding.vectors import vector_array
from llmops_pipelines.quality.gates import GateResult, offenders_gate
from llmops_pipelines.storage.snapshot import Snapshot
from llmops_pipelines.storage.writer import Writer

if TYPE_CHECKING:
    import numpy as np

UNIT_TOLERANCE = 1e-3


def vector_offenders(content_hashes: Sequence[str], vectors: "np.ndarray") -> dict[str, list[str]]:
    """The texts whose vector is not finite, or not of length 1, by the gate that they fail."""
    import numpy as np

    norms = np.linalg.norm(vectors, axis=1)
    finite = np.isfinite(norms)
    wrong = {"finite": ~finite, "unit_length": finite & (np.abs(norms - 1) > UNIT_TOLERANCE)}
    return {name: [content_hashes[int(i)] for i in np.flatnonzero(rows)] for name, rows in wrong.items()}


def vector_faults(embeddings: Snapshot, fingerprint: str) -> dict[str, list[str]]:
    """The keys of rows that must not be used: another model's (`stale`), `repeated`, not `finite`, not of `unit_length`."""
    found: dict[str, list[str]] = {"stale": [], "repeated": [], "finite": [], "unit_length": []}
    seen: set[str] = set()
    for batch in embeddings.batches(["content_hash", "fingerprint", "vector"]):
        keys = batch["content_hash"].to_pylist()
        made_by = zip(keys, batch["fingerprint"].to_pylist(), strict=True)
        found["stale"] += [key for key, model in made_by if model != fingerprint]
        found["repeated"] += [key for key in keys if key in seen or seen.add(key)]
        for name, damaged in vector_offenders(keys, vector_array(batch["vector"])).items():
            found[name] += damaged
    return found


def discard_unusable(writer: Writer, fingerprint: str) -> int:
    """Delete the stored rows with `vector_faults`, so that they are embedded again; returns how many keys."""
    unusable = {key for keys in vector_faults(writer.stored(), fingerprint).values() for key in keys}
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
    faults = vector_faults(embeddings, fingerprint)
    rows = embeddings.arrow(["content_hash", "truncated"])
    wanted = set(content_hashes)
    missing = wanted.difference(rows["content_hash"].to_pylist())
    truncated = [key for key in rows.filter(rows["truncated"])["content_hash"].to_pylist() if key in wanted]
    over_window = offenders_gate(
        "within_window",
        [] if allows_truncation else truncated,
        "No text is longer than the model's window, unless the chunker allows truncation.",
        truncated=len(truncated),
        truncation_allowed=allows_truncation,
    )
    return [
        offenders_gate("complete", sorted(missing), "Every chunk has a vector.", wanted=len(wanted)),
        *vector_gates(faults),
        offenders_gate("one_vector_a_key", faults["repeated"], "No content hash has two vectors."),
        offenders_gate("one_fingerprint", faults["stale"], "Every vector was made by this partition's model."),
        over_window,
    ]


def accounting_gate(wanted: int, reused: int, embedded: int, by_cause: Mapping[str, int]) -> GateResult:
    """`reused` + `embedded` = `wanted` texts, and every embedded one has a cause."""
    return GateResult(
        "accounted",
        reused + embedded == wanted and sum(by_cause.values()) == embedded,
        {"distinct": wanted, "reused": reused, "embedded": embedded},
        "Every distinct text is reused or was embedded, and what was embedded has a cause.",
    )
