"""Trees of long documents at two releases of a project."""

import subprocess
import sys
import tarfile
from pathlib import Path

from benchmarks.reembedding.corpus import PASSAGES, SECTIONS, Corpus, character_ratio, characters, log
from llmops_pipelines.orchestration.stages.chunks import SectionsSection

# Source distributions that carry their documentation: project, releases, folder.
TREES = (("django", "3.2", "4.2", "docs"), ("sqlalchemy", "2.0.20", "2.0.44", "doc/build"))
DOCUMENTS = ("**/*.rst", "**/*.txt", "**/*.md")
# What trees are cut by, by the name of the figure.
CHUNKERS = {
    "character_ratio": SECTIONS,
    "character_ratio_64": SectionsSection(chunker="sections", preferred_tokens=64),
    "character_ratio_passages": PASSAGES,
}


def tree(lake: Path, before: Path, after: Path) -> dict[str, float]:
    """A tree of documents at two releases: `touched` is the share of documents, `new` that of paragraphs' characters."""
    ratios: dict[str, float] = {}
    for name, chunks in CHUNKERS.items():
        log(f"{before} to {after}, {name}")
        corpus = Corpus(lake / name, DOCUMENTS, chunks)
        old, new = corpus.run(before), corpus.run(after)
        ratios[name] = character_ratio(old, new)
    documents = new.documents.changed + new.documents.added + new.documents.unchanged
    return {
        **ratios,
        "touched": round(1 - new.documents.unchanged / documents, 3),
        "new": round(characters(new.paragraphs - old.paragraphs) / characters(new.paragraphs), 3),
    }


def downloaded(work: Path, project: str, release: str) -> Path:
    """The unpacked source distribution of a release, by pip."""
    folder = work / f"{project}-{release}"
    log(f"downloading {project} {release}")
    options = ["--quiet", "--no-deps", "--no-binary", project, "--dest", str(folder)]
    command = [sys.executable, "-m", "pip", "download", *options, f"{project}=={release}"]
    subprocess.run(command, check=True, stdout=sys.stderr)
    [archive] = folder.glob("*.tar.gz")
    with tarfile.open(archive) as content:
        content.extractall(folder, filter="data")
    [top] = [path for path in folder.iterdir() if path.is_dir()]
    return top
