"""What a change re-embeds: `python -m benchmarks.reembedding [--tree DIR_A DIR_B | --download]`.

Needs LLMOPS_DATA: the tldr pages a year apart, through the functions that the assets call. With `--tree` or `--download`
also trees of long documents at two releases, which are cut and not embedded. About 3 minutes on two cores.
"""

import argparse
import os
import resource
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.measuring import report
from benchmarks.reembedding.corpus import log
from benchmarks.reembedding.tldr import tldr
from benchmarks.reembedding.trees import TREES, downloaded, tree


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    trees = parser.add_mutually_exclusive_group()
    trees.add_argument("--tree", nargs=2, type=Path, metavar=("DIR_A", "DIR_B"), help="a tree of documents, twice")
    trees.add_argument("--download", action="store_true", help="get trees of two releases by pip")
    arguments = parser.parse_args()
    if not os.environ.get("LLMOPS_DATA"):
        sys.exit("LLMOPS_DATA is not set: it names the folder with labelled public data")
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as work:
        compared: dict[str, tuple[Path, Path]] = {}
        if arguments.tree:
            compared[" to ".join(map(str, arguments.tree))] = tuple(arguments.tree)
        elif arguments.download:
            compared = {
                f"{project} {old} to {new}": (
                    downloaded(Path(work), project, old) / folder,
                    downloaded(Path(work), project, new) / folder,
                )
                for project, old, new, folder in TREES
            }
        figures |= tldr(Path(os.environ["LLMOPS_DATA"]) / "documents" / "tldr", Path(work))
        log(str(figures))
        if compared:
            found = {name: tree(Path(work) / f"lake-{i}", *pair) for i, (name, pair) in enumerate(compared.items())}
            worst = max(found, key=lambda name: found[name]["character_ratio"])
            figures |= {"tree": worst, "tree_character_ratio": found[worst]["character_ratio"], "trees": found}
    figures["peak_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    report(**figures)


if __name__ == "__main__":
    main()
