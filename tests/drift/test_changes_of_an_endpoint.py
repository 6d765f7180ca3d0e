"""A chat endpoint on a real socket whose model changes at a known moment: each change has the verdict stated beforehand."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Response

from llmops_pipelines.drift.asking import reply_probe
from llmops_pipelines.drift.probes import Tier
from llmops_pipelines.drift.upstream import Upstream
from llmops_pipelines.drift.verdict import DriftVerdict
from llmops_pipelines.generation.hosted_llm import HostedLLM
from llmops_pipelines.storage.lake import Lake
from tests.drift.upstream_models import LLM_PROBES, answers_of, failing
from tests.generation.fake_chat import FakeChat

TIERS: tuple[Tier, ...] = ("tokens", "graded")
SMALL = replace(LLM_PROBES, items=LLM_PROBES.items[:40], tokens=LLM_PROBES.tokens[:3])

IDENTITY, BEHAVIOUR = DriftVerdict.IDENTITY_CHANGED, DriftVerdict.BEHAVIOUR_CHANGED
UNMEASURED, UNCHANGED = DriftVerdict.UNMEASURED, DriftVerdict.UNCHANGED


def slow(seconds: float) -> Callable[[str], str]:
    def model(prompt: str) -> str:
        time.sleep(seconds)
        return answers_of(prompt)

    return model


def fingerprint(chat: FakeChat) -> None:
    chat.fields = {"system_fingerprint": "fp_2"}


def header(chat: FakeChat) -> None:
    chat.headers = {"openai-model": "chat-2026-11"}


def answers(chat: FakeChat) -> None:
    chat.model = lambda prompt: "7" if prompt.startswith("What") else answers_of(prompt)


def form(chat: FakeChat) -> None:
    chat.model = lambda prompt: f"It is {answers_of(prompt)}." if prompt.startswith("What") else answers_of(prompt)


def refusals(chat: FakeChat) -> None:
    chat.model = lambda prompt: "I'm sorry, I cannot help with that."


def slower(chat: FakeChat) -> None:
    chat.model = slow(0.05)


def too_slow(chat: FakeChat) -> None:
    chat.model = slow(1.5)


def a_few_errors(chat: FakeChat) -> None:
    chat.answers = [failing(500) if i % 40 == 0 else None for i in range(70)]


def many_errors(chat: FakeChat) -> None:
    chat.answers = [failing(500) if i % 5 == 0 else None for i in range(70)]


def rate_limited(chat: FakeChat) -> None:
    chat.answers = [Response("{}", 429) for _ in range(70)]


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        (lambda chat: None, UNCHANGED),
        (fingerprint, IDENTITY),
        (header, UNCHANGED),  # a name that is told for the first time proves nothing
        (answers, BEHAVIOUR),
        (form, BEHAVIOUR),
        (refusals, BEHAVIOUR),
        (slower, UNCHANGED),
        (too_slow, UNMEASURED),
        (a_few_errors, UNCHANGED),
        (many_errors, UNMEASURED),
        (rate_limited, UNMEASURED),
    ],
)
def test_a_change_has_its_verdict(
    tmp_path: Path, http_server: HTTPServer, change: Callable[[FakeChat], None], verdict: DriftVerdict
) -> None:
    http_server.clear()
    chat = FakeChat(http_server)
    chat.model, chat.fields = answers_of, {"system_fingerprint": "fp_1"}
    model = HostedLLM("llm", "chat", chat.url, max_retries=0, concurrency=8, timeout_seconds=1.0)
    upstream = Upstream("llm", Lake(str(tmp_path / "lake")), reply_probe(SMALL, model))
    upstream.accept(TIERS, "a test", "it is good")
    change(chat)
    found = upstream.observe(TIERS, "a test")
    assert found.verdict == verdict, found.reason


@pytest.fixture
def nobody(tmp_path: Path, http_server: HTTPServer) -> Iterator[tuple[FakeChat, Upstream]]:
    http_server.clear()
    chat = FakeChat(http_server)
    chat.model = answers_of
    model = HostedLLM("llm", "chat", chat.url, max_retries=0, concurrency=8)
    lake = Lake(str(tmp_path / "lake"))
    Upstream("llm", lake, reply_probe(SMALL, model)).accept(TIERS, "a test", "it is good")
    away = replace(model, base_url="http://127.0.0.1:9/v1")
    yield chat, Upstream("llm", lake, reply_probe(SMALL, away))


def test_an_endpoint_that_is_down_is_unmeasured_soon(nobody: tuple[FakeChat, Upstream]) -> None:
    _, upstream = nobody
    found = upstream.observe(TIERS, "a test")
    assert (found.verdict, found.gone) == (UNMEASURED, False)
    assert "127.0.0.1:9" in found.reason


def test_a_key_that_is_not_set_is_unmeasured_and_named(
    tmp_path: Path, http_server: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    http_server.clear()
    chat = FakeChat(http_server)
    chat.model = answers_of
    monkeypatch.setenv("CHAT_KEY", "sk-secret")
    model = HostedLLM("llm", "chat", chat.url, api_key_env="CHAT_KEY", max_retries=0)
    lake = Lake(str(tmp_path / "lake"))
    Upstream("llm", lake, reply_probe(SMALL, model)).accept(TIERS, "a test", "it is good")
    monkeypatch.delenv("CHAT_KEY")
    found = Upstream("llm", lake, reply_probe(SMALL, model)).observe(TIERS, "a test")
    assert found.verdict == UNMEASURED
    assert "CHAT_KEY is not set" in found.reason
