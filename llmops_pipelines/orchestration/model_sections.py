"""The embedding models of a corpus, as its YAML writes them: one section for each kind of model."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, GetJsonSchemaHandler, Tag
from pydantic_core import CoreSchema

from llmops_pipelines.embedding.hosted_model import HostedModel
from llmops_pipelines.embedding.hub import HubModel
from llmops_pipelines.embedding.model_folder import ModelFolder
from llmops_pipelines.orchestration.section import Section


class PromptsSection(Section):
    """What is put before a text. One that is left out is as the model's own files say; an empty one is none."""

    query: str | None = Field(default=None, description='For instance "query: ".')
    document: str | None = Field(default=None, description='For instance "passage: ".')


class ModelSection(Section):
    """An embedding model."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$", description="First part of the partition key.")
    prompts: PromptsSection = PromptsSection()


class LocalModelSection(ModelSection):
    """A sentence-transformers model with safetensors weights."""

    sha256: str | None = Field(
        default=None, pattern="^[0-9a-f]{64}$", description="What model.safetensors must hash to."
    )


class FolderModelSection(LocalModelSection):
    """A model in a folder."""

    folder: str = Field(min_length=1, description="The model's folder (relative to this file, or absolute).")

    def configured(self, folder: Path) -> ModelFolder:
        path = (folder / self.folder).resolve()
        return ModelFolder(self.name, path, self.sha256, self.prompts.query, self.prompts.document)


class HubModelSection(LocalModelSection):
    """A model of a hub, downloaded into the local cache by `llmops run` and `llmops ui`."""

    hub: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*$", description="owner/name, as on the hub."
    )
    revision: str | None = Field(default=None, min_length=1, description="A branch, tag or commit of it.")

    def configured(self, folder: Path) -> HubModel:
        prompts = self.prompts
        return HubModel(self.name, self.hub, self.revision, self.sha256, prompts.query, prompts.document)


class HostedModelSection(ModelSection):
    """A model behind an OpenAI-compatible endpoint. It cannot be the first: the base model's tokenizer cuts passages."""

    base_url: str = Field(
        pattern=r"^https?://[^\s/?#@]+[^\s?#@]*$", description="For instance https://api.openai.com/v1."
    )
    model: str = Field(min_length=1, description="The model's id at the endpoint.")
    dimension: int = Field(ge=1, description="Length of its vectors.")
    max_tokens: int = Field(ge=1, description="Tokens of a text that it reads.")
    epoch: int = Field(
        default=HostedModel.epoch, ge=1, description="Raise it to embed anew what the model answers anew."
    )
    api_key_env: str | None = Field(default=None, min_length=1, description="Environment variable that holds the key.")
    send_dimensions: bool = Field(default=HostedModel.send_dimensions, description="Ask for `dimension` explicitly.")
    usd_per_million_tokens: float | None = Field(default=None, ge=0, description="Price, for plans and budgets.")
    batch_texts: int = Field(default=HostedModel.batch_texts, ge=1, description="Texts of a request.")
    batch_tokens: int = Field(default=HostedModel.batch_tokens, ge=1, description="Tokens of a request, as estimated.")
    concurrency: int = Field(default=HostedModel.concurrency, ge=1, description="Requests at a time.")
    timeout_seconds: float = Field(default=HostedModel.timeout_seconds, gt=0, description="Of one request.")
    max_retries: int = Field(default=HostedModel.max_retries, ge=0, description="Of one request.")
    max_retry_seconds: float = Field(default=HostedModel.max_retry_seconds, ge=0, description="Of one request, in all.")

    def configured(self, folder: Path) -> HostedModel:
        prompts = self.prompts
        values = self.model_dump(exclude={"prompts"})
        return HostedModel(**values, query_prompt=prompts.query, document_prompt=prompts.document)


class UpstreamReferenceSection(Section):
    """A model that is declared once, for all corpora, and observed for drift."""

    upstream: str = Field(
        pattern=r"^[a-z][a-z0-9_]{0,62}$", description="The folder below `upstream` that declares it."
    )


class OneKind:
    """Annotates the union of the kinds of model: a string is `bundled`, an object with `hub`, `base_url` or `upstream` is
    that kind, any other a folder.

    Written so that `dg check yaml` reports a model with two of the keys, or with none, by its line.
    """

    def __get_pydantic_json_schema__(self, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        _, hub, hosted, folder, *upstream = handler(core_schema)["oneOf"]
        local = {"if": {"required": ["hub"]}, "then": hub, "else": folder}
        if upstream:
            local = {"if": {"required": ["upstream"]}, "then": upstream[0], "else": local}
        either = {"type": "object", "if": {"required": ["base_url"]}, "then": hosted, "else": local}
        return {"if": {"type": "string"}, "then": {"enum": ["bundled"]}, "else": either}


KEYS = {"base_url": "hosted", "hub": "hub", "upstream": "upstream"}


def _kind(model: Any) -> str:
    if isinstance(model, str):
        return "bundled"
    if isinstance(model, dict):
        return next((kind for key, kind in KEYS.items() if key in model), "folder")
    kinds = {HostedModelSection: "hosted", HubModelSection: "hub", UpstreamReferenceSection: "upstream"}
    return kinds.get(type(model), "folder")


AnyModelSection = Annotated[
    Annotated[Literal["bundled"], Tag("bundled")]
    | Annotated[HubModelSection, Tag("hub")]
    | Annotated[HostedModelSection, Tag("hosted")]
    | Annotated[FolderModelSection, Tag("folder")],
    Discriminator(_kind),
    OneKind(),
]

# As above, or by the name of an upstream model.
CorpusModelSection = Annotated[
    Annotated[Literal["bundled"], Tag("bundled")]
    | Annotated[HubModelSection, Tag("hub")]
    | Annotated[HostedModelSection, Tag("hosted")]
    | Annotated[FolderModelSection, Tag("folder")]
    | Annotated[UpstreamReferenceSection, Tag("upstream")],
    Discriminator(_kind),
    OneKind(),
]
