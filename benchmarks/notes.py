"""A small made corpus in two states, for benchmarks that run its whole life many times: notes in sections, and questions.

Sections of a note become passages of their own; each state has more than one batch of texts to embed that the one before it
does not have. Echoes repeat the sections of a note, so that there is more than one batch of passages too, at no vector each.
"""

import random
import shutil
from collections.abc import Iterable
from pathlib import Path

from llmops_pipelines.orchestration.corpus import Corpus
from llmops_pipelines.orchestration.settings import CorpusSettings

NOTES, ADDED, SECTIONS = 24, 24, 46
VOCABULARY = (
    "harbour ship tide crane rope anchor pilot lantern cargo barrel salt wind mast deck sail river bridge lock ferry "
    "market baker flour oven bread yeast miller wheel grain field plough seed rain cloud moon star night winter summer "
    "bee hive honey flower meadow orchard apple cider press stone wall gate road cart horse smith iron forge hammer"
)
QUESTIONS = """\
{{"id": "q1", "question": "what does note seven say of the harbour?", "answers": ["{0}"], "part": "dev"}}
{{"id": "q2", "question": "who keeps the lantern of note nine?", "answers": ["{1}"], "part": "dev"}}
"""
SUITE = """\
name: written
version: 1
questions: questions.jsonl
metrics: {nDCG@10: {direction: higher, role: primary, margin: 0.1}}
min_questions: 1
"""


def notes_corpus(folder: Path) -> Corpus:
    """The corpus of the notes in `folder`: cut by sections, evaluated on two questions, nothing tuned."""
    raw = {
        "name": "notes",
        "source": {"type": "directory", "uri": "documents"},
        "documents": {"max_loss": 0.5},
        "chunks": {"chunker": "sections", "max_tokens": 64},
        "evaluation": {"known_items": 0},
    }
    return Corpus(CorpusSettings.model_validate(raw), folder)


def write_notes(folder: Path) -> None:
    """The first state."""
    documents = folder / "documents"
    for number in range(NOTES):
        _write(documents / f"shelf{number % 4}" / f"note{number:02}.md", number, range(SECTIONS))
        _write(documents / "echoes" / f"echo{number:02}.md", number, range(SECTIONS), "Echo of note")
    names = (f"shelf{number % 4}/note{number:02}.md" for number in (7, 9))
    (folder / "evaluation").mkdir(exist_ok=True)
    (folder / "evaluation" / "questions.jsonl").write_text(QUESTIONS.format(*names), "utf-8")
    (folder / "evaluation" / "written.yaml").write_text(SUITE, "utf-8")


def edit_notes(folder: Path) -> None:
    """From the first state to the second: notes added, deleted, changed, moved to another shelf, copied."""
    documents = folder / "documents"
    for number in range(NOTES, NOTES + ADDED):
        _write(documents / "shelf5" / f"note{number:02}.md", number, range(SECTIONS))
    paths = sorted(documents.rglob("note*.md"))
    for path in paths[8:11]:
        path.unlink()
    for path in paths[11:15]:
        _write(path, int(path.stem.removeprefix("note")), [*range(5, SECTIONS), SECTIONS + 1])
    for path in paths[15:18]:
        (documents / "moved").mkdir(exist_ok=True)
        path.rename(documents / "moved" / path.name)
    for path in paths[18:20]:
        shutil.copyfile(path, path.with_name(f"copy_of_{path.name}"))


def _write(path: Path, number: int, sections: Iterable[int], title: str = "Note") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(f"## Entry {section}\n\n{_sentence(number, section)}\n\n" for section in sections)
    path.write_text(f"# {title} {number}\n\n{text}", "utf-8")


def _sentence(number: int, section: int) -> str:
    """The same words each time for a section of a note."""
    words = random.Random(number * 1_000 + section).choices(VOCABULARY.split(), k=6)
    return f"Note {number} says: the {' '.join(words)}."
