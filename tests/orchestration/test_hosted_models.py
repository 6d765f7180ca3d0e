"""A model behind an endpoint is a key like any other: planned with its price, embedded beside the base, released."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from pytest_httpserver import HTTPServer

from llmops_pipelines.embedding.model_folder import ModelError
from llmops_pipelines.orchestration.corpus import Corpus
from llmops_pipelines.orchestration.serving import model_searcher, released_searcher
from llmops_pipelines.storage import Lake
from tests.dagster_runs import checks, failure, failures, metadata, promote, run_job
from tests.embedding.fake_endpoint import ANSWERED_BY, DIMENSION, FakeEndpoint, error
from tests.orchestration.test_planning import MODELS, notes

SECRET = "sk-very-secret"


@pytest.fixture
def endpoint(httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> FakeEndpoint:
    monkeypatch.setenv("NOTES_API_KEY", SECRET)
    return FakeEndpoint(httpserver)


def hosted(endpoint: FakeEndpoint, **changed: Any) -> dict[str, Any]:
    return {
        "name": "hosted",
        "base_url": endpoint.url,
        "model": "fake-embed",
        "dimension": DIMENSION,
        "max_tokens": 100,
        "api_key_env": "NOTES_API_KEY",
        "usd_per_million_tokens": 1000.0,
        **changed,
    }


def corpus_with(folder: Path, model: dict[str, Any], **embeddings: Any) -> tuple[Corpus, str]:
    """The notes with a hosted model beside the base, and its key."""
    corpus = notes(folder, embeddings={"models": [*MODELS["models"], model], **embeddings})
    return corpus, next(key for key in corpus.model_keys() if key.startswith("hosted-"))


def test_a_hosted_model_is_embedded_beside_the_base_searched_and_released(
    endpoint: FakeEndpoint, tmp_path: Path, instance: dg.DagsterInstance, lake: Lake
) -> None:
    corpus, key = corpus_with(tmp_path, hosted(endpoint))
    assert run_job(corpus, instance, lake.uri).success
    assert endpoint.requests == [], "what runs for the base calls nobody"
    result = run_job(corpus, instance, lake.uri, "candidate", key)
    assert result.success, failures(result)
    found = metadata(result)["embeddings"]
    tokens = sum(len(text.split()) for texts in endpoint.requests for text in texts)
    assert (found["embedded"], found["tokens"], found["usd"]) == (4, tokens, pytest.approx(tokens / 1000))
    assert (found["licence"], found["numerics"]) == ("terms of its provider", f"openai/{ANSWERED_BY}")
    assert checks(result)["embeddings:accounted"]
    assert endpoint.headers[0]["authorization"] == f"Bearer {SECRET}"
    assert model_searcher(corpus, lake, key).search("note 2", "dense")[0].text == "note 2", "the vectors are its own"

    asked = len(endpoint.requests)
    again = run_job(corpus, instance, lake.uri, "candidate", key)
    assert metadata(again)["embeddings"]["usd"] == 0
    assert len(endpoint.requests) == asked
    assert promote(corpus, instance, lake.uri, key).success
    assert released_searcher(corpus, lake)[0].manifest.model_key == key


def test_a_price_has_a_budget(endpoint: FakeEndpoint, tmp_path: Path, instance: dg.DagsterInstance, lake: Lake) -> None:
    corpus, key = corpus_with(tmp_path, hosted(endpoint), budget={"usd": 0.001})
    assert run_job(corpus, instance, lake.uri).success, "the base has no price"
    result = run_job(corpus, instance, lake.uri, "candidate", key)
    assert "US dollars, 0.001 are allowed" in failure(result)
    assert endpoint.requests == []


def test_a_text_that_is_refused_is_named_and_the_others_are_kept(
    endpoint: FakeEndpoint, tmp_path: Path, instance: dg.DagsterInstance, lake: Lake
) -> None:
    corpus, key = corpus_with(tmp_path, hosted(endpoint))
    assert run_job(corpus, instance, lake.uri).success
    endpoint.answer_always = lambda texts: error(400) if "note 2" in texts else None
    result = run_job(corpus, instance, lake.uri, "candidate", key)
    assert "6 characters" in failure(result)
    assert "note 2" not in failure(result)
    assert SECRET not in failure(result)
    endpoint.answer_always = lambda texts: None
    asked = len(endpoint.requests)
    assert run_job(corpus, instance, lake.uri, "candidate", key).success
    assert endpoint.requests[asked] == ["note 2"], "what was paid for is not paid for again"


def test_a_hosted_model_cannot_be_the_base(endpoint: FakeEndpoint, tmp_path: Path) -> None:
    corpus = notes(tmp_path, embeddings={"models": [hosted(endpoint)]})
    with pytest.raises(ModelError, match=r"hosted, the first of embeddings\.models, is hosted"):
        _ = corpus.base_model
