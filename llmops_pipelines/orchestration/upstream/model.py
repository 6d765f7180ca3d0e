"""A declared upstream model: its settings with the keys, names and objects that its definitions share."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import dagster as dg

from llmops_pipelines.drift.asking import reply_probe, vector_probe
from llmops_pipelines.drift.drawn import Probe
from llmops_pipelines.drift.history import Reference
from llmops_pipelines.drift.probe_files import SHIPPED, load_probes
from llmops_pipelines.drift.probes import EmbedderProbes, LLMProbes, ProbeError, Probes, Tier
from llmops_pipelines.drift.upstream import Upstream
from llmops_pipelines.embedding.configured import located
from llmops_pipelines.orchestration.upstream.settings import LLMSection, UpstreamSettings
from llmops_pipelines.storage.identity import value_hash
from llmops_pipelines.storage.lake import Lake
from llmops_pipelines.storage.upstream_schemas import UPSTREAM


@dataclass(frozen=True)
class UpstreamModel:
    """`settings` as written in the `defs.yaml` of `folder`."""

    settings: UpstreamSettings
    folder: Path

    @property
    def name(self) -> str:
        return self.settings.name

    @property
    def key(self) -> dg.AssetKey:
        return dg.AssetKey([UPSTREAM, self.name])

    def named(self, what: str) -> str:
        """The name of a job, schedule or op of this model."""
        return f"{UPSTREAM}_{self.name}_{what}"

    @cached_property
    def probes(self) -> Probes:
        """What it is asked: its own file, or the one that ships for its role. Raises ProbeError."""
        settings = self.settings
        shipped = SHIPPED / ("embedder.yaml" if settings.role == "embedder" else "llm.yaml")
        path = self.folder / settings.probes if settings.probes else shipped
        found = load_probes(path)
        if isinstance(found, EmbedderProbes) != (settings.role == "embedder"):
            raise ProbeError(f"{path} does not ask what {self.name} is: its role is {settings.role}")
        return found

    def tiers(self, names: Collection[str]) -> tuple[Tier, ...]:
        """The tiers with these `names`, all of the model where there are none. Raises ProbeError for one it has not."""
        every = self.settings.tiers
        if unknown := set(names) - set(every):
            raise ProbeError(f"{self.name} has no tier {min(unknown)!r}: its tiers are {', '.join(every)}")
        return tuple(tier for tier in every if not names or tier in names)

    @property
    def where(self) -> str:
        """Where it is found, for people."""
        model = self.settings.model
        if isinstance(model, LLMSection):
            return f"{model.model} at {model.base_url}"
        return getattr(self.settings.embedder(self.folder), "where", None) or str(model)

    def upstream(self, lake: Lake) -> Upstream:
        """What observes and accepts it. The model itself is looked for when it is asked."""
        return Upstream(self.name, lake, self._probe, self._fingerprint)

    def _fingerprint(self) -> str | None:
        if self.settings.role != "embedder":
            return None
        return located(self.settings.embedder(self.folder)).fingerprint

    @cached_property
    def _probe(self) -> Probe:
        if isinstance(self.probes, LLMProbes):
            assert isinstance(self.settings.model, LLMSection)
            return reply_probe(self.probes, self.settings.model.configured(self.name))
        return vector_probe(self.probes, self.settings.embedder(self.folder))


def data_version(reference: Reference | None) -> dg.DataVersion:
    """That of the asset: the identity that was accepted last."""
    if reference is None:
        return dg.DataVersion("not accepted")
    return dg.DataVersion(value_hash([reference.identity.hash, reference.reference_id]))
