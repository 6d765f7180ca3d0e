from typing import Annotated, Literal, Union
import dagster as dg
from pydantic import Field, model_validator, Discriminator

class PythonDocs(dg.Model):
    type: Literal["python_docs"]
    packages: list[str]
class Directory(dg.Model):
    type: Literal["directory"]
    uri: str
class Chunks(dg.Model):
    chunker: Literal["passages", "whole_document"] = "passages"
    max_tokens: int = Field(256, ge=16, le=8192)
    @model_validator(mode="after")
    def _v(self):
        if self.chunker == "whole_document" and self.max_tokens != 256:
            raise ValueError("whole_document takes no max_tokens: remove max_tokens or choose passages")
        return self


class Settings(dg.Model):
    name: str = Field(pattern="^[a-z][a-z0-9_]*$")
    source: Annotated[Union[PythonDocs, Directory], Discriminator("type")]
    chunks: Chunks = Chunks()

class CorpusLifecycle(dg.Component):
    """one corpus"""
    def __init__(self, settings): self.settings=settings
    @classmethod
    def get_model_cls(cls): return Settings
    @classmethod
    def load(cls, attributes, context):
        return cls(Settings.model_validate(context.resolution_context.resolve_value(attributes.model_dump())))
    def build_defs(self, context):
        return dg.Definitions(assets=[dg.AssetSpec(dg.AssetKey([self.settings.name,"documents"]))])
