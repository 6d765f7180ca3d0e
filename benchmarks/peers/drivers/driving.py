"""What the drivers share: the states of the corpus, the counted embedder, the measured second run. No dependency at all."""

import argparse
import json
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

MAX_TOKENS = 256  # the model's window, special tokens included
TEXT_TOKENS = 254


@dataclass(frozen=True)
class Arguments:
    """Folders of the corpus before and after the edit, of the model, and one to work in."""

    before: Path
    after: Path
    model: Path
    work: Path


class Pipeline(Protocol):
    """A library set up to keep a store in line with documents."""

    def run(self, pages: dict[str, str]) -> None:
        """Bring the store in line with `pages`, texts by path."""
        ...

    def texts(self) -> list[str]:
        """The texts of the rows of the store."""
        ...

    def chunks(self, pages: dict[str, str]) -> Iterable[str]:
        """The texts that `pages` are cut into."""
        ...

    def embedded(self) -> int:
        """How many texts went through the embedder so far."""
        ...


def drive(make: Callable[[Arguments], Pipeline], **setup: Any) -> None:
    """Run the library on both states and print, as one JSON object, what the second run did and left."""
    parser = argparse.ArgumentParser()
    for name in ("before", "after", "model", "work"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    arguments = Arguments(**vars(parser.parse_args()))
    os.environ["HF_HUB_OFFLINE"] = "1"
    pipeline = make(arguments)
    pipeline.run(pages(arguments.before))
    counted = pipeline.embedded()
    wall, cpu = time.perf_counter(), time.process_time()
    pipeline.run(pages(arguments.after))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    embedded = pipeline.embedded() - counted
    found = {"embedded": embedded, "wall_s": round(wall, 1), "cpu_s": round(cpu, 1), "first_embedded": counted}
    print(json.dumps({**found, **left(pipeline.texts(), pipeline.chunks(pages(arguments.after)), embedded), **setup}))


def left(texts: Iterable[str], wanted: Iterable[str], embedded: int) -> dict[str, Any]:
    """What a store with rows `texts` lacks of the chunks `wanted`, and holds beside them; white space at the ends aside."""
    rows = [text.strip() for text in texts]
    cut = [text.strip() for text in wanted]
    chunks = set(cut) - {""}
    return {
        "rows": len(rows),
        "embedded_share": round(embedded / len(cut), 4),
        "stale_rows": sum(text not in chunks for text in rows),
        "missing_rows": len(chunks - set(rows)),
    }


def pages(folder: Path) -> dict[str, str]:
    """The texts of the Markdown pages in `folder` by their path in it."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name.endswith(".md"))
    return {path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in files}


def counted_encode() -> Callable[[], int]:
    """Count the texts that sentence-transformers encodes from now on, whoever calls it; the count is what is returned."""
    from sentence_transformers import SentenceTransformer

    count = 0
    encode = SentenceTransformer.encode

    def counting(self: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        nonlocal count
        count += 1 if isinstance(inputs, str) else len(inputs)
        return encode(self, inputs, *args, **kwargs)

    SentenceTransformer.encode = counting  # type: ignore[method-assign]
    return lambda: count
