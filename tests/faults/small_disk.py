"""A disk of a few megabytes that a test may fill: a tmpfs, where the system lets one be mounted."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

MEGABYTES = 64


class SmallDisk:
    """The disk mounted at `folder`. `leave` fills it up but for some bytes, `make_room` takes the filling away."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filling = folder / "filling"

    def leave(self, free: int) -> None:
        """Fill the disk until at most `free` bytes are left, in whole pages."""
        self.make_room()
        stat = os.statvfs(self.folder)
        pages = stat.f_bavail - free // stat.f_frsize
        with self._filling.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, pages * stat.f_frsize)

    def make_room(self) -> None:
        self._filling.unlink(missing_ok=True)


def pages(folder: Path) -> int:
    """The bytes that the files below `folder` take on such a disk, which gives whole pages."""
    size = os.sysconf("SC_PAGE_SIZE")
    return sum(-(-file.stat().st_size // size) * size for file in folder.rglob("*") if file.is_file())


@contextmanager
def small_disk(folder: Path) -> Iterator[SmallDisk]:
    """Mount one at `folder` meanwhile; the test is skipped, and says so, where that is not allowed."""
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={MEGABYTES}m", "tmpfs", str(folder)]
    mounted = subprocess.run(["mount", *options], capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted here, so none can be filled: {mounted.stderr.strip()}")
    try:
        yield SmallDisk(folder)
    finally:
        # The store keeps files open as long as a table is: the mount goes when they are closed.
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
