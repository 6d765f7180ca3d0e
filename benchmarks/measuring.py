"""What the benchmarks share: timing a command as a process, naming the machine, printing the result."""

import json
import os
import platform
import resource
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Timing:
    """One run of a command: wall and CPU seconds (its children included), and what it printed."""

    wall: float
    cpu: float
    output: str


def timed(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Timing:
    """Run `command` to its end. Raises CalledProcessError, its output shown, where it fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    done = subprocess.run(
        command, env={**os.environ, **(environment or {})}, stdout=subprocess.PIPE, text=True, check=True
    )
    wall = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Timing(wall, cpu, done.stdout)


def medians(timings: Sequence[Timing]) -> dict[str, float]:
    """The median wall and CPU seconds."""
    return {
        "wall_s": round(median(t.wall for t in timings), 3),
        "cpu_s": round(median(t.cpu for t in timings), 3),
    }


def machine() -> str:
    """Processor, cores and Python, for the line under a figure."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [
            line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if line.startswith("model name")
        ]
        model = names[0] if names else model
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}"


def report(**figures: Any) -> None:
    """Print the figures as one JSON object, the last line of a benchmark."""
    print(json.dumps({**figures, "machine": machine()}))
