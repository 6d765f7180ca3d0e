"""Reading what an endpoint answers: vectors in the order of the texts, of unit length, or what is wrong with them."""

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np


@dataclass
class Answer:
    """An answer that is JSON of the right shape. `wrong` says why it cannot be used, and what to change."""

    tokens: int | None  # as the endpoint counts them, None where it does not
    answered_by: str | None  # the model that it names
    versions: tuple[tuple[str, str], ...] = ()  # headers that tell a version of it, by name
    vectors: "np.ndarray | None" = None  # (texts, dimension), float32; rows of unit length but for those in `faults`
    faults: dict[int, str] = field(default_factory=dict)  # by position: what is wrong with single vectors
    wrong: str | None = None


def read_answer(body: bytes, texts: int, dimension: int) -> Answer | None:
    """The answer to a request of `texts` texts. None where it is no JSON, or JSON of another kind: worth another try."""
    import numpy as np

    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        return None
    data = payload.get("data") if isinstance(payload, dict) else None
    if not isinstance(data, list) or not all(_is_entry(entry) for entry in data):
        return None
    answer = Answer(_tokens(payload.get("usage")), _name(payload.get("model")))
    answer.wrong = _wrong(data, texts, dimension)
    if answer.wrong:
        return answer
    rows = [entry["embedding"] for entry in sorted(data, key=lambda entry: entry["index"])]
    try:
        vectors = np.array(rows, dtype=np.float64)  # null, which JSON has instead of NaN, becomes NaN
    except (TypeError, ValueError):
        return None
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        norms = np.linalg.norm(vectors, axis=1)
        answer.vectors = (vectors / norms[:, None]).astype(np.float32)
    for position, norm in enumerate(norms):
        if not np.isfinite(norm):
            answer.faults[position] = "its vector holds NaN or infinity"
        elif norm == 0:
            answer.faults[position] = "its vector is zero"
    return answer


def _is_entry(entry: Any) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("embedding"), list)


def _wrong(data: list[dict[str, Any]], texts: int, dimension: int) -> str | None:
    if len(data) != texts:
        return f"it gave {len(data)} vectors for {texts} texts. Set batch_texts: 1, or use another endpoint"
    indexes = [entry.get("index") for entry in data]
    if any(type(index) is not int for index in indexes) or set(indexes) != set(range(texts)):
        return (
            "in its answer an index is missing or there twice, so that the vectors cannot be told apart. "
            "Set batch_texts: 1, or use another endpoint"
        )
    length = next((len(entry["embedding"]) for entry in data if len(entry["embedding"]) != dimension), None)
    if length is None:
        return None
    return (
        f"its vectors have {length} dimensions, {dimension} are configured. Set dimension: {length}, "
        "or send_dimensions: true where the model can shorten its vectors"
    )


def _tokens(usage: Any) -> int | None:
    found = usage if isinstance(usage, dict) else {}
    counted = (found.get(name) for name in ("prompt_tokens", "total_tokens"))
    return next((count for count in counted if type(count) is int and count >= 0), None)


def _name(model: Any) -> str | None:
    return model[:200] if isinstance(model, str) and model else None
