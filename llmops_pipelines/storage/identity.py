"""Hashes that identify rows, tables and settings. What counts as the identity of a thing is decided by its own package."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

_canonical = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode


def text_hash(text: str) -> str:
    """The sha256 of the UTF-8 bytes of `text`, as 64 hex digits."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def value_hash(value: Any) -> str:
    """The sha256 of `value` (anything JSON can hold) written with sorted keys, so that equal values hash equally."""
    return text_hash(_canonical(value))


def merkle_root(hashes: Mapping[str, str] | Iterable[tuple[str, str]]) -> str:
    """The sha256 over all (key, hash) pairs in key order: changes when a key comes, goes, or changes its hash."""
    pairs = hashes.items() if isinstance(hashes, Mapping) else hashes
    digest = hashlib.sha256()
    for key, value in sorted(pairs):
        digest.update(f"{len(key)}:{key}:{value}\n".encode())
    return digest.hexdigest()
