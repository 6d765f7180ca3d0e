"""Virtual environments of other people's software, made once and kept: nothing of it is a dependency of the project."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path


def default_environment(name: str) -> Path:
    """Where environment `name` lies unless another folder is given: in the user's cache."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "llmops-pipelines" / name


def environment(folder: Path, requirements: Sequence[str]) -> Path:
    """The Python of a virtual environment with exactly these `requirements`, by one pip command where it is not there."""
    python = folder / "bin" / "python"
    stamp = folder / ".requirements"
    wanted = hashlib.sha256("\n".join(requirements).encode()).hexdigest()
    if not stamp.exists() or stamp.read_text() != wanted:
        print(f"installing {', '.join(requirements)} into {folder}", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True, stdout=sys.stderr)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *requirements]
        subprocess.run(install, check=True, stdout=sys.stderr)
        stamp.write_text(wanted)
    return python
