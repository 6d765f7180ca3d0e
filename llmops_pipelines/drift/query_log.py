"""Reads what users asked: a log of queries, the newest of it."""

import json
from collections import deque
from pathlib import Path

NEWEST = 20_000  # lines at the end of the log that are read
LONGEST = 2_000  # characters of a query


class QueryLogError(ValueError):
    """A query log that cannot be used. The message says what is expected."""


def logged_queries(path: Path) -> list[str]:
    """The queries of a log, the newest last: a JSON object with `query` a line, or a query a line.

    Of a long log the last 20,000 lines count; one without a query, as just after it was rotated, gives none. Raises
    QueryLogError where there is no such file.
    """
    try:
        with path.open(encoding="utf-8", errors="replace") as lines:
            newest = deque(lines, NEWEST)
    except OSError as error:
        raise QueryLogError(f"the query log {path} cannot be read: {error.strerror}") from error
    return [query for line in newest if (query := _query(line.strip()))]


def _query(line: str) -> str:
    if not line.startswith("{"):
        return line[:LONGEST]
    try:
        query = json.loads(line).get("query")
    except (ValueError, RecursionError):
        return ""  # a line that is still being written, or no JSON
    return query.strip()[:LONGEST] if isinstance(query, str) else ""
