"""Progress of long work: to the run's log every few seconds, and to whoever listens in this process."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Step:
    """How far an asset is. `total` is None where it is not known beforehand."""

    asset: str
    done: int
    total: int | None
    unit: str


@dataclass(frozen=True)
class Finished:
    """An asset is done; `outcome` says with what."""

    asset: str
    outcome: str


class Log(Protocol):
    """The part of Dagster's log that progress needs."""

    def info(self, msg: str) -> None: ...


LOG_SECONDS = 10.0
Listener = Callable[[Step | Finished], None]
_listeners: list[Listener] = []


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Call `listener` with every step and end of the assets that run in this process meanwhile."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


def tell(event: Step | Finished) -> None:
    """Tell whoever listens in this process."""
    for listener in _listeners:
        listener(event)


class Progress:
    """Called by the domain with what is done; an event costs 50 ms, so the log hears of it every ten seconds."""

    def __init__(self, log: Log, asset: str, unit: str) -> None:
        self.log = log
        self.asset = asset
        self.unit = unit
        self.started = self.logged = time.monotonic()

    def __call__(self, done: int, total: int | None = None) -> None:
        tell(Step(self.asset, done, total, self.unit))
        now = time.monotonic()
        if now - self.logged >= LOG_SECONDS:
            self.logged = now
            self.log.info(self._text(done, total, now - self.started))

    def _text(self, done: int, total: int | None, seconds: float) -> str:
        rate = done / seconds
        if total is None:
            return f"{done:,} {self.unit} ({rate:,.0f}/s)"
        return f"{done:,} of {total:,} {self.unit} ({rate:,.0f}/s, {(total - done) / max(rate, 1e-9):,.0f} s left)"
