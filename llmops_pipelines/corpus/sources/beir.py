"""A collection in BEIR layout: a folder with `corpus.jsonl`, plain or gzipped, one document a line.

The layout is that of Thakur et al., "BEIR: a heterogeneous benchmark for zero-shot evaluation of information retrieval
models", 2021. Questions and judgements of the same folder are read by `evaluation/question_files.py`.
"""

import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from llmops_pipelines.corpus.document import Skipped, SourceDocument, SourceError, bytes_version, storable
from llmops_pipelines.storage.identity import value_hash

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class BeirSource:
    """The documents of the collection in `folder`.

    `doc_id` is `_id`, since judgements name it. The text is `title + " " + text`, which is what published figures embed.
    A document belongs to no module: its parent is the document itself. A line that is no document is skipped; an id that
    occurs twice is an error, because nobody could say which of the two texts the judgements are about.
    """

    folder: Path

    def documents(self) -> Iterator[SourceDocument | Skipped]:
        path = beir_file(self.folder, "corpus")
        lines: dict[str, int] = {}
        number = 0
        for number, line in beir_lines(path):
            try:
                entry = BeirEntry.read(line)
            except ValueError as error:
                yield Skipped(f"{path.name}:{number}", "malformed", str(error))
                continue
            if (first := lines.setdefault(entry.id, number)) != number:
                raise SourceError(
                    f"{path}:{number}: the id {entry.id!r} is that of line {first} too: give every document its own"
                )
            yield SourceDocument(
                doc_id=entry.id,
                version=bytes_version(line),
                title=entry.title or entry.id,
                text=" ".join(part for part in (entry.title, entry.text) if part),
                bytes=len(line),
                collection=".",
                parent=entry.id,
                kind="document",
            )
        if not number:
            raise SourceError(f"{path} is empty: a line is a JSON object with _id, title and text")

    def state(self) -> str:
        """Name, size and time of the file."""
        path = beir_file(self.folder, "corpus")
        stat = path.stat()
        return value_hash([path.name, stat.st_size, stat.st_mtime_ns])


class BeirEntry(NamedTuple):
    """A line of `corpus.jsonl` or `queries.jsonl`; queries have no title."""

    id: str
    title: str
    text: str

    @classmethod
    def read(cls, line: bytes) -> "BeirEntry":
        """The entry in `line`. Raises ValueError, in words, where it is none."""
        try:
            raw = json.loads(line.decode("utf-8"))
        except UnicodeDecodeError as error:
            raise ValueError(f"not UTF-8 at byte {error.start:,}") from None
        except (ValueError, RecursionError):
            raise ValueError("not JSON") from None
        if not isinstance(raw, dict):
            raise ValueError("not a JSON object")
        name, title, text = raw.get("_id"), raw.get("title"), raw.get("text")
        if isinstance(name, bool) or not isinstance(name, str | int) or name == "":
            raise ValueError("it has no _id")
        if not isinstance(text, str) or not isinstance(title, str | None):
            raise ValueError(f"{'text' if not isinstance(text, str) else 'title'} of {str(name)!r} is not a string")
        return cls(storable(str(name)), storable(title or ""), storable(text))


def beir_file(folder: Path, name: str) -> Path:
    """`<name>.jsonl` or `<name>.jsonl.gz` in `folder`. Raises SourceError where there is not exactly one of them."""
    found = [path for path in (folder / f"{name}.jsonl", folder / f"{name}.jsonl.gz") if path.is_file()]
    if len(found) == 1:
        return found[0]
    if found:
        raise SourceError(f"{folder} has both {name}.jsonl and {name}.jsonl.gz: remove the one that is not meant")
    if not folder.is_dir():
        raise SourceError(f"there is no folder {folder}: unpack the collection there, or correct the path")
    raise SourceError(
        f"{folder} has neither {name}.jsonl nor {name}.jsonl.gz: it is not a collection in BEIR layout "
        "(corpus.jsonl, queries.jsonl and qrels/)"
    )


def beir_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Number, from 1, and bytes of each line that is not blank, as a stream. Raises SourceError for a damaged file."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                content = (line.removeprefix(BYTE_ORDER_MARK) if number == 1 else line).strip()
                if content:
                    yield number, content
    except (OSError, EOFError, zlib.error) as error:
        raise SourceError(f"cannot read {path}: {error}. Get it again, and unpack it anew") from error
