"""Hashes of large files, computed once a process."""

import hashlib
import json
from functools import lru_cache
from pathlib import Path

from llmops_pipelines.storage.identity import value_hash


def file_hash(path: Path, without: tuple[str, ...] = ()) -> str:
    """The sha256 of a file's bytes; with `without`, that of the JSON object in it, of which these keys do not count.

    It is computed again where size or time of the file change.
    """
    stat = path.stat()
    return _hash_of(path, stat.st_size, stat.st_mtime_ns, without)


@lru_cache(maxsize=256)
def _hash_of(path: Path, size: int, changed: int, without: tuple[str, ...]) -> str:
    if without:
        content = json.loads(path.read_text("utf-8"))
        return value_hash({name: value for name, value in content.items() if name not in without})
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
