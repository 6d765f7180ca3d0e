"""Fixtures of the tests of drift: endpoints that answer as their models do."""

from collections.abc import Iterator

import pytest
from pytest_httpserver import HTTPServer

from tests.drift.upstream_models import (
    ChangingEmbedder,
    answers_of,
)
from tests.generation.fake_chat import FakeChat


@pytest.fixture
def embedder(http_server: HTTPServer) -> Iterator[ChangingEmbedder]:
    http_server.clear()
    yield ChangingEmbedder(http_server)


@pytest.fixture
def chat(http_server: HTTPServer) -> Iterator[FakeChat]:
    http_server.clear()
    made = FakeChat(http_server)
    made.model = answers_of
    yield made
