"""What an endpoint says about its limits, read and kept to."""

import pytest

from llmops_pipelines.embedding.rate_limit import LONGEST_SECONDS, RateLimit, duration, retry_after
from tests.embedding.fake_endpoint import FakeTime


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("12", 12.0),
        ("1.5", 1.5),
        ("20ms", 0.02),
        ("8.64s", 8.64),
        ("6m0s", 360.0),
        ("1h2m3.5s", 3_723.5),
        ("1d", 86_400.0),
        ("0s", 0.0),
        ("", None),
        (None, None),
        ("soon", None),
        ("nan", None),
        ("-3", None),
    ],
)
def test_durations_are_read_as_endpoints_write_them(value: str | None, seconds: float | None) -> None:
    assert duration(value) == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "7", "retry-after-ms": "250"}, 0.25),
        ({"retry-after": "Fri, 02 Jan 2026 10:00:30 GMT", "date": "Fri, 02 Jan 2026 10:00:00 GMT"}, 30.0),
        ({"retry-after": "Fri, 02 Jan 2026 09:00:00 GMT", "date": "Fri, 02 Jan 2026 10:00:00 GMT"}, 0.0),
        ({"retry-after": "Fri, 02 Jan 1970 09:00:00 GMT"}, 0.0),
        ({"retry-after": "tomorrow"}, None),
        ({}, None),
    ],
)
def test_what_a_response_asks_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def limit(time: FakeTime) -> RateLimit:
    return RateLimit(time.clock)


def remaining(kind: str, count: int, reset: str) -> dict[str, str]:
    return {f"x-ratelimit-remaining-{kind}": str(count), f"x-ratelimit-reset-{kind}": reset}


def test_without_headers_nothing_is_held_back(limit: RateLimit) -> None:
    for _ in range(100):
        assert limit.take(1_000_000) == 0
        limit.settle(1_000_000, {})


def test_a_used_up_budget_is_waited_for(limit: RateLimit, time: FakeTime) -> None:
    assert limit.take(10) == 0
    limit.settle(10, remaining("requests", 1, "20s"))
    assert limit.take(10) == 0
    assert limit.take(10) == 20
    time.sleep(15)
    assert limit.take(10) == 5
    time.sleep(5)
    assert limit.take(10) == 0


def test_tokens_are_a_budget_of_their_own(limit: RateLimit) -> None:
    assert limit.take(10) == 0
    limit.settle(10, {**remaining("tokens", 100, "6s"), **remaining("requests", 50, "30s")})
    assert limit.take(101) == 6
    assert limit.take(100) == 0
    assert limit.take(1) == 6


def test_what_is_under_way_is_taken_off(limit: RateLimit) -> None:
    for _ in range(3):
        assert limit.take(30) == 0
    limit.settle(30, remaining("tokens", 100, "6s"))
    assert limit.take(41) == 6
    assert limit.take(40) == 0


def test_a_reset_is_believed_for_a_minute_and_one_that_is_not_said_for_a_second(limit: RateLimit) -> None:
    assert limit.take(1) == 0
    limit.settle(1, remaining("requests", 0, "8h0m0s"))
    assert limit.take(1) == LONGEST_SECONDS
    limit.settle(0, {"x-ratelimit-remaining-requests": "-1"})
    assert limit.take(1) == LONGEST_SECONDS


def test_a_reset_that_is_not_said_is_a_second(limit: RateLimit) -> None:
    assert limit.take(1) == 0
    limit.settle(1, {"x-ratelimit-remaining-requests": "0"})
    assert limit.take(1) == 1


def test_holding_stops_everything_and_is_never_shortened(limit: RateLimit, time: FakeTime) -> None:
    limit.hold(30)
    limit.hold(2)
    assert limit.take(1) == 30
    time.sleep(30)
    assert limit.take(1) == 0
