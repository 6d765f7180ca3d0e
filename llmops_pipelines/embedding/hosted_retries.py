"""Asking an endpoint until it answers: within its rate limits, with backoff and jitter, up to a ceiling."""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from llmops_pipelines.embedding.hosted_answer import Answer
from llmops_pipelines.embedding.hosted_endpoint import Endpoint, Failure
from llmops_pipelines.embedding.rate_limit import RateLimit

FIRST_BACKOFF_SECONDS = 0.5
LONGEST_BACKOFF_SECONDS = 60.0
RETRIED = ("busy", "failing", "unreachable")

Pause = Callable[[float], None]


class PatientEndpoint:
    """An endpoint that is asked again where that may help. The threads that ask share what it says about its limits.

    The wait before another try is what the endpoint asks for, if anything, and a backoff that doubles, of which a
    random half is taken off, so that clients that were refused together do not come back together.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.endpoint = endpoint
        self._clock = clock
        self._jitter = jitter
        self._limit = RateLimit(clock)

    def ask(
        self, texts: Sequence[str], tokens: int, pause: Pause, retries: int, sent: Callable[[], None] = lambda: None
    ) -> Answer | Failure:
        """The answer, or the failure that remains after `retries` tries more than one, or after max_retry_seconds.

        `tokens` are estimated; `pause` waits, and may raise to stop; `sent` is called for every request.
        """
        ceiling = self.endpoint.model.max_retry_seconds
        failed_at: float | None = None
        attempt = 0
        while True:
            while (wait := self._limit.take(tokens)) > 0:
                pause(wait)
            sent()
            found = self._once(texts, tokens)
            if isinstance(found, Answer) or found.kind not in RETRIED:
                return found
            attempt += 1
            now = self._clock()
            failed_at = now if failed_at is None else failed_at
            asked = found.asked or 0.0
            delay = asked + self._backoff(attempt)
            if attempt > retries:
                return replace(found, reason=f"{found.reason}; tries: {attempt}")
            if now - failed_at + delay > ceiling:
                wanted = f", it wants {asked:,.0f} s waited" if asked else ""
                return replace(found, reason=f"{found.reason}{wanted}; max_retry_seconds is {ceiling:g}")
            if asked or found.kind == "busy":
                self._limit.hold(asked or delay)
            pause(delay)

    def _once(self, texts: Sequence[str], tokens: int) -> Answer | Failure:
        headers = {}
        try:
            found, headers = self.endpoint.ask(texts)
        finally:
            self._limit.settle(tokens, headers)
        return found

    def _backoff(self, attempt: int) -> float:
        longest = min(LONGEST_BACKOFF_SECONDS, FIRST_BACKOFF_SECONDS * 2 ** min(attempt - 1, 30))
        return longest * (1 - self._jitter() / 2)
