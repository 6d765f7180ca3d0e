"""What a hosted model is: which settings make another model of it, and which do not."""

from dataclasses import fields, replace
from typing import Any

import pytest

from llmops_pipelines.embedding.hosted_model import HostedModel

MODEL = HostedModel("small", "text-embedding-3-small", "https://api.openai.com/v1", dimension=1_536, max_tokens=8_192)

IDENTITY: dict[str, Any] = {
    "model": "text-embedding-3-large",
    "dimension": 512,
    "max_tokens": 512,
    "epoch": 2,
    "query_prompt": "query: ",
    "document_prompt": "passage: ",
}
OTHERS: dict[str, Any] = {
    "name": "other",
    "base_url": "https://gateway.example/v1",
    "api_key_env": "GATEWAY_KEY",
    "send_dimensions": True,
    "usd_per_million_tokens": 0.02,
    "batch_texts": 1,
    "batch_tokens": 1,
    "concurrency": 1,
    "timeout_seconds": 1.0,
    "max_retries": 1,
    "max_retry_seconds": 1.0,
}


def test_every_setting_is_of_the_identity_or_not() -> None:
    assert {field.name for field in fields(HostedModel)} == IDENTITY.keys() | OTHERS.keys()


@pytest.mark.parametrize("setting", IDENTITY)
def test_a_setting_that_changes_vectors_makes_another_model(setting: str) -> None:
    assert replace(MODEL, **{setting: IDENTITY[setting]}).fingerprint != MODEL.fingerprint


@pytest.mark.parametrize("setting", OTHERS)
def test_any_other_setting_leaves_the_model_what_it_is(setting: str) -> None:
    assert replace(MODEL, **{setting: OTHERS[setting]}).fingerprint == MODEL.fingerprint


def test_no_two_settings_give_one_fingerprint() -> None:
    found = {replace(MODEL, **{setting: value}).fingerprint for setting, value in IDENTITY.items()}
    assert len(found) == len(IDENTITY)
    assert replace(MODEL, query_prompt="").fingerprint == MODEL.fingerprint


def test_the_fingerprint_is_the_same_in_every_release() -> None:
    assert MODEL.key == f"small-{MODEL.fingerprint[:8]}"
    assert MODEL.key == "small-c9f5343e"


def test_prompts_and_price() -> None:
    assert (MODEL.prompt("query"), MODEL.prompt("document"), MODEL.usd(1_000_000)) == ("", "", 0.0)
    prompted = replace(MODEL, query_prompt="q: ", document_prompt="d: ", usd_per_million_tokens=0.02)
    assert (prompted.prompt("query"), prompted.prompt("document")) == ("q: ", "d: ")
    assert prompted.usd(250_000) == pytest.approx(0.005)
