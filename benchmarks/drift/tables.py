"""Rows as a table that is read in a terminal."""

from collections.abc import Mapping, Sequence
from typing import Any


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], title: str) -> str:
    """The columns of the rows under their names; numbers to the right, what a row lacks is blank."""
    cells = [[_said(row.get(column)) for column in columns] for row in rows]
    widths = [max(len(name), *(len(line[i]) for line in cells), 0) for i, name in enumerate(columns)]
    numbers = [all(isinstance(row.get(column), int | float | None) for row in rows) for column in columns]
    lines = [
        "  ".join(
            cell.rjust(w) if right else cell.ljust(w) for cell, w, right in zip(line, widths, numbers, strict=True)
        )
        for line in [list(columns), ["-" * width for width in widths], *cells]
    ]
    return "\n".join(["", title, *lines])


def by_method(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One row a drift, what each method detected in a column of its own."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        one = found.setdefault((row["drift"], row["size"]), {})
        one |= {
            name: row[name] for name in ("drift", "size", "practical_effect", "expected", "p", "effect") if name in row
        }
        one[row["method"]] = row["detected"]
    return list(found.values())


def _said(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3g}" if 0 < abs(value) < 1e-3 else f"{value:.4g}"
    return str(value)
