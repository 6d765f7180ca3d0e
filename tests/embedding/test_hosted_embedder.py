"""The engine of hosted models against an endpoint on a real socket. Waits are counted, not waited."""

import json
import logging
import threading
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Response

from llmops_pipelines.embedding.hosted_answer import Answer
from llmops_pipelines.embedding.hosted_embedder import HostedEmbedder, shared_hosted_embedder
from llmops_pipelines.embedding.hosted_endpoint import Endpoint
from llmops_pipelines.embedding.hosted_model import HostedModel, HostedModelError
from llmops_pipelines.embedding.hosted_retries import Patience
from llmops_pipelines.embedding.missing import embed_missing
from llmops_pipelines.embedding.model_folder import ModelError
from llmops_pipelines.embedding.partial import EmbeddingError, TextsRefusedError
from llmops_pipelines.embedding.vectors import vector_array
from llmops_pipelines.storage import Lake, Writer, schemas
from llmops_pipelines.storage.identity import text_hash
from tests.embedding import fake_endpoint
from tests.embedding.fake_endpoint import (
    ANSWERED_BY,
    DIMENSION,
    FakeEndpoint,
    FakeTime,
    cutting_server,
    embeddings,
    payload,
)
from tests.embedding.test_hub import unreachable

KEY = "sk-verysecretkey0123456789"
SECRET = "zebra"  # in every text, and in what endpoints echo

Made = Callable[..., HostedEmbedder]


def numbered(count: int) -> list[str]:
    return [f"{SECRET} number {i}" for i in range(count)]


def units(texts: list[str]) -> np.ndarray:
    vectors = np.array([fake_endpoint.vector(text) for text in texts])
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def refused(
    status: int = 400, code: str = "context_length_exceeded", headers: dict[str, str] | None = None
) -> Response:
    """A refusal as a careless endpoint writes it: with the key and the text in its message."""
    return fake_endpoint.error(status, headers, message=f"{KEY} {SECRET} is bad", code=code, param=SECRET)


@pytest.fixture
def endpoint(http_server: HTTPServer) -> FakeEndpoint:
    http_server.clear()
    return FakeEndpoint(http_server)


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def embedder(endpoint: FakeEndpoint, time: FakeTime, monkeypatch: pytest.MonkeyPatch) -> Made:
    """Makes an embedder of the endpoint; one thread, so that requests come in order, unless told otherwise."""
    monkeypatch.setenv("FAKE_KEY", KEY)
    model = HostedModel(
        "fake", "fake-embed", endpoint.url, DIMENSION, max_tokens=1_000, api_key_env="FAKE_KEY", concurrency=1
    )
    return lambda **settings: HostedEmbedder(replace(model, **settings), time.sleep, time.clock, lambda: 0.5)


@pytest.fixture
def writer(lake: Lake) -> Writer:
    return lake.writer("c.embeddings", schemas.embeddings(DIMENSION))


@pytest.fixture(autouse=True)
def nothing_leaks(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No log line of ours or of a library holds the key or a text."""
    caplog.set_level(logging.DEBUG)
    yield
    for phase in ("setup", "call", "teardown"):
        for record in caplog.get_records(phase):
            line = f"{record.getMessage()} {record.args} {record.exc_info}"
            assert KEY not in line
            assert SECRET not in line


class Failing:
    """Expects `kind` with `match` in its message, and nothing of key or texts in it or in its chain."""

    def __init__(self, kind: type[EmbeddingError], match: str) -> None:
        self._raises = pytest.raises(kind, match=match)

    def __enter__(self) -> pytest.ExceptionInfo[EmbeddingError]:
        return self._raises.__enter__()

    def __exit__(self, *raised: object) -> bool:
        found = self._raises.__exit__(*raised)  # type: ignore[arg-type]
        error = raised[1]
        assert isinstance(error, ModelError)
        assert (error.__cause__, error.__context__) == (None, None)
        told = "".join(traceback.format_exception(error)) + repr(error) + str(error.args) + repr(vars(error))
        assert KEY not in told
        assert SECRET not in told
        return bool(found)


# What a request is, and what is made of its answer


def test_vectors_come_in_the_order_of_the_texts_and_of_unit_length(embedder: Made, endpoint: FakeEndpoint) -> None:
    texts = numbered(5)
    made = embedder()
    seen: list[int] = []
    embedded = made.embed(texts, "document", seen.append)
    np.testing.assert_allclose(embedded.vectors, units(texts), atol=1e-6)
    assert embedded.vectors.dtype == np.float32
    assert (embedded.tokens, embedded.truncated, seen) == ([3] * 5, [False] * 5, [5])
    assert endpoint.requests == [texts]
    assert endpoint.bodies[0] == {"input": texts, "model": "fake-embed", "encoding_format": "float"}
    assert endpoint.headers[0]["authorization"] == f"Bearer {KEY}"
    assert (made.answered_by, made.numerics) == (ANSWERED_BY, f"openai/{ANSWERED_BY}")
    assert (made.fingerprint, made.dimension, made.max_tokens) == (made.model.fingerprint, DIMENSION, 1_000)


def test_the_prompt_goes_before_each_text_and_the_dimension_where_it_is_asked_for(
    embedder: Made, endpoint: FakeEndpoint
) -> None:
    made = embedder(query_prompt="q: ", document_prompt="d: ", send_dimensions=True)
    made.embed(["one"], "query")
    made.embed(["one"], "document")
    assert endpoint.requests == [["q: one"], ["d: one"]]
    assert [body["dimensions"] for body in endpoint.bodies] == [DIMENSION, DIMENSION]
    assert (made.count.queries, made.count.documents) == (1, 1)


def test_no_text_is_no_request(embedder: Made, endpoint: FakeEndpoint) -> None:
    assert embedder().embed([], "document").vectors.shape == (0, DIMENSION)
    assert endpoint.requests == []


def test_without_a_key_none_is_sent_whatever_the_environment_holds(
    embedder: Made, endpoint: FakeEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_ADMIN_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    embedder(api_key_env=None).embed(["one"], "query")
    assert KEY not in str(endpoint.headers)
    assert "authorization" not in endpoint.headers[0]


def test_many_batches_in_threads_keep_their_order(embedder: Made, endpoint: FakeEndpoint) -> None:
    both = threading.Barrier(2, timeout=20)

    def together(texts: list[str]) -> None:
        if len(texts) == 7:
            both.wait()  # is passed only where two requests are under way at once

    endpoint.answer_always = together
    texts = numbered(6 * 7)
    made = embedder(concurrency=2, batch_texts=7)
    seen: list[int] = []
    embedded = made.embed(texts, "document", seen.append)
    np.testing.assert_allclose(embedded.vectors, units(texts), atol=1e-6)
    assert sorted(map(len, endpoint.requests)) == [7] * 6
    assert (seen == sorted(seen), seen[-1]) == (True, 42)
    assert (made.count.documents, made.count.tokens, made.count.requests) == (42, 126, 6)


def test_batches_keep_to_their_tokens(embedder: Made, endpoint: FakeEndpoint) -> None:
    texts = [SECRET * 30] * 4  # 150 bytes, 50 tokens as estimated
    embedder(batch_tokens=100).embed(texts, "document")
    assert [len(request) for request in endpoint.requests] == [2, 2]


def test_tokens_and_money_are_counted_as_the_endpoint_says(embedder: Made, endpoint: FakeEndpoint) -> None:
    made = embedder(usd_per_million_tokens=20.0)
    endpoint.answers = [embeddings(payload(["a" * 30, "b" * 60], usage={"prompt_tokens": 31, "total_tokens": 31}))]
    assert made.embed(["a" * 30, "b" * 60], "document").tokens == [10, 21]
    assert (made.count.tokens, made.count.usd) == (31, pytest.approx(31 * 20e-6))
    endpoint.answers = [embeddings(payload(["c" * 30], usage=None))]
    assert made.embed(["c" * 30], "document").tokens == [10]  # estimated
    assert made.count.tokens == 41


def test_a_text_that_may_be_over_the_window_is_sent_alone(embedder: Made, endpoint: FakeEndpoint) -> None:
    long, longer = f"{SECRET} " * 19, f"{SECRET} " * 20
    made = embedder(max_tokens=20)
    embedded = made.embed(["one", long, longer, "two three"], "document")
    assert [len(request) for request in endpoint.requests] == [1, 1, 1, 1]
    assert (embedded.tokens, embedded.truncated) == ([1, 19, 20, 2], [False, False, True, False])


# Limits and failures that pass


def test_a_refusal_for_the_rate_is_waited_out_as_long_as_the_endpoint_asks(
    embedder: Made, endpoint: FakeEndpoint, time: FakeTime
) -> None:
    endpoint.answers = [
        refused(429, "rate_limit_exceeded", {"Retry-After": "7"}),
        refused(429, "rate_limit_exceeded", {"retry-after-ms": "1500", "Retry-After": "99"}),
    ]
    made = embedder()
    np.testing.assert_allclose(made.embed(["one"], "query").vectors, units(["one"]), atol=1e-6)
    # What was asked, and a backoff of 0.5 and 1 s less a quarter: the jitter is half of its half here.
    assert time.slept == pytest.approx([7 + 0.375, 1.5 + 0.75])
    assert (made.count.requests, made.count.queries, made.count.tokens) == (3, 1, 1)


def test_a_wait_that_one_thread_is_asked_for_holds_the_others_too(
    embedder: Made, endpoint: FakeEndpoint, time: FakeTime
) -> None:
    def interrupted(seconds: float) -> None:
        raise InterruptedError

    endpoint.answers = [refused(429, "rate_limit_exceeded", {"Retry-After": "30"})]
    asked, patience = Endpoint(embedder().model), Patience(600.0, time.clock)
    with pytest.raises(InterruptedError):
        patience.ask(lambda: asked.ask(["one"]), 1, interrupted, retries=3)
    assert isinstance(patience.ask(lambda: asked.ask(["two"]), 1, time.sleep, retries=3), Answer)
    assert time.slept == [30]


def test_threads_go_on_after_a_refusal_for_the_rate(embedder: Made, endpoint: FakeEndpoint, time: FakeTime) -> None:
    endpoint.answers = [refused(429, "rate_limit_exceeded", {"Retry-After": "30"})]
    made = embedder(concurrency=4, batch_texts=1)
    texts = numbered(40)
    np.testing.assert_allclose(made.embed(texts, "document").vectors, units(texts), atol=1e-6)
    assert time.now >= 1_030
    assert made.count.requests == 41


def test_requests_are_held_back_before_the_budget_is_overdrawn(
    embedder: Made, endpoint: FakeEndpoint, time: FakeTime
) -> None:
    def left(requests: int, tokens: int) -> dict[str, str]:
        return {
            "x-ratelimit-remaining-requests": str(requests),
            "x-ratelimit-reset-requests": "12s",
            "x-ratelimit-remaining-tokens": str(tokens),
            "x-ratelimit-reset-tokens": "40ms",
        }

    endpoint.answer_headers = [left(1, 1_000), left(0, 1_000), left(5, 3)]
    made = embedder(batch_texts=1)
    made.embed(numbered(4), "document")
    assert time.slept == pytest.approx([12, 0.04])
    assert made.count.requests == 4


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(refused(500, "server_error"), id="500"),
        pytest.param(refused(503, "overloaded"), id="503"),
        pytest.param(refused(408, "timeout"), id="408"),
        pytest.param(Response("{half", mimetype="application/json"), id="malformed"),
        pytest.param(Response(f"<html>{SECRET}</html>", mimetype="text/html"), id="html"),
        pytest.param(embeddings({"error": {"message": SECRET}}), id="error with status 200"),
        pytest.param(embeddings({"data": [{"index": 0, "embedding": "AAAA"}]}), id="no list"),
        pytest.param(embeddings({"data": [{"index": 0, "embedding": [SECRET] * DIMENSION}]}), id="no numbers"),
    ],
)
def test_a_failure_that_passes_is_got_over(
    embedder: Made, endpoint: FakeEndpoint, time: FakeTime, answer: Response
) -> None:
    endpoint.answers = [answer, answer]
    made = embedder()
    np.testing.assert_allclose(made.embed(["one"], "query").vectors, units(["one"]), atol=1e-6)
    assert time.slept == pytest.approx([0.375, 0.75])


def test_a_connection_that_is_cut_is_made_again(embedder: Made) -> None:
    for answer in (b"", b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{"):
        with cutting_server(answer) as (url, connections), Failing(HostedModelError, "keeps failing.*connection lost"):
            embedder(base_url=url, max_retries=3).embed([SECRET], "query")
        assert len(connections) == 4


def test_an_answer_that_takes_too_long_is_given_up(embedder: Made, endpoint: FakeEndpoint) -> None:
    answered = threading.Event()

    def late(texts: list[str]) -> None:
        answered.wait(20)

    endpoint.answer_always = late
    made = embedder(timeout_seconds=0.2, max_retries=1)
    with Failing(HostedModelError, r"keeps failing \(no answer within 0.2 s; tries: 2.*raise timeout_seconds"):
        made.embed([SECRET], "query")
    answered.set()
    assert made.count.requests == 2


# Failures that stay


def test_an_endpoint_that_fails_for_ever_is_given_up(embedder: Made, endpoint: FakeEndpoint, time: FakeTime) -> None:
    endpoint.answer_always = lambda texts: refused(500, "server_error")
    made = embedder(max_retries=4, batch_texts=16)
    with Failing(HostedModelError, r"HTTP 500, server_error; tries: 5\).*not paid for twice") as failed:
        made.embed(numbered(64), "document")
    assert failed.value.positions == []
    # Five tries of the batch, three of each half: both fail, so that it is not a text's fault.
    assert made.count.requests == 5 + 3 + 3
    assert time.slept[:4] == pytest.approx([0.375, 0.75, 1.5, 3.0])


def test_retrying_has_a_ceiling_in_time(embedder: Made, endpoint: FakeEndpoint, time: FakeTime) -> None:
    endpoint.answer_always = lambda texts: refused(429, "rate_limit_exceeded", {"Retry-After": "50"})
    with Failing(HostedModelError, "rate limit.*wants 50 s waited; max_retry_seconds is 120.*batch_tokens"):
        embedder(max_retry_seconds=120).embed([SECRET], "query")
    assert len(endpoint.requests) == 3
    with Failing(HostedModelError, "wants 86,400 s waited"):
        endpoint.answers = [refused(429, "rate_limit_exceeded", {"Retry-After": "86400"})]
        embedder().embed([SECRET], "query")
    assert len(endpoint.requests) == 4


@pytest.mark.parametrize(
    ("status", "code", "says"),
    [
        (401, "invalid_api_key", "does not accept the key in FAKE_KEY.*HTTP 401, invalid_api_key, request r-1"),
        (403, "forbidden", "the key in FAKE_KEY may not use fake-embed"),
        (404, "not_found", "no model fake-embed, or base_url is not the API's"),
        (400, "model_not_found", "no model fake-embed"),
        (402, "payment", "no credit left"),
        (429, "insufficient_quota", "no credit left"),
        (307, "moved", "redirects. Set base_url"),
        (405, "method", "Check base_url and model"),
    ],
)
def test_what_no_other_try_can_help_is_explained_at_once(
    embedder: Made, endpoint: FakeEndpoint, time: FakeTime, status: int, code: str, says: str
) -> None:
    headers = {"x-request-id": "r-1", "Location": "http://127.0.0.1:1/v1/embeddings"}
    endpoint.answer_always = lambda texts: refused(status, code, headers)
    with Failing(HostedModelError, f"model fake: fake-embed at {endpoint.url}: .*{says}"):
        embedder().embed(numbered(4), "document")
    assert (len(endpoint.requests), time.slept) == (1, [])


def test_a_key_that_an_endpoint_gives_as_its_code_is_not_repeated(embedder: Made, endpoint: FakeEndpoint) -> None:
    endpoint.answers = [refused(401, KEY)]
    with Failing(HostedModelError, r"\(HTTP 401, some_error\)"):
        embedder().embed([SECRET], "query")
    assert endpoint.requests == [[SECRET]], "it is not asked again"


def test_an_endpoint_that_wants_a_key_is_given_one_by_name(embedder: Made, endpoint: FakeEndpoint) -> None:
    endpoint.answers = [refused(401, "no_key")]
    with Failing(HostedModelError, r"does not accept a request without a key \(api_key_env\)"):
        embedder(api_key_env=None).embed([SECRET], "query")
    assert endpoint.requests == [[SECRET]], "it is not asked again"


@pytest.mark.parametrize("key", ["", "  \n", f"{KEY}\nX-Injected: 1", f"{KEY}é"])
def test_a_key_that_is_none_is_named_by_its_variable(
    embedder: Made, endpoint: FakeEndpoint, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("FAKE_KEY", key)
    with Failing(HostedModelError, "environment variable FAKE_KEY (is not set|holds no key).*Set it to a key"):
        embedder().embed([SECRET], "query")
    assert endpoint.requests == []


@pytest.mark.parametrize("url", [f"https://user:{KEY}@host/v1", f"https://host/v1?key={KEY}", "ftp://host", "host/v1"])
def test_an_address_with_a_secret_in_it_is_refused_and_not_shown(embedder: Made, url: str) -> None:
    made = embedder(base_url=url)
    with Failing(HostedModelError, "base_url must be like https://host/v1.*api_key_env"):
        made.embed([SECRET], "query")
    assert made.count.requests == 0


def test_an_address_where_nothing_listens_is_named(embedder: Made, time: FakeTime) -> None:
    url = f"{unreachable()}/v1"
    with Failing(HostedModelError, f"fake-embed at {url} cannot be reached.*Check base_url"):
        embedder(base_url=url, max_retries=1).embed(numbered(8), "document")
    assert len(time.slept) == 1, "it is tried once more"


# Answers that are wrong


def test_a_batch_in_the_wrong_order_is_put_right(embedder: Made, endpoint: FakeEndpoint) -> None:
    texts = numbered(6)
    answer = payload(texts)
    answer["data"] = [answer["data"][i] for i in (3, 0, 5, 1, 4, 2)]
    endpoint.answers = [embeddings(answer)]
    np.testing.assert_allclose(embedder().embed(texts, "document").vectors, units(texts), atol=1e-6)


def entries(*indexes: object, dimension: int = DIMENSION) -> Response:
    data = [{"index": index, "embedding": [1.0] * dimension} for index in indexes]
    return embeddings({"data": data, "usage": {"prompt_tokens": 9}})


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (entries(0, 1), "gave 2 vectors for 3 texts.*batch_texts"),
        (entries(0, 1, 2, 3), "gave 4 vectors for 3 texts"),
        (entries(0, 1, 1), "an index is missing or there twice"),
        (entries(0, 1, 3), "an index is missing or there twice"),
        (entries(0, 1, None), "an index is missing or there twice"),
        (entries(0, 1, True), "an index is missing or there twice"),
        (entries(0, 1, 2, dimension=12), f"have 12 dimensions, {DIMENSION} are configured. Set dimension: 12"),
    ],
)
def test_an_answer_that_does_not_fit_is_refused_and_counted(
    embedder: Made, endpoint: FakeEndpoint, answer: Response, says: str
) -> None:
    endpoint.answers = [answer]
    made = embedder(usd_per_million_tokens=1.0)
    with Failing(HostedModelError, f"model fake: .*{says}"):
        made.embed(numbered(3), "document")
    assert (made.count.documents, made.count.tokens, made.count.requests) == (0, 9, 1)
    assert made.count.usd == pytest.approx(9e-6)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ([float("nan")] * DIMENSION, "NaN or infinity"),
        ([None] + [1.0] * (DIMENSION - 1), "NaN or infinity"),
        ([float("inf")] + [1.0] * (DIMENSION - 1), "NaN or infinity"),
        ([1e300] * DIMENSION, "NaN or infinity"),
        ([0.0] * DIMENSION, "its vector is zero"),
    ],
)
def test_a_vector_that_is_none_is_named_and_the_others_are_kept(
    embedder: Made, endpoint: FakeEndpoint, writer: Writer, values: list[float], says: str
) -> None:
    def answer(texts: list[str]) -> Response:
        content = payload(texts)
        for entry, text in zip(content["data"], texts, strict=True):
            if text.endswith(" 2"):
                entry["embedding"] = values
        return Response(json.dumps(content), mimetype="application/json")

    endpoint.answer_always = answer
    texts = numbered(4)
    with Failing(TextsRefusedError, f"model fake: one text was refused: content_hash {text_hash(texts[2])}.*{says}"):
        embed_missing(embedder(), {text_hash(text): text for text in texts}, writer)
    assert writer.staged().count() == 3


# Texts that are refused


def too_long(texts: list[str]) -> Response | None:
    return refused() if any("too long" in text for text in texts) else None


def test_a_text_over_the_limit_is_found_and_the_others_are_embedded(embedder: Made, endpoint: FakeEndpoint) -> None:
    texts = numbered(64)
    texts[37] = f"{SECRET} is too long"
    endpoint.answer_always = too_long
    made = embedder()
    with Failing(
        TextsRefusedError, rf"content_hash {text_hash(texts[37])}, 17 characters \(HTTP 400, context"
    ) as failed:
        made.embed(texts, "document")
    error = failed.value
    assert isinstance(error, TextsRefusedError)
    assert [(r.position, r.content_hash, r.characters) for r in error.refused] == [(37, text_hash(texts[37]), 17)]
    assert error.positions == [i for i in range(64) if i != 37]
    assert error.embedded is not None
    np.testing.assert_allclose(error.embedded.vectors, units([texts[i] for i in error.positions]), atol=1e-6)
    assert len(error.embedded.tokens) == len(error.embedded.truncated) == 63
    assert made.count.documents == 63
    assert made.count.requests == 1 + 2 * 6  # the whole, and two halves of each of 64, 32, ... 2
    accepted = [text for request in endpoint.requests if not too_long(request) for text in request]
    assert sorted(accepted) == sorted(text for text in texts if "too long" not in text)  # none is paid for twice


def test_what_was_made_is_committed_and_later_batches_go_on(
    embedder: Made, endpoint: FakeEndpoint, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llmops_pipelines.embedding.missing.COMMIT_TEXTS", 16)
    endpoint.answer_always = too_long
    bad = [f"{SECRET} is too long", f"{SECRET}s are too long"]
    texts = {text_hash(text): text for text in [*numbered(50), *bad]}
    made = embedder()
    with Failing(TextsRefusedError, "2 texts were refused") as failed:
        embed_missing(made, texts, writer)
    assert isinstance(failed.value, TextsRefusedError)
    assert {refusal.content_hash for refusal in failed.value.refused} == {text_hash(text) for text in bad}
    assert (writer.staged().count(), made.count.documents) == (50, 50)

    asked, tokens = len(endpoint.requests), made.count.tokens
    with Failing(TextsRefusedError, "2 texts were refused"):
        embed_missing(made, texts, writer)
    assert [len(request) for request in endpoint.requests[asked:]] == [2, 1, 1]
    assert made.count.tokens == tokens

    kept = {content_hash: text for content_hash, text in texts.items() if text not in bad}
    report = embed_missing(made, kept, writer)
    assert (report.distinct, report.reused, report.embedded, report.usd) == (50, 50, 0, 0.0)


def test_what_was_made_before_the_endpoint_failed_is_committed(
    embedder: Made, endpoint: FakeEndpoint, writer: Writer
) -> None:
    endpoint.answers = [None, None, refused(401, "invalid_api_key")]
    texts = {text_hash(text): text for text in numbered(12)}
    made = embedder(batch_texts=4, usd_per_million_tokens=1.0)
    with Failing(HostedModelError, "FAKE_KEY"):
        embed_missing(made, texts, writer)
    assert writer.staged().count() == 8
    report = embed_missing(made, texts, writer)
    assert (report.reused, report.embedded, report.tokens, report.usd) == (8, 4, 12, pytest.approx(12e-6))
    rows = writer.staged().arrow()
    assert set(rows["numerics"].to_pylist()) == {f"openai/{ANSWERED_BY}"}
    expected = units([texts[content_hash] for content_hash in rows["content_hash"].to_pylist()])
    np.testing.assert_allclose(vector_array(rows["vector"]), expected, atol=1e-6)


def test_a_text_on_which_the_endpoint_fails_for_good_is_found(embedder: Made, endpoint: FakeEndpoint) -> None:
    texts = numbered(16)
    endpoint.answer_always = lambda found: refused(500, "server_error") if texts[5] in found else None
    made = embedder(max_retries=1)
    with Failing(TextsRefusedError, f"{text_hash(texts[5])}.*the endpoint fails on it, HTTP 500") as failed:
        made.embed(texts, "document")
    assert failed.value.positions == [i for i in range(16) if i != 5]
    accepted = [text for request in endpoint.requests if texts[5] not in request for text in request]
    assert sorted(accepted) == sorted(text for text in texts if text != texts[5])


def test_a_text_by_itself_is_at_fault_where_others_are_answered_meanwhile(
    embedder: Made, endpoint: FakeEndpoint
) -> None:
    asked, answered = threading.Event(), threading.Event()

    def answer(texts: list[str]) -> Response | None:
        if texts == [f"{SECRET} number 0"]:
            asked.set()
            answered.wait(20)
            return refused(500, "server_error")
        asked.wait(20)
        return None

    endpoint.answer_always = answer
    made = embedder(batch_texts=1, concurrency=2, max_retries=1)
    with Failing(TextsRefusedError, "one text was refused.*the endpoint fails on it, HTTP 500") as failed:
        made.embed(numbered(2), "document", lambda done: answered.set())
    assert failed.value.positions == [1]
    with Failing(HostedModelError, f"keeps failing.*for the text with content_hash {text_hash(f'{SECRET} number 0')}"):
        made.embed(numbered(1), "document")


def test_a_large_request_that_fails_goes_through_in_parts(embedder: Made, endpoint: FakeEndpoint) -> None:
    endpoint.answer_always = lambda texts: refused(413, "too_large") if len(texts) > 3 else None
    texts = numbered(12)
    np.testing.assert_allclose(embedder().embed(texts, "document").vectors, units(texts), atol=1e-6)
    endpoint.answer_always = lambda texts: refused(504, "gateway") if len(texts) > 6 else None
    np.testing.assert_allclose(embedder(max_retries=0).embed(texts, "document").vectors, units(texts), atol=1e-6)


def test_where_every_text_is_refused_the_request_is_wrong(embedder: Made, endpoint: FakeEndpoint) -> None:
    endpoint.answer_always = lambda texts: refused(400, "invalid_request")
    made = embedder(batch_texts=128)
    with Failing(TextsRefusedError, "8 texts were refused.*check model, dimension and send_dimensions") as failed:
        made.embed(numbered(512), "document")
    assert isinstance(failed.value, TextsRefusedError)
    assert failed.value.gave_up
    assert made.count.requests < 32


def test_half_a_surrogate_pair_is_found_like_any_other_bad_text(embedder: Made, endpoint: FakeEndpoint) -> None:
    texts = [*numbered(3), f"{SECRET} \ud83d"]
    with Failing(TextsRefusedError, "half of a surrogate pair") as failed:
        embedder().embed(texts, "document")
    assert failed.value.positions == [0, 1, 2]


def test_a_process_has_one_embedder_a_model(embedder: Made) -> None:
    model = embedder().model
    assert shared_hosted_embedder(model) is shared_hosted_embedder(replace(model))
    assert shared_hosted_embedder(model) is not shared_hosted_embedder(replace(model, epoch=2))
