"""The documents of a source as questions name them: by doc_id or alias, each with its version."""

from collections.abc import Mapping
from dataclasses import dataclass

from llmops_pipelines.storage.snapshot import Snapshot


@dataclass(frozen=True)
class SourceDocuments:
    """`names` has the doc_id of every doc_id and alias; `versions` (sha256 of the bytes) and `collections` are by doc_id.

    A document's own name goes before an alias; an alias of several documents is of the first by doc_id.
    """

    names: Mapping[str, str]
    versions: Mapping[str, str]
    collections: Mapping[str, str]

    @classmethod
    def of(cls, documents: Snapshot) -> "SourceDocuments":
        """From the table `documents`: all that the source has, whatever cleaning drops."""
        rows = sorted(
            documents.rows(["doc_id", "version", "collection", "aliases"]), key=lambda row: row["doc_id"], reverse=True
        )
        names = {alias: row["doc_id"] for row in rows for alias in row["aliases"] or ()}
        return cls(
            names=names | {row["doc_id"]: row["doc_id"] for row in rows},
            versions={row["doc_id"]: row["version"] for row in rows},
            collections={row["doc_id"]: row["collection"] for row in rows},
        )

    def version(self, name: str) -> str | None:
        """The version of the document that `name` names; None where the source has none."""
        return self.versions[self.names[name]] if name in self.names else None
