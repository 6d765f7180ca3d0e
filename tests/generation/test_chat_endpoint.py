"""One chat request on a real socket: what is sent, what is read, and what fails without a secret in it."""

import json
from dataclasses import replace
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Response

from llmops_pipelines.embedding.hosted_client import Failure
from llmops_pipelines.embedding.hosted_model import HostedModelError
from llmops_pipelines.generation.chat_endpoint import ChatEndpoint, Prompt
from llmops_pipelines.generation.completion import Completion
from llmops_pipelines.generation.hosted_llm import HostedLLM
from tests.embedding.fake_endpoint import error
from tests.generation.fake_chat import ANSWERED_BY, FakeChat, completion

KEY = "sk-verysecretkey0123456789"


@pytest.fixture
def chat(http_server: HTTPServer) -> FakeChat:
    http_server.clear()
    return FakeChat(http_server)


@pytest.fixture
def model(chat: FakeChat, monkeypatch: pytest.MonkeyPatch) -> HostedLLM:
    monkeypatch.setenv("FAKE_KEY", KEY)
    return HostedLLM("fake", "fake-chat", chat.url, api_key_env="FAKE_KEY", timeout_seconds=5)


def answer(model: HostedLLM, prompt: Prompt | None = None) -> Completion | Failure:
    return ChatEndpoint(model).ask(prompt or Prompt("may I?"))[0]


def completed(model: HostedLLM) -> Completion:
    found = answer(model)
    assert isinstance(found, Completion)
    return found


def failed(model: HostedLLM) -> Failure:
    found = answer(model)
    assert isinstance(found, Failure)
    return found


def test_a_prompt_is_sent_as_it_is_and_its_answer_read(model: HostedLLM, chat: FakeChat) -> None:
    chat.fields, chat.headers = {"system_fingerprint": "fp_1"}, {"openai-model": "m-0613", "openai-version": "2020"}
    found = answer(model, Prompt("may I?", system="be kind", max_tokens=3))
    assert isinstance(found, Completion)
    assert (found.text, found.finish_reason, found.answered_by) == ("yes", "stop", ANSWERED_BY)
    assert (found.system_fingerprint, found.versions) == ("fp_1", (("openai-model", "m-0613"),))
    assert (found.input_tokens, found.output_tokens) == (7, 1)
    assert found.seconds > 0
    assert chat.bodies == [
        {
            "model": "fake-chat",
            "messages": [{"role": "system", "content": "be kind"}, {"role": "user", "content": "may I?"}],
            "temperature": 0.0,
            "max_tokens": 3,
        }
    ]
    assert chat.sent[0]["authorization"] == f"Bearer {KEY}"


def test_what_a_model_does_not_take_is_not_sent(model: HostedLLM, chat: FakeChat) -> None:
    answer(replace(model, token_limit="max_completion_tokens", send_temperature=False, seed=7, api_key_env=None))
    [body] = chat.bodies
    assert (body["max_completion_tokens"], body["seed"]) == (256, 7)
    assert not {"temperature", "max_tokens"} & set(body)
    assert "authorization" not in chat.sent[0]


@pytest.mark.parametrize("content", [None, ""])
def test_an_empty_answer_is_one(model: HostedLLM, chat: FakeChat, content: str | None) -> None:
    chat.answers = [Response(json.dumps(completion(content)), mimetype="application/json")]
    assert completed(model).text == ""


def test_a_refusal_in_its_own_field_is_kept(model: HostedLLM, chat: FakeChat) -> None:
    content = completion(None)
    content["choices"][0]["message"]["refusal"] = "I cannot help with that."
    chat.answers = [Response(json.dumps(content), mimetype="application/json")]
    assert completed(model).refusal == "I cannot help with that."


@pytest.mark.parametrize(
    "body",
    [
        b"<html>busy</html>",
        b"[]",
        b"null",
        b"{}",
        b'{"choices": []}',
        b'{"choices": [null]}',
        b'{"choices": [{}]}',
        b'{"choices": [{"message": "yes"}]}',
        b'{"choices": [{"message": {"content": ["yes"]}}]}',
    ],
)
def test_an_answer_that_is_none_is_a_failure_that_may_pass(model: HostedLLM, chat: FakeChat, body: bytes) -> None:
    chat.answers = [Response(body, mimetype="application/json")]
    assert failed(model) == Failure("failing", "its answer is not the JSON of a chat completion")


@pytest.mark.parametrize("field", ["model", "system_fingerprint", "usage"])
@pytest.mark.parametrize("value", [None, 7, [], {"prompt_tokens": -1, "completion_tokens": "many"}])
def test_fields_that_are_odd_are_left_out(model: HostedLLM, chat: FakeChat, field: str, value: Any) -> None:
    chat.fields = {field: value}
    found = completed(model)
    assert found.text == "yes"
    names = {"model": (found.answered_by,), "system_fingerprint": (found.system_fingerprint,)}
    assert names.get(field, (found.input_tokens, found.output_tokens))[0] is None


@pytest.mark.parametrize(
    ("status", "code", "kind", "match"),
    [
        (401, "invalid_api_key", "final", "does not accept the key in FAKE_KEY"),
        (404, "model_not_found", "final", "there is no model fake-chat"),
        (403, "forbidden", "final", "may not use fake-chat"),
        (429, "rate_limit_exceeded", "busy", "HTTP 429"),
        (429, "insufficient_quota", "final", "has no credit left"),
        (500, "server_error", "failing", "HTTP 500"),
        (400, "content_filter", "refused", "HTTP 400"),
    ],
)
def test_what_an_endpoint_refuses_is_told_without_a_secret(
    model: HostedLLM, chat: FakeChat, status: int, code: str, kind: str, match: str
) -> None:
    chat.answers = [error(status, message=f"{KEY} may I? is bad", code=code)]
    found = failed(model)
    assert found.kind == kind
    assert match in found.reason
    assert KEY not in found.reason
    assert "may I?" not in found.reason


def test_where_nothing_listens_it_is_unreachable(model: HostedLLM) -> None:
    assert failed(replace(model, base_url="http://127.0.0.1:9/v1")).kind == "unreachable"


def test_an_answer_that_takes_too_long_is_given_up(model: HostedLLM, chat: FakeChat) -> None:
    import time

    def slow(prompt: str) -> str:
        time.sleep(1)
        return "late"

    chat.model = slow
    assert failed(replace(model, timeout_seconds=0.2)).reason == "no answer within 0.2 s"


def test_a_key_that_is_not_set_is_named(model: HostedLLM) -> None:
    with pytest.raises(HostedModelError, match="UNSET_KEY is not set"):
        answer(replace(model, api_key_env="UNSET_KEY"))


def test_the_price_of_a_request(model: HostedLLM) -> None:
    assert model.usd(1_000_000, 1_000_000) == 0
    priced = replace(model, usd_per_million_input_tokens=2.0, usd_per_million_output_tokens=8.0)
    assert priced.usd(1_000_000, 500_000) == pytest.approx(6.0)
