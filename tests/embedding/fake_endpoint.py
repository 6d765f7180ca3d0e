"""An OpenAI-compatible endpoint on 127.0.0.1 that embeds by hashing, and can be told to answer otherwise."""

import hashlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

DIMENSION = 8
ANSWERED_BY = "fake-embed-2026-01"

Answers = Callable[[list[str]], Response | None]


def vector(text: str, dimension: int = DIMENSION) -> np.ndarray:
    """The vector of a text before it is normalised: any text has another one."""
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
    return np.random.default_rng(seed).normal(size=dimension) * 3


def words(text: str) -> int:
    return len(text.split())


class FakeEndpoint:
    """`requests` are the texts of each request, `bodies` and `headers` what came with them.

    `answers` are taken one a request, None standing for a proper answer; `answer_always` looks at the texts.
    """

    def __init__(self, server: HTTPServer) -> None:
        self.url = server.url_for("/v1")
        self.requests: list[list[str]] = []
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.answers: list[Response | None] = []
        self.answer_always: Answers = lambda texts: None
        self.answer_headers: list[dict[str, str]] = []
        self._lock = threading.Lock()
        server.expect_request("/v1/embeddings", method="POST").respond_with_handler(self._answer)

    def _answer(self, request: Request) -> Response:
        body = json.loads(request.get_data())
        with self._lock:
            self.requests.append(body["input"])
            self.bodies.append(body)
            self.headers.append({name.lower(): value for name, value in request.headers.items()})
            told = self.answers.pop(0) if self.answers else None
            headers = self.answer_headers.pop(0) if self.answer_headers else {}
        answer = told or self.answer_always(body["input"]) or embeddings(payload(body["input"]))
        answer.headers.update(headers)
        return answer


def payload(texts: list[str], **changes: Any) -> dict[str, Any]:
    data = [{"object": "embedding", "index": i, "embedding": vector(text).tolist()} for i, text in enumerate(texts)]
    tokens = sum(words(text) for text in texts)
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": data, "model": ANSWERED_BY, "usage": usage} | changes


def embeddings(content: object, headers: dict[str, str] | None = None) -> Response:
    return Response(json.dumps(content), 200, headers or {}, mimetype="application/json")


def error(status: int, headers: dict[str, str] | None = None, message: str = "no", **fields: str) -> Response:
    content = {"error": {"message": message, "type": "some_error", **fields}}
    return Response(json.dumps(content), status, headers or {}, mimetype="application/json")


class FakeTime:
    """A clock that only sleeping moves; it may be slept on by several threads."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.slept: list[float] = []
        self._lock = threading.Lock()

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.slept.append(seconds)
            self.now += seconds


@contextmanager
def cutting_server(answer: bytes = b"") -> Iterator[tuple[str, list[int]]]:
    """A server that reads a request, sends `answer` and closes the connection; the list grows by one a connection."""
    connections: list[int] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    connections.append(1)
                    connection.recv(65_536)
                    connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1", connections
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()
