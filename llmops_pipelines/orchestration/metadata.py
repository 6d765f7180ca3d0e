"""From summaries and Arrow schemas to Dagster metadata."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
import pyarrow as pa

from llmops_pipelines.evaluation.evaluate import SYSTEMS
from llmops_pipelines.evaluation.figures import HEADLINE_SYSTEM, SetFigures


def column_schema(schema: pa.Schema) -> dg.TableSchema:
    """The columns as Dagster shows them."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(field.name, str(field.type), constraints=dg.TableColumnConstraints(nullable=field.nullable))
            for field in schema
        ]
    )


def sync_metadata(counts: Mapping[str, Any]) -> dict[str, Any]:
    """Added, changed, deleted and unchanged as numbers that Dagster plots, with examples to read."""
    metadata: dict[str, Any] = {name: counts[name] for name in ("added", "changed", "deleted", "unchanged")}
    if counts["examples"]:
        metadata["examples"] = bullets({change: ", ".join(keys) for change, keys in counts["examples"].items()})
    return metadata


def headline(figures_found: Sequence[SetFigures]) -> dict[str, float]:
    """The figures of the first question set as numbers that Dagster plots over materialisations."""
    if not figures_found:
        return {}
    estimates = figures_found[0].estimates
    numbers = {metric: estimate.mean for metric, estimate in estimates[HEADLINE_SYSTEM].items()}
    primary = figures_found[0].headline
    numbers |= {"nDCG@10 low": primary.low, "nDCG@10 high": primary.high}
    return numbers | {
        f"nDCG@10 {system}": estimates[system]["nDCG@10"].mean for system in SYSTEMS if system != HEADLINE_SYSTEM
    }


def bullets(entries: Mapping[str, Any]) -> dg.MarkdownMetadataValue:
    """A Markdown list of names and values."""
    return dg.MetadataValue.md("\n".join(f"- **{name}**: {value}" for name, value in entries.items()) or "none")


def table(headings: Sequence[str], rows: Sequence[Sequence[Any]]) -> dg.MarkdownMetadataValue:
    """A Markdown table."""
    return dg.MetadataValue.md(markdown_table(headings, rows))


def markdown_table(headings: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """The text of a Markdown table."""
    lines = [f"| {' | '.join(headings)} |", "| " + " | ".join("---" for _ in headings) + " |"]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def image(name: str, content: bytes) -> dg.MarkdownMetadataValue:
    """A PNG image."""
    return dg.MetadataValue.md(f"![{name}](data:image/png;base64,{base64.b64encode(content).decode()})")
