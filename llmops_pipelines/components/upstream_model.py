"""The component that declares a model which others run or publish."""

from pathlib import Path
from typing import Any, Self

import dagster as dg
from pydantic import BaseModel

from llmops_pipelines.orchestration.upstream.asset import upstream_asset
from llmops_pipelines.orchestration.upstream.jobs import accept_job, observe_job, tier_schedules
from llmops_pipelines.orchestration.upstream.model import UpstreamModel as Declared
from llmops_pipelines.orchestration.upstream.settings import UpstreamSettings


class UpstreamModelScaffolder(dg.Scaffolder):
    """Writes an upstream model: the embedder that ships, to be changed."""

    def scaffold(self, request: dg.ScaffoldRequest) -> None:
        name = Path(request.target_path).name.replace("-", "_")
        dg.scaffold_component(request, {"name": name, "role": "embedder", "model": "bundled"})


@dg.scaffold_with(UpstreamModelScaffolder)
class UpstreamModel(dg.Component):
    """A model that others run or publish, observed for drift: an embedder, a large language model, or a judge."""

    def __init__(self, model: Declared) -> None:
        self.model = model

    @classmethod
    def get_model_cls(cls) -> type[BaseModel]:
        return UpstreamSettings

    @classmethod
    def load(cls, attributes: Any, context: dg.ComponentLoadContext) -> Self:
        resolved = context.resolution_context.resolve_value(attributes.model_dump(exclude_unset=True))
        return cls(Declared(UpstreamSettings.model_validate(resolved), Path(context.path)))

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        return dg.Definitions(
            assets=[upstream_asset(self.model)],
            jobs=[observe_job(self.model), accept_job(self.model)],
            schedules=tier_schedules(self.model),
        )
