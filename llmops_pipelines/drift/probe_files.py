"""Reads probes from YAML: docs/drift.md describes the file. A mistake is named with file and remedy."""

import re
from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from llmops_pipelines.drift.grading import CONTENTS, JSON_FORM
from llmops_pipelines.drift.probes import (
    FAMILIES,
    FEWEST_CALLS,
    TIERS,
    EmbedderProbes,
    Item,
    LLMProbes,
    ProbeError,
    Probes,
)

SHIPPED = Path(__file__).parent / "probes"
LINE_BREAKS = re.compile("[\r\x85\u2028\u2029]")

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Version = Annotated[int, Field(ge=1)]
Calls = Annotated[int, Field(ge=FEWEST_CALLS)]
Share = Annotated[float, Field(ge=0, lt=1)]
Text = Annotated[str, Field(min_length=1)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _EmbedderFile(_Entry):
    asks: Literal["embedder"]
    name: Name
    version: Version
    calls: Calls = FEWEST_CALLS
    loss: Share
    jitter: Share
    texts: Annotated[dict[Name, Annotated[list[str], Field(min_length=1)]], Field(min_length=1)]
    queries: Annotated[list[Text], Field(min_length=1)]

    def probes(self) -> EmbedderProbes:
        texts = {kind: tuple(texts) for kind, texts in self.texts.items()}
        _unique("text", [text for of in texts.values() for text in of])
        _unique("query", self.queries)
        return EmbedderProbes(self.name, self.version, texts, tuple(self.queries), self.calls, self.loss, self.jitter)


class _Tokens(_Entry):
    repeats: Annotated[int, Field(ge=1)]
    prompts: Annotated[list[Text], Field(min_length=1)]


class _Group(_Entry):
    category: Name
    content: str
    format: str | None = None
    prompt: Text
    items: Annotated[list[dict[str, Any]], Field(min_length=1)]

    @model_validator(mode="after")
    def _known(self) -> Self:
        if self.content not in CONTENTS:
            raise ValueError(f"there is no content {self.content!r}: it is one of {', '.join(CONTENTS)}")
        if self.format not in (None, JSON_FORM):
            try:
                re.compile(str(self.format))
            except re.error as error:
                raise ValueError(f"format {self.format!r} is no regular expression: {error}") from None
        return self

    def made(self, first: int) -> list[Item]:
        return [self._item(entry, first + i) for i, entry in enumerate(self.items)]

    def _item(self, entry: dict[str, Any], number: int) -> Item:
        name = f"{self.category}-{number:03}"
        if "answer" not in entry:
            raise ValueError(f"item {name} has no answer")
        try:
            prompt = self.prompt.format(**entry)
        except (AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
            raise ValueError(f"the prompt of item {name} cannot be made: {error!r}") from None
        answer, others = entry["answer"], entry.get("others", [])
        if not isinstance(answer, dict if self.content == "json" else str) or not _strings(others):
            raise ValueError(
                f"the answer of item {name}, and each of its others, is a string: put yes, no and numbers in quotes. The "
                "answer of a json item is a mapping"
            )
        return Item(name, self.category, prompt, self.content, answer, self.format, tuple(others))


class _LLMFile(_Entry):
    asks: Literal["llm"]
    name: Name
    version: Version
    calls: Calls = FEWEST_CALLS
    floors: dict[str, Share]
    max_tokens: dict[Literal["tokens", "graded", "texts"], Annotated[int, Field(ge=1)]]
    tokens: _Tokens
    graded: Annotated[list[_Group], Field(min_length=1)]
    texts: Annotated[list[Text], Field(min_length=2)]

    def probes(self) -> LLMProbes:
        if set(self.max_tokens) != set(TIERS["llm"]):
            raise ValueError(f"max_tokens: say how long answers may be of each of {', '.join(TIERS['llm'])}")
        families = [name for tier in TIERS["llm"] for name in FAMILIES[tier]]
        if set(self.floors) != set(families):
            raise ValueError(f"floors: give the least effect of each of {', '.join(families)}")
        items: list[Item] = []
        for group in self.graded:
            items += group.made(1 + sum(item.category == group.category for item in items))
        _unique("prompt", [*self.tokens.prompts, *(item.prompt for item in items), *self.texts])
        return LLMProbes(
            self.name,
            self.version,
            self.calls,
            self.floors,
            tuple(self.tokens.prompts),
            self.tokens.repeats,
            tuple(items),
            tuple(self.texts),
            {str(tier): most for tier, most in self.max_tokens.items()},
        )


_FILE: TypeAdapter[_EmbedderFile | _LLMFile] = TypeAdapter(
    Annotated[_EmbedderFile | _LLMFile, Field(discriminator="asks")]
)


def load_probes(path: Path) -> Probes:
    """Read a probe file. Raises ProbeError that names the file and the mistake."""
    try:
        return _FILE.validate_python(yaml.safe_load(path.read_text("utf-8"))).probes()
    except FileNotFoundError:
        raise ProbeError(f"there is no probe file {path}") from None
    except OSError as error:
        raise ProbeError(f"the probe file {path} cannot be read: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise ProbeError(f"{path} is no YAML: {error}") from error
    except ValidationError as error:
        said = "; ".join(
            f"{'.'.join(str(part) for part in one['loc'][1:]) or 'asks'}: {one['msg'].removeprefix('Value error, ')}"
            for one in error.errors()[:3]
        )
        raise ProbeError(f"{path}: {said}") from error
    except ValueError as error:
        raise ProbeError(f"{path}: {error}") from error


def written(probes: EmbedderProbes) -> str:
    """The file that `load_probes` reads as `probes`."""
    file = {
        "name": probes.name,
        "version": probes.version,
        "asks": "embedder",
        **{key: getattr(probes, key) for key in ("calls", "loss", "jitter")},
        "texts": {kind: list(texts) for kind, texts in probes.texts.items()},
        "queries": list(probes.queries),
    }
    return yaml.dump(file, Dumper=_Quoting, sort_keys=False, allow_unicode=True, width=120)


class _Quoting(yaml.SafeDumper):
    """Quotes what has a line break that YAML would fold, so that texts are read as they were written."""


_Quoting.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, style='"' if LINE_BREAKS.search(text) else None
    ),
)


def _unique(what: str, texts: list[str]) -> None:
    repeated = [text for text, times in Counter(texts).items() if times > 1]
    if repeated:
        raise ValueError(f"the {what} {repeated[0]!r} is there twice")


def _strings(values: Any) -> bool:
    return isinstance(values, list) and all(isinstance(value, str) for value in values)
