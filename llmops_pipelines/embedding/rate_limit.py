"""What an endpoint says about its rate limits, and holding requests back by it. Shared by the threads that ask it."""

import email.utils
import math
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

# A reset says when the whole budget is back. What one request needs is there before that, so a budget that is used up
# is believed for a minute at most; then the endpoint is asked again, and says itself how long to wait.
LONGEST_SECONDS = 60.0
UNSAID_SECONDS = 1.0
KINDS = ("requests", "tokens")

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")


def duration(value: str | None) -> float | None:
    """Seconds of "12", "1.5", "20ms" or "6m0s"; None where it is neither."""
    value = (value or "").strip()
    if value and not _PART.sub("", value):
        return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(value))
    return _number(value)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that a response asks to wait, from `retry-after-ms` or `retry-after` (seconds or a date, RFC 9110)."""
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1_000
    asked = headers.get("retry-after")
    seconds = duration(asked)
    if seconds is not None or asked is None:
        return seconds
    until, now = _date(asked), _date(headers.get("date", ""))
    return None if until is None else max(0.0, until - (time.time() if now is None else now))


@dataclass
class _Budget:
    remaining: float
    forgotten_at: float


class RateLimit:
    """Lets a request through when the endpoint's last answers leave room for it, and nobody asked to wait."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._held_until = -math.inf
        self._budgets: dict[str, _Budget] = {}
        self._in_flight = dict.fromkeys(KINDS, 0)

    def take(self, tokens: int) -> float:
        """0 where a request of `tokens` may be sent, which counts as sent then; else the seconds to wait first."""
        need = {"requests": 1, "tokens": tokens}
        with self._lock:
            now = self._clock()
            self._budgets = {kind: budget for kind, budget in self._budgets.items() if budget.forgotten_at > now}
            short = [budget.forgotten_at for kind, budget in self._budgets.items() if budget.remaining < need[kind]]
            free_at = max([self._held_until, *short])
            if free_at > now:
                return free_at - now
            for kind in KINDS:
                self._in_flight[kind] += need[kind]
                if kind in self._budgets:
                    self._budgets[kind].remaining -= need[kind]
            return 0.0

    def settle(self, tokens: int, headers: Mapping[str, str]) -> None:
        """A request of `tokens` was answered with `headers`, or failed without any.

        Requests that are still under way are taken off what remains: the endpoint may not have counted them yet.
        """
        with self._lock:
            self._in_flight["requests"] -= 1
            self._in_flight["tokens"] -= tokens
            for kind in KINDS:
                remaining = _number(headers.get(f"x-ratelimit-remaining-{kind}"))
                if remaining is None:
                    continue
                reset = duration(headers.get(f"x-ratelimit-reset-{kind}"))
                wait = min(UNSAID_SECONDS if reset is None else reset, LONGEST_SECONDS)
                self._budgets[kind] = _Budget(remaining - self._in_flight[kind], self._clock() + wait)

    def hold(self, seconds: float) -> None:
        """No request for `seconds`."""
        with self._lock:
            self._held_until = max(self._held_until, self._clock() + seconds)


def _number(value: str | None) -> float | None:
    try:
        number = float(value or "")
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _date(value: str) -> float | None:
    try:
        return email.utils.parsedate_to_datetime(value).timestamp()
    except ValueError:
        return None
