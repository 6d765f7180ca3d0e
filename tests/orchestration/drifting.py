"""The glossary with an embedder behind an endpoint that is declared as an upstream model, and drifts when it is told to."""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
from pytest_httpserver import HTTPServer

from llmops_pipelines.drift.history import Observation
from llmops_pipelines.embedding.engines import shared_embedder
from llmops_pipelines.embedding.model_folder import BUNDLED_NAME, bundled_model
from llmops_pipelines.orchestration.corpus import Corpus
from llmops_pipelines.orchestration.lifecycle import lifecycle
from llmops_pipelines.orchestration.reevaluation import reevaluation_sensor
from llmops_pipelines.orchestration.upstream.asset import upstream_asset
from llmops_pipelines.orchestration.upstream.jobs import accept_job, observe_job, tier_schedules
from llmops_pipelines.orchestration.upstream.model import UpstreamModel
from llmops_pipelines.orchestration.upstream.settings import UpstreamSettings
from llmops_pipelines.resources.lake import LakeResource
from llmops_pipelines.storage import Lake
from tests.drift.upstream_models import ChangingEmbedder
from tests.orchestration.glossary import glossary

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
HOSTED = "served"


@lru_cache(maxsize=4096)
def semantic(text: str) -> np.ndarray:
    """The bundled model's vector: what the endpoint serves as long as it has not drifted."""
    return shared_embedder(bundled_model()).embed([text], "document").vectors[0]


def noisy(amount: float) -> Callable[[str], np.ndarray]:
    """A model that is off by `amount`, in another direction for each text."""

    def model(text: str) -> np.ndarray:
        seed = int.from_bytes(text.encode()[-16:].rjust(16), "big") % 2**32
        noise = np.random.default_rng(seed).normal(size=len(semantic(text)))
        return semantic(text) + amount * noise / np.linalg.norm(noise)

    return model


class Drifting:
    """A deployment of one corpus and its upstream embedder, on an instance of Dagster; the corpus's base is local."""

    def __init__(
        self, folder: Path, server: HTTPServer, instance: dg.DagsterInstance, lake: Lake, **upstream: Any
    ) -> None:
        server.clear()
        self.server = ChangingEmbedder(server)
        self.server.model = semantic
        self.instance, self.lake = instance, lake
        model = {
            "name": HOSTED,
            "base_url": self.server.endpoint.url,
            "model": "served",
            "dimension": bundled_model().dimension,
            "max_tokens": 256,
            "max_retries": 0,
            "usd_per_million_tokens": 1.0,
        }
        settings = {"name": "embed", "role": "embedder", "model": model, **upstream}
        self.model = UpstreamModel(UpstreamSettings.model_validate(settings), folder)
        plain = glossary(folder, embeddings={"models": ["bundled", model]})
        questions = folder / "questions.jsonl"  # all of them of the part that is measured every day
        questions.write_text(questions.read_text("utf-8").replace('"part": "test"', '"part": "dev"'), "utf-8")
        self.corpus = Corpus(plain.settings, folder, {HOSTED: self.model})
        self.cursor: str | None = None

    @property
    def definitions(self) -> dg.Definitions:
        return dg.Definitions.merge(
            lifecycle(self.corpus),
            dg.Definitions(
                assets=[upstream_asset(self.model)],
                jobs=[observe_job(self.model), accept_job(self.model)],
                schedules=tier_schedules(self.model),
                resources={"lake": LakeResource(uri=self.lake.uri)},
                executor=dg.in_process_executor,
            ),
        )

    @property
    def key(self) -> str:
        """The partition of the upstream model."""
        return next(key for key in self.corpus.model_keys() if key.startswith(f"{HOSTED}-"))

    @property
    def base(self) -> str:
        return next(key for key in self.corpus.model_keys() if key.startswith(BUNDLED_NAME))

    def run(self, job: str, **options: Any) -> dg.ExecuteInProcessResult:
        config = QUIET | options.pop("run_config", {})
        resolved = self.definitions.resolve_job_def(job)
        return resolved.execute_in_process(instance=self.instance, raise_on_error=False, run_config=config, **options)

    def accept(self) -> None:
        assert self.run("upstream_embed_accept").success

    def observe(self) -> Observation:
        self.run("upstream_embed_observe")
        return self.model.upstream(self.lake).history.observations()[-1]

    def look(self) -> list[dg.RunRequest]:
        """What the sensor asks for; its cursor is kept, as the daemon does."""
        result = self.tick(self.cursor)
        self.cursor = result.cursor
        return list(result.run_requests or [])

    def tick(self, cursor: str | None) -> dg.SensorResult:
        """One evaluation of the sensor, with a cursor of the caller's."""
        context = dg.build_sensor_context(instance=self.instance, cursor=cursor)
        result = reevaluation_sensor(self.corpus)(context, lake=LakeResource(uri=self.lake.uri))
        assert isinstance(result, dg.SensorResult)
        return result

    def carry_out(self, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
        return self.run(
            f"{self.corpus.name}_reevaluation",
            partition_key=request.partition_key,
            asset_selection=request.asset_selection,
            tags=request.tags,
        )
