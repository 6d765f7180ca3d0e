"""Reading what a chat endpoint answers: the text, why it ends, and who says to have written it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from llmops_pipelines.embedding.hosted_client import LONGEST, versions_told


@dataclass(frozen=True)
class Completion:
    """An answer. `text` is empty where the model said nothing; `refusal` is the API's own field for a refusal's words."""

    text: str
    finish_reason: str | None
    refusal: str | None
    answered_by: str | None  # the model that the answer names
    system_fingerprint: str | None
    versions: tuple[tuple[str, str], ...]  # headers that tell a version, by name
    input_tokens: int | None  # as the endpoint counts them, None where it does not
    output_tokens: int | None
    seconds: float


def read_completion(body: bytes, headers: Mapping[str, str], seconds: float) -> Completion | None:
    """The first choice of a chat completion. None where the body is not the JSON of one."""
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        return None
    choices = payload.get("choices") if isinstance(payload, dict) else None
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        return None
    if not isinstance(message.get("content"), str | None):
        return None
    usage = payload.get("usage")
    return Completion(
        text=_text(message.get("content") or ""),
        finish_reason=_name(choice.get("finish_reason")),
        refusal=_name(message.get("refusal")),
        answered_by=_name(payload.get("model")),
        system_fingerprint=_name(payload.get("system_fingerprint")),
        versions=versions_told(headers),
        input_tokens=_count(usage, "prompt_tokens"),
        output_tokens=_count(usage, "completion_tokens"),
        seconds=seconds,
    )


def _text(said: str) -> str:
    """Half of a surrogate pair, which JSON may hold and UTF-8 cannot, becomes a question mark."""
    return said.encode("utf-8", "replace").decode("utf-8")


def _name(value: Any) -> str | None:
    return _text(value)[:LONGEST] if isinstance(value, str) and value else None


def _count(usage: Any, field: str) -> int | None:
    count = usage.get(field) if isinstance(usage, dict) else None
    return count if type(count) is int and count >= 0 else None
