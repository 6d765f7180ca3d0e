"""Grades an answer exactly: whether its content is right, and apart from that whether its form is the one asked for.

A content that cannot be found is None: unparsed, and neither right nor wrong. What a model knows and how it says it change
apart: code that is put in a fence is as right as before, and breaks whatever reads it.
"""

import json
import re
from collections.abc import Callable
from typing import Any

from llmops_pipelines.drift.descriptors import refuses
from llmops_pipelines.drift.probes import Item

JSON_FORM = "json"


def right_content(item: Item, text: str) -> bool | None:
    """Whether the content of an answer is that of the item; None where it cannot be found."""
    return CONTENTS[item.content](item, text)


def right_form(item: Item, text: str) -> bool | None:
    """Whether an answer has the form that was asked for; None where none was."""
    if item.format is None:
        return None
    if item.format == JSON_FORM:
        return _whole_json(text.strip()) is not None
    return re.fullmatch(item.format, text.strip(), re.DOTALL) is not None


def _last(pattern: str, normal: Callable[[str], str]) -> Callable[[Item, str], bool | None]:
    """The last match of `pattern` is the answer: a model that thinks aloud ends with it."""

    def right(item: Item, text: str) -> bool | None:
        found = re.findall(pattern, text)
        return normal(found[-1]) == str(item.answer) if found else None

    return right


def _phrase(item: Item, text: str) -> bool | None:
    def holds(phrase: str) -> bool:
        return re.search(rf"(?<!\w){re.escape(phrase)}(?!\w)", text, re.IGNORECASE) is not None

    wrong = any(holds(phrase) for phrase in item.others)
    return (not wrong if holds(item.answer) else False) if wrong or holds(item.answer) else None


def _refusal(item: Item, text: str) -> bool | None:
    return refuses(text) == (item.answer == "yes") if text.strip() else None


def _json(item: Item, text: str) -> bool | None:
    start, end = text.find("{"), text.rfind("}")
    found = _whole_json(text[start : end + 1]) if 0 <= start < end else None
    return found == item.answer if isinstance(found, dict) else None


def _citation(item: Item, text: str) -> bool | None:
    cited = {number for group in re.findall(r"\[([\d, ]+)\]", text) for number in re.findall(r"\d+", group)}
    return cited == set(str(item.answer).split(",")) if cited else None


def _whole_json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


CONTENTS: dict[str, Callable[[Item, str], bool | None]] = {
    "integer": _last(r"-?\d[\d,]*", lambda found: found.replace(",", "")),
    "yes_no": _last(r"(?i)\b(?:yes|no)\b", str.lower),
    "choice": _last(r"\b[A-D]\b", str),
    "phrase": _phrase,
    "json": _json,
    "refusal": _refusal,
    "citation": _citation,
}
