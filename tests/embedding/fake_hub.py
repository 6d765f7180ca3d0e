"""A model hub on 127.0.0.1: what a download of a whole model asks for, as the hub answers it."""

import hashlib
import re
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

COMMIT = "c0ffee" * 6 + "c0ff"
REPOSITORY = "someone/tiny"


class FakeHub:
    """Serves the files of `folder` as the model `someone/tiny`; `asked` are the files that were downloaded."""

    def __init__(self, server: HTTPServer, folder: Path) -> None:
        self.url = server.url_for("").rstrip("/")
        self.folder = folder
        self.asked: list[str] = []
        self.requests = 0
        server.expect_request(re.compile(".*")).respond_with_handler(self._answer)

    def _answer(self, request: Request) -> Response:
        self.requests += 1
        path = request.path
        if path in (f"/api/models/{REPOSITORY}", *(f"/api/models/{REPOSITORY}/revision/{r}" for r in ("main", "v1"))):
            return _json({"id": REPOSITORY, "modelId": REPOSITORY, "sha": COMMIT, "siblings": [], "private": False})
        if path == f"/api/models/{REPOSITORY}/tree/{COMMIT}":
            return _json([self._entry(file) for file in sorted(self.folder.rglob("*")) if file.is_file()])
        if path.startswith(f"/{REPOSITORY}/resolve/{COMMIT}/"):
            return self._file(request, path.split("/", 5)[5])
        known = path.startswith(f"/api/models/{REPOSITORY}/")
        return Response("not found", 404, {"X-Error-Code": "RevisionNotFound" if known else "RepoNotFound"})

    def _entry(self, file: Path) -> dict[str, object]:
        name, content = file.relative_to(self.folder).as_posix(), file.read_bytes()
        return {"type": "file", "path": name, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}

    def _file(self, request: Request, name: str) -> Response:
        content = (self.folder / name).read_bytes()
        if request.method == "GET":
            self.asked.append(name)
        return Response(
            content,
            headers={"ETag": f'"{hashlib.sha1(content).hexdigest()}"', "X-Repo-Commit": COMMIT},
            mimetype="application/octet-stream",
        )


def _json(content: object) -> Response:
    import json

    return Response(json.dumps(content), mimetype="application/json")


def use_hub(monkeypatch: pytest.MonkeyPatch, url: str, cache: Path, offline: bool = False) -> None:
    """Let this process, and those that it starts, use the hub at `url` with a cache of their own."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", url)
    monkeypatch.setattr(
        constants, "HUGGINGFACE_CO_URL_TEMPLATE", f"{url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    )
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", offline)
    monkeypatch.setenv("HF_ENDPOINT", url)
    monkeypatch.setenv("HF_HUB_CACHE", str(cache))
    monkeypatch.setenv("HF_HUB_OFFLINE", str(int(offline)))
