"""The YAML face of an upstream model."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, GetJsonSchemaHandler, Tag, model_validator
from pydantic_core import CoreSchema

from llmops_pipelines.drift.probes import TIERS, Tier
from llmops_pipelines.embedding.configured import ConfiguredModel
from llmops_pipelines.embedding.model_folder import bundled_model
from llmops_pipelines.generation.hosted_llm import HostedLLM
from llmops_pipelines.orchestration.model_sections import AnyModelSection
from llmops_pipelines.orchestration.section import Section

Role = Literal["embedder", "llm", "judge"]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
Cron = Annotated[str, Field(pattern=r"^\S+( +\S+){4}$")]


class LLMSection(Section):
    """A large language model behind an OpenAI-compatible endpoint, asked by chat completions."""

    base_url: str = Field(
        pattern=r"^https?://[^\s/?#@]+[^\s?#@]*$", description="For instance https://api.openai.com/v1."
    )
    model: str = Field(min_length=1, description="The model's id at the endpoint.")
    api_key_env: str | None = Field(default=None, min_length=1, description="Environment variable that holds the key.")
    token_limit: Literal["max_tokens", "max_completion_tokens"] = Field(
        default="max_tokens", description="By which field the endpoint takes the length of an answer."
    )
    send_temperature: bool = Field(
        default=HostedLLM.send_temperature, description="Off where a temperature is refused."
    )
    seed: int | None = Field(default=None, description="Sent where it is set; a provider may ignore it.")
    usd_per_million_input_tokens: float | None = Field(default=None, ge=0, description="Price of what is asked.")
    usd_per_million_output_tokens: float | None = Field(default=None, ge=0, description="Price of what is answered.")
    concurrency: int = Field(default=HostedLLM.concurrency, ge=1, description="Requests at a time.")
    timeout_seconds: float = Field(default=HostedLLM.timeout_seconds, gt=0, description="Of one request.")

    def configured(self, name: str) -> HostedLLM:
        return HostedLLM(name=name, **self.model_dump())


def _kind(model: Any) -> str:
    """An endpoint without `dimension` is an LLM's."""
    if isinstance(model, dict):
        return "llm" if "base_url" in model and "dimension" not in model else "embedder"
    return "llm" if isinstance(model, LLMSection) else "embedder"


class SchedulesSection(Section):
    """Cron of each tier of probes, UTC. The schedules ship stopped: probes of hosted models cost money."""

    vectors: Cron = Field(default="7 * * * *", description="Of an embedder: all its probes.")
    tokens: Cron = Field(default="7 * * * *", description="Identity and one-token prompts.")
    graded: Cron = Field(default="23 4 * * *", description="Graded items.")
    texts: Cron = Field(
        default="41 4 * * 0", description="Free text; at most three times a day, or its tests cannot reach their level."
    )


class ReevaluationSection(Section):
    """How often a change of this model may ask for the evaluation of what depends on it."""

    cool_down_hours: float = Field(default=1.0, ge=0, description="Least time between two that are asked for.")
    daily: int = Field(default=4, ge=1, description="The most that are asked for in 24 hours.")


class UpstreamSettings(Section):
    """A model that others run or publish, observed for drift."""

    name: Name = Field(description="The asset is `upstream/<name>`; corpora name the model by it.")
    role: Role = Field(description="What it is used for.")
    model: Annotated[
        Annotated[AnyModelSection, Tag("embedder")] | Annotated[LLMSection, Tag("llm")],
        Discriminator(_kind),
    ] = Field(description="An embedder as under a corpus's embeddings.models, or the endpoint of an LLM.")
    probes: str | None = Field(
        default=None, min_length=1, description="A probe file of your own, relative to this file, as probes/mine.yaml."
    )
    successors: list[Name] = Field(
        default=[], description="Upstream models to evaluate where the endpoint has this one no more."
    )
    schedules: SchedulesSection = SchedulesSection()
    reevaluation: ReevaluationSection = ReevaluationSection()
    owners: list[str] = Field(default=["team:data"], description="E-mail addresses, or teams as `team:name`.")

    @property
    def tiers(self) -> tuple[Tier, ...]:
        """The tiers of its probes."""
        return TIERS["embedder" if self.role == "embedder" else "llm"]

    def embedder(self, folder: Path) -> ConfiguredModel:
        """The embedding model; `folder` is that of the YAML file. Nothing is read."""
        assert not isinstance(self.model, LLMSection)
        return bundled_model() if self.model == "bundled" else self.model.configured(folder)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.role == "embedder") == isinstance(self.model, LLMSection):
            raise ValueError(
                "model: an embedder is `bundled`, has `folder`, `hub`, or `base_url` with `dimension`; an llm or judge has "
                "base_url and model"
            )
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """The role says what `model` is, so that a mistake in it is reported by its line."""
        schema = super().__get_pydantic_json_schema__(core_schema, handler)
        embedder, llm = schema["properties"]["model"].pop("oneOf")
        is_embedder = {"properties": {"role": {"const": "embedder"}}}
        return schema | {
            "if": is_embedder,
            "then": {"properties": {"model": embedder}},
            "else": {"properties": {"model": llm}},
        }
