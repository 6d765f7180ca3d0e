"""Finds documents whose text equals that of another; the first by name is kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class ExactDuplicates:
    """Keeps one document a text. The only rule that looks at all documents at once, so it is no Filter."""

    name: ClassVar[str] = "exact_duplicates"
    version: ClassVar[int] = 1

    def duplicates(self, hashes: Mapping[str, str]) -> dict[str, str]:
        """The doc_id that is kept, by doc_id of each document to drop; `hashes` are text hashes by doc_id."""
        first: dict[str, str] = {}
        duplicate_of: dict[str, str] = {}
        for doc_id in sorted(hashes):
            kept = first.setdefault(hashes[doc_id], doc_id)
            if kept != doc_id:
                duplicate_of[doc_id] = kept
        return duplicate_of
