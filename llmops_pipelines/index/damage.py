"""What is wrong with a stored index or its embeddings, row by row: read from the table itself, against the chunks."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from llmops_pipelines.embedding.gates import vector_faults, vector_offenders
from llmops_pipelines.embedding.vectors import vector_array
from llmops_pipelines.quality.gates import NAMED_ROWS
from llmops_pipelines.storage.snapshot import Snapshot
from llmops_pipelines.storage.sync import row_hash

KINDS = {
    "missing": "has no row",
    "orphaned": "has a row and no chunk",
    "stale": "holds another text or another model's vector than it says",
    "repeated": "has more than one row",
    "not_finite": "has a vector that is not finite, or not of length 1",
}


@dataclass(frozen=True)
class Damage:
    """The keys of the rows of one table that are wrong, sorted, by kind. `role` says who reads that version."""

    table: str
    version: int | None
    role: str
    found: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, table: str, version: int | None, role: str, found: Mapping[str, Iterable[str]]) -> "Damage":
        named = {kind: sorted(set(found[kind])) for kind in KINDS if kind in found}
        return cls(table, version, role, {kind: keys for kind, keys in named.items() if keys})

    def as_dict(self) -> dict[str, Any]:
        found = {kind: {"count": len(keys), "first": keys[:NAMED_ROWS]} for kind, keys in self.found.items()}
        return {"table": self.table, "version": self.version, "role": self.role, "found": found}


def index_damage(index: Snapshot, chunks: Snapshot, fingerprint: str, role: str) -> Damage:
    """An index against the `chunks` that it was made from: every column of every row is read."""
    found = chunks.arrow(["chunk_id", "content_hash"])
    wanted = dict(zip(found["chunk_id"].to_pylist(), found["content_hash"].to_pylist(), strict=True))
    seen: set[str] = set()
    stale: list[str] = []
    repeated: list[str] = []
    not_finite: list[str] = []
    for batch in index.batches():
        for row in batch.drop_columns(["vector"]).to_pylist():
            key = row["chunk_id"]
            if key in seen:
                repeated.append(key)
            seen.add(key)
            right = (wanted.get(key), fingerprint, row_hash(row))
            if key in wanted and (row["content_hash"], row["fingerprint"], row["row_hash"]) != right:
                stale.append(key)
        for keys in vector_offenders(batch["chunk_id"].to_pylist(), vector_array(batch["vector"])).values():
            not_finite += keys
    kinds: dict[str, Iterable[str]] = {
        "missing": wanted.keys() - seen,
        "orphaned": seen - wanted.keys(),
        "stale": stale,
        "repeated": repeated,
        "not_finite": not_finite,
    }
    return Damage.of(index.name, index.version, role, kinds)


def embedding_damage(name: str, embeddings: Snapshot | None, chunks: Snapshot, fingerprint: str) -> Damage:
    """Embeddings against the `chunks` that need them. Vectors of text that is gone are right: they wait for its return."""
    wanted = set(chunks.arrow(["content_hash"])["content_hash"].to_pylist())
    if embeddings is None:
        return Damage.of(name, None, "published", {"missing": wanted})
    stored = set(embeddings.arrow(["content_hash"])["content_hash"].to_pylist())
    faults = vector_faults(embeddings, fingerprint)
    not_finite = faults["finite"] + faults["unit_length"]
    found = {"missing": wanted - stored, "not_finite": not_finite, **faults}
    return Damage.of(name, embeddings.version, "published", found)
