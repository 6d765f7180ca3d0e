"""Suites of expectations as versioned YAML, validated by Great Expectations in one pass, one result an expectation."""

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from llmops_pipelines.quality.gates import NAMED_ROWS, GateResult
from llmops_pipelines.storage.identity import value_hash

if TYPE_CHECKING:
    import pandas as pd

SHIPPED = Path(__file__).parent / "suites"


class SuiteError(ValueError):
    """A suite file that cannot be used, or an expectation that could not be evaluated."""


@dataclass(frozen=True)
class Expectation:
    """One line of a suite: `type` is the expectation's name in snake case as Great Expectations documents it."""

    name: str
    type: str
    kwargs: Mapping[str, Any]
    description: str


@dataclass(frozen=True)
class Suite:
    """A named, versioned list of expectations about a table whose rows are named by column `key`."""

    name: str
    version: int
    key: str
    expectations: tuple[Expectation, ...]

    @property
    def identity(self) -> str:
        """Differs where any part of the suite differs."""
        return value_hash([self.name, self.version, self.key, [vars(expectation) for expectation in self.expectations]])

    @property
    def descriptions(self) -> dict[str, str]:
        """What each expectation says, by its name."""
        return {expectation.name: expectation.description for expectation in self.expectations}


def load_suite(path: Path, reserved: Collection[str] = ()) -> Suite:
    """Read a suite file. Raises SuiteError that names the file and the entry.

    Expectations may not be called as one of `reserved`: the names of gates that the asset has anyway.
    """
    try:
        raw = yaml.safe_load(path.read_text("utf-8"))
        expectations = tuple(
            Expectation(entry["name"], entry["type"], entry.get("kwargs", {}), entry.get("description", entry["type"]))
            for entry in raw["expectations"]
        )
        suite = Suite(raw["name"], int(raw["version"]), raw["key"], expectations)
    except FileNotFoundError:
        raise SuiteError(f"there is no suite file {path}") from None
    except (KeyError, TypeError, ValueError, yaml.YAMLError) as error:
        raise SuiteError(
            f"{path}: {type(error).__name__} {error}. A suite has name, version, key and expectations; "
            "an expectation has name, type and kwargs"
        ) from error
    names = [expectation.name for expectation in suite.expectations]
    if len(set(names)) != len(names):
        raise SuiteError(f"{path}: the names of expectations must differ, found {names}")
    if taken := set(names) & set(reserved):
        raise SuiteError(f"{path}: {', '.join(sorted(taken))} is a gate already: give the expectation another name")
    return suite


def validate(suite: Suite, frame: "pd.DataFrame") -> list[GateResult]:
    """Validate `frame` against `suite`: one result an expectation, in the suite's order.

    A failed result names the keys of up to 20 offending rows. Raises SuiteError where an expectation is unknown, or
    could not be evaluated (a column that is missing, a wrong argument).
    """
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    expectations = []
    for expectation in suite.expectations:
        known = getattr(gx.expectations, _class_name(expectation.type), None)
        if known is None:
            raise SuiteError(f"suite {suite.name}: Great Expectations has no expectation {expectation.type!r}")
        try:
            expectations.append(known(**expectation.kwargs, meta={"name": expectation.name}))
        except (TypeError, ValueError) as error:
            raise SuiteError(
                f"suite {suite.name}: {expectation.name}: {expectation.type} does not take {expectation.kwargs}: {error}"
            ) from error

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("lake").add_dataframe_asset(suite.name)
    batch = asset.add_batch_definition_whole_dataframe("staged").get_batch({"dataframe": frame})
    outcome = batch.validate(
        gx.ExpectationSuite(name=suite.name, expectations=expectations),
        result_format={"result_format": "COMPLETE", "unexpected_index_column_names": [suite.key]},
    )
    # Results come back in another order than the suite's: they are found again by the name in their meta.
    by_name = {_name(result): result for result in outcome.results}
    return [_gate(suite, expectation, by_name[expectation.name]) for expectation in suite.expectations]


def _gate(suite: Suite, expectation: Expectation, result: Any) -> GateResult:
    info = result.exception_info or {}
    nested = info.values() if "raised_exception" not in info else [info]
    for entry in nested:
        if isinstance(entry, Mapping) and entry.get("raised_exception"):
            raise SuiteError(
                f"suite {suite.name}: {expectation.name} could not be evaluated: {entry['exception_message']}"
            )
    found = result.result
    numbers = {
        key: found[key].item() if hasattr(found[key], "item") else found[key]
        for key in ("element_count", "unexpected_count", "observed_value")
        if found.get(key) is not None
    }
    if not result.success and found.get("unexpected_index_list"):
        numbers["offending"] = [str(row[suite.key]) for row in found["unexpected_index_list"][:NAMED_ROWS]]
    return GateResult(expectation.name, bool(result.success), numbers, expectation.description)


def _name(result: Any) -> str:
    return result.expectation_config.meta["name"]


def _class_name(snake: str) -> str:
    return "".join(part.capitalize() for part in snake.split("_"))
