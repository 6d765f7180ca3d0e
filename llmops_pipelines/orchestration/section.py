"""The base of every section of a corpus's YAML: unknown keys are refused, and `dg check yaml` says what would be right."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import ConfigDict, Field, GetJsonSchemaHandler
from pydantic_core import CoreSchema

from llmops_pipelines.quality.suites import SHIPPED, Suite, load_suite


class Section(dg.Model):
    """A part of a component's YAML. Values are checked by JSON schema, so that errors carry their line."""

    model_config = ConfigDict(regex_engine="python-re")  # the one that JSON schema's patterns are read with too

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        schema = handler.resolve_ref_schema(handler(core_schema))
        if "properties" in schema:
            # Beside `additionalProperties: false`, which points at the line: this one names the keys there are.
            schema["propertyNames"] = {"enum": sorted(schema["properties"])}
        return schema


class ExpectingSection(Section):
    """The section of a stage whose table is validated against a suite of expectations."""

    suite: str | None = Field(default=None, description="A suite file of your own, relative to this file.")

    def load_suite(self, folder: Path, shipped: str, gates: Collection[str]) -> Suite:
        """The suite of the corpus in `folder`, the one that ships as `shipped` where it has none of its own."""
        return load_suite(folder / self.suite if self.suite else SHIPPED / shipped, reserved=gates)


class ByTag:
    """Annotates a union of sections that are told apart by the constant field `tag`.

    JSON schema's `oneOf` says of a mistake only that nothing matched. Written as `if tag then schema`, the mistake is
    reported where it is.
    """

    def __init__(self, tag: str) -> None:
        self.tag = tag

    def __get_pydantic_json_schema__(self, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        choices: dict[str, str] = handler(core_schema)["discriminator"]["mapping"]
        branches = [
            {"if": {"properties": {self.tag: {"const": name}}, "required": [self.tag]}, "then": {"$ref": reference}}
            for name, reference in choices.items()
        ]
        return {
            "type": "object",
            "properties": {self.tag: {"enum": sorted(choices)}},
            "required": [self.tag],
            "allOf": branches,
        }
