"""Folders of short documents made of real paragraphs, as many as wanted, and an edit of one in a hundred.

A document is a heading and three paragraphs of SciFact's abstracts and the tldr pages, each of 80 to 400 characters,
drawn by the document's number: the same number gives the same document in a corpus of any size.
"""

import random
import tarfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.reembedding.corpus import paragraphs
from benchmarks.reembedding.tldr import AFTER, PAGES
from llmops_pipelines.corpus.document import Skipped
from llmops_pipelines.corpus.sources.beir import BeirSource

PARAGRAPHS = 3
LENGTHS = range(80, 401)
EDITED = 100  # one document in so many
FOLDER = 1_000  # documents in a folder


def real_paragraphs(data: Path) -> list[str]:
    """Distinct real paragraphs of the wanted length, sorted. An abstract is cut between its sentences."""
    sources = BeirSource(data / "retrieval" / "scifact").documents()
    texts = [document.text.replace(". ", ".\n\n") for document in sources if not isinstance(document, Skipped)]
    with tarfile.open(data / "documents" / "tldr" / PAGES.format(AFTER)) as archive:
        for member in archive:
            content = archive.extractfile(member) if member.name.endswith(".md") else None
            if content:
                texts.append(content.read().decode())
    return sorted(text for text in paragraphs(texts) if len(text) in LENGTHS)


def write(folder: Path, found: Sequence[str], number: int, edition: int = 0) -> None:
    """Write document `number`; its last paragraph is another one in every edition."""
    first = random.Random(number)
    drawn = [*first.sample(found, PARAGRAPHS - 1), random.Random(f"{number} {edition}").choice(found)]
    path = folder / f"{number // FOLDER:04}" / f"{number:07}.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n\n".join([f"# Document {number}", *drawn]) + "\n", "utf-8")


def write_all(folder: Path, found: Sequence[str], documents: int) -> None:
    for number in range(documents):
        write(folder, found, number)


def edit(folder: Path, found: Sequence[str], documents: int) -> None:
    """Give one document in a hundred another last paragraph."""
    for number in range(0, documents, EDITED):
        write(folder, found, number, edition=1)
