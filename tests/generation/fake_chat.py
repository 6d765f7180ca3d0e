"""An OpenAI-compatible chat endpoint on 127.0.0.1, whose model is a function and may change at any moment."""

import json
import threading
from collections.abc import Callable
from typing import Any

from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

Model = Callable[[str], str]
ANSWERED_BY = "fake-chat-2026-01"


def completion(text: str | None, **changes: Any) -> dict[str, Any]:
    """The JSON of a chat completion."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 7, "completion_tokens": len((text or "").split())}
    return {"object": "chat.completion", "model": ANSWERED_BY, "choices": [choice], "usage": usage} | changes


class FakeChat:
    """`bodies` are the requests; `model` answers them; `fields` and `headers` go with every answer.

    `answers` are taken one a request before `model` is asked, None standing for it.
    """

    def __init__(self, server: HTTPServer) -> None:
        self.url = server.url_for("/v1")
        self.bodies: list[dict[str, Any]] = []
        self.sent: list[dict[str, str]] = []
        self.model: Model = lambda prompt: "yes"
        self.fields: dict[str, Any] = {}
        self.headers: dict[str, str] = {}
        self.answers: list[Response | None] = []
        self._lock = threading.Lock()
        server.expect_request("/v1/chat/completions", method="POST").respond_with_handler(self._answer)

    def _answer(self, request: Request) -> Response:
        body = json.loads(request.get_data())
        with self._lock:
            self.bodies.append(body)
            self.sent.append({name.lower(): value for name, value in request.headers.items()})
            told = self.answers.pop(0) if self.answers else None
        if told:
            return told
        content = completion(self.model(body["messages"][-1]["content"]), **self.fields)
        return Response(json.dumps(content), 200, self.headers, mimetype="application/json")
