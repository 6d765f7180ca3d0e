"""Reads evaluation suites from YAML: docs/evaluation.md describes the file. A mistake is named with file and remedy."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from llmops_pipelines.evaluation.known_items import KNOWN_ITEMS
from llmops_pipelines.evaluation.metrics import METRICS
from llmops_pipelines.evaluation.suites import Suite, SuiteMetric, SuiteSlice
from llmops_pipelines.quality.suites import SuiteError

SHIPPED = Path(__file__).parent / "suites"
LATENCY = "seconds"  # of a question, as measured beside its scores

Share = Annotated[float, Field(gt=0, lt=1)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Text = Annotated[str, Field(min_length=1)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Metric(_Entry):
    direction: Literal["higher", "lower"]
    role: Literal["primary", "guard", "reported"] = "reported"
    margin: Share | None = None
    floor: Annotated[float, Field(ge=0, le=1)] | None = None

    @model_validator(mode="after")
    def _judged(self) -> Self:
        if self.role == "reported" and (self.margin is not None or self.floor is not None):
            raise ValueError(
                "margin and floor judge: give them to a primary or guard metric, or give this one such a role"
            )
        if self.role != "reported" and self.margin is None:
            raise ValueError(f"a {self.role} metric needs a margin: the loss that counts as none, between 0 and 1")
        return self


class _Slice(_Entry):
    collection: Text | None = None
    tag: Text | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.collection is None) == (self.tag is None):
            raise ValueError("a slice is of one collection or of one tag")
        return self


class _File(_Entry):
    name: Name
    version: Annotated[int, Field(ge=1)]
    description: str = ""
    questions: Text | None = None
    known_items: Annotated[int, Field(ge=1)] | None = None
    system: Literal["bm25", "dense", "hybrid"] = "hybrid"
    metrics: dict[str, _Metric]
    slices: dict[Name, _Slice] = {}
    min_questions: Annotated[int, Field(ge=1)] = 50
    data_margin: Share | None = None
    max_looks: Annotated[int, Field(ge=1)] = 20
    gates: bool = True

    @model_validator(mode="after")
    def _one_primary(self) -> Self:
        known = (*METRICS, LATENCY)
        if unknown := [name for name in self.metrics if name not in known]:
            raise ValueError(f"there is no metric {unknown[0]!r}: the metrics are {', '.join(known)}")
        for name, metric in self.metrics.items():
            right = "lower" if name == LATENCY else "higher"
            if metric.direction != right:
                raise ValueError(f"the direction of {name} is {right}")
            if name == LATENCY and metric.role != "reported":
                raise ValueError(f"{name} is only reported: a margin is a share, and time is not measured as one")
        primary = [name for name, metric in self.metrics.items() if metric.role == "primary"]
        if len(primary) != 1:
            raise ValueError(f"one metric is primary, found {', '.join(primary) or 'none'}")
        return self

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if (self.questions is None) == (self.known_items is None):
            raise ValueError(
                "a suite has either questions (a file, or a folder in BEIR layout) or known_items (a number)"
            )
        if (self.name == KNOWN_ITEMS) != (self.known_items is not None):
            raise ValueError(f"the name of a suite of known items, and of no other, is {KNOWN_ITEMS}")
        return self


def load_suite(path: Path) -> Suite:
    """Read a suite. Its questions are read when they are asked for; that their file is there is checked now.

    Raises SuiteError that names the file and what would be right.
    """
    try:
        raw = yaml.safe_load(path.read_text("utf-8"))
        file = _File.model_validate(raw)
    except OSError as error:
        raise SuiteError(f"cannot read the suite {path}: {error}") from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise SuiteError(f"{path} is not YAML: {error}") from error
    except ValidationError as error:
        raise SuiteError(f"{path}: {'; '.join(map(_said, error.errors()))}") from error
    questions = path.parent / file.questions if file.questions else None
    if questions and not questions.exists():
        raise SuiteError(f"{path}: questions: there is no file or folder {questions}")
    return Suite(
        name=file.name,
        version=file.version,
        metrics=tuple(SuiteMetric(name, **vars(metric)) for name, metric in file.metrics.items()),
        file=questions,
        known_items=file.known_items,
        description=file.description,
        system=file.system,
        slices=tuple(SuiteSlice(name, **vars(entry)) for name, entry in file.slices.items()),
        min_questions=file.min_questions,
        data_margin=file.data_margin,
        max_looks=file.max_looks,
        gates=file.gates,
    )


def corpus_suites(paths: Sequence[Path], known_items: int) -> list[Suite]:
    """The suites of a corpus in the order of `paths`, and the one that ships, of at most `known_items` a part (0: not it).

    The one that ships gates only where there is no other; a suite of known items among `paths` takes its place. Raises
    SuiteError.
    """
    suites = [load_suite(path) for path in paths]
    first: dict[str, Path] = {}
    for suite, path in zip(suites, paths, strict=True):
        if first.setdefault(suite.name, path) != path:
            raise SuiteError(f"{path}: {first[suite.name]} has the name {suite.name!r} too: give every suite its own")
    if known_items and KNOWN_ITEMS not in first:
        shipped = load_suite(SHIPPED / "known_items.yaml")
        suites.append(replace(shipped, known_items=known_items, gates=not suites))
    return suites


def _said(error: ErrorDetails) -> str:
    """A mistake as `place: what would be right`."""
    place = [str(part) for part in error["loc"]]
    said = error["msg"].removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        entry = {"metrics": _Metric, "slices": _Slice}.get(place[0], _File) if len(place) > 1 else _File
        said = f"unknown; the keys are {', '.join(entry.model_fields)}"
    elif error["type"] == "model_type":
        said = "this is a mapping of keys to values"
    elif not isinstance(error["input"], Mapping):
        said = f"{said}, found {error['input']!r}"
    return f"{'.'.join(place)}: {said}" if place else said
