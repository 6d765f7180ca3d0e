"""Asking an endpoint until it answers: within its rate limits, with backoff and jitter, up to a ceiling."""

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeVar

from llmops_pipelines.embedding.hosted_client import Failure
from llmops_pipelines.embedding.rate_limit import RateLimit

FIRST_BACKOFF_SECONDS = 0.5
LONGEST_BACKOFF_SECONDS = 60.0
RETRIED = ("busy", "failing", "unreachable")

Pause = Callable[[float], None]
Answer = TypeVar("Answer")


class Patience:
    """Asks an endpoint again where that may help. Threads that share one share what the endpoint says about its limits.

    The wait before another try is what the endpoint asks for, if anything, and a backoff that doubles, of which a
    random half is taken off, so that clients that were refused together do not come back together.
    """

    def __init__(
        self,
        max_retry_seconds: float,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.max_retry_seconds = max_retry_seconds
        self._clock = clock
        self._jitter = jitter
        self._limit = RateLimit(clock)

    def ask(
        self,
        request: Callable[[], tuple[Answer | Failure, Mapping[str, str]]],
        tokens: int,
        pause: Pause,
        retries: int,
        sent: Callable[[], None] = lambda: None,
    ) -> Answer | Failure:
        """The answer, or the failure that remains after `retries` tries more than one, or after max_retry_seconds.

        `request` sends once, and gives the headers besides; `tokens` are estimated; `pause` waits, and may raise to
        stop; `sent` is called for every request.
        """
        failed_at: float | None = None
        attempt = 0
        while True:
            while (wait := self._limit.take(tokens)) > 0:
                pause(wait)
            sent()
            headers: Mapping[str, str] = {}
            try:
                found, headers = request()
            finally:
                self._limit.settle(tokens, headers)
            if not isinstance(found, Failure) or found.kind not in RETRIED:
                return found
            attempt += 1
            now = self._clock()
            failed_at = now if failed_at is None else failed_at
            asked = found.asked or 0.0
            delay = asked + self._backoff(attempt)
            if attempt > retries:
                return replace(found, reason=f"{found.reason}; tries: {attempt}")
            if now - failed_at + delay > self.max_retry_seconds:
                wanted = f", it wants {asked:,.0f} s waited" if asked else ""
                return replace(found, reason=f"{found.reason}{wanted}; max_retry_seconds is {self.max_retry_seconds:g}")
            if asked or found.kind == "busy":
                self._limit.hold(asked or delay)
            pause(delay)

    def _backoff(self, attempt: int) -> float:
        longest = min(LONGEST_BACKOFF_SECONDS, FIRST_BACKOFF_SECONDS * 2 ** min(attempt - 1, 30))
        return longest * (1 - self._jitter() / 2)
