"""A configured corpus: its settings with the objects, keys and table names that its definitions share."""

import datetime
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from llmops_pipelines.corpus.chunking.protocol import Chunker
from llmops_pipelines.corpus.cleaning.cleaner import Cleaner
from llmops_pipelines.corpus.sources.protocol import Source
from llmops_pipelines.embedding.configured import (
    ConfiguredModel,
    EmbeddingModel,
    UsableModels,
    located,
    usable_models,
)
from llmops_pipelines.embedding.embedder import Embedder
from llmops_pipelines.embedding.engines import embedder_of
from llmops_pipelines.embedding.hosted_model import HostedModel
from llmops_pipelines.embedding.hub import Tell
from llmops_pipelines.embedding.model_folder import BUNDLED_NAME, ModelError, ModelFolder
from llmops_pipelines.embedding.references import Reference, reference, registered_reference
from llmops_pipelines.embedding.registry import Registry
from llmops_pipelines.evaluation.suites import Suite
from llmops_pipelines.orchestration.settings import CorpusSettings
from llmops_pipelines.storage.lake import Lake
from llmops_pipelines.storage.snapshot import Snapshot

if TYPE_CHECKING:
    from llmops_pipelines.orchestration.upstream.model import UpstreamModel


@dataclass(frozen=True)
class Corpus:
    """`settings` as written in the `defs.yaml` of `folder`; `upstreams` are those of its models that are declared apart."""

    settings: CorpusSettings
    folder: Path
    upstreams: Mapping[str, "UpstreamModel"] = field(default_factory=dict)  # by the model's name here

    @property
    def name(self) -> str:
        return self.settings.name

    @cached_property
    def embedding_model(self) -> dg.DynamicPartitionsDefinition:
        """The partition set: a key per embedding model of this corpus."""
        return dg.DynamicPartitionsDefinition(name=f"{self.name}_embedding_model")

    def key(self, stage: str) -> dg.AssetKey:
        return dg.AssetKey([self.name, stage])

    def table(self, stage: str, model_key: str | None = None) -> str:
        """The lake table of a stage; one a model where the stage is partitioned."""
        return ".".join([self.name, stage, *([model_key] if model_key else [])])

    def tables(self, lake: Lake) -> list[str]:
        """The names of the tables in `lake` that are this corpus's, engineers' own among them."""
        return [name for name in lake.names() if name.startswith(f"{self.name}.") and lake.newest(name)]

    def pool(self, stage: str) -> str:
        """The pool of a stage: its limit of 1 keeps the tables that the stage writes to one writer."""
        return f"lake/{self.table(stage)}"

    @cached_property
    def source(self) -> Source:
        return self.settings.source.source(self.folder)

    @cached_property
    def cleaner(self) -> Cleaner:
        return self.settings.clean_documents.cleaner()

    @cached_property
    def chunker(self) -> Chunker:
        return self.settings.chunks.chunker_for(self.base_model)

    @property
    def suites(self) -> list[Suite]:
        """The suites that models are judged by, as they are now, the one of the headline first. Raises SuiteError."""
        return self.settings.evaluation.load_suites(self.folder)

    @property
    def configured(self) -> list[ConfiguredModel]:
        """The embedding models as named in YAML, the base model, whose tokenizer chunks, first."""
        return self.settings.embeddings.configured(self.folder)

    @property
    def base_model(self) -> ModelFolder:
        """The first of `configured`, as it is on disk now. Raises ModelError."""
        base = located(self.configured[0])
        if isinstance(base, HostedModel):
            raise ModelError(
                f"{base.name}, the first of embeddings.models, is hosted: the first is the base model, whose tokenizer cuts "
                "the passages, and a hosted one has none here. Put a model with a folder first, for instance `bundled`"
            )
        return base

    def usable_models(self, tell: Tell | None = None) -> UsableModels:
        """The `configured` models that can be used, what is wrong with the others; missing ones downloaded with `tell`."""
        return usable_models(self.configured, tell)

    def model_keys(self) -> list[str]:
        """The partition keys of the usable configured models, the base model's first.

        Raises ModelError where the base model is not usable.
        """
        usable = self.usable_models()
        if 0 in usable.problems:
            raise usable.problems[0]
        return list(usable.by_key)

    def key_of(self, model: str) -> str:
        """The partition key of the configured model called `model`; what is no such name is taken for a key itself.

        Raises ModelError where that model cannot be used, or several have the name.
        """
        name = BUNDLED_NAME if model == "bundled" else model
        named = usable_models([configured for configured in self.configured if configured.name == name])
        for problem in named.problems.values():
            raise problem
        if len(named.by_key) > 1:
            raise ModelError(
                f"{model!r} is the name of several models: give the key of one, {' or '.join(named.by_key)}"
            )
        return next(iter(named.by_key), model)

    def model(self, key: str, lake: Lake) -> EmbeddingModel:
        """The registered or configured model with partition key `key`. Raises ModelError."""
        registry = self.registry(lake)
        for entry in registry.entries():
            if entry.key == key:
                return registry.model(entry)
        named = usable_models([model for model in self.configured if model.name == key.rpartition("-")[0]])
        if key in named.by_key:
            return named.by_key[key]
        for problem in named.problems.values():
            raise problem
        known = ", ".join([*self.usable_models().by_key, *(entry.key for entry in registry.entries())])
        raise ModelError(
            f"no configured or tuned model has the name or key {key!r}: the keys of corpus {self.name} are {known}. "
            "The key changes where the model's files do; materialise the new key"
        )

    def embedder(self, key: str, lake: Lake) -> Embedder:
        """The embedder of a model key, loaded once a process."""
        section = self.settings.embeddings
        return embedder_of(self.model(key, lake), section.precision, section.engine)

    def model_reference(self, key: str, lake: Lake) -> Reference:
        """Where the model of a key is found, and how it is run, for readers without this YAML. Raises ModelError."""
        section = self.settings.embeddings
        model = self.model(key, lake)
        run = {} if isinstance(model, HostedModel) else {"precision": section.precision, "engine": section.engine}
        for entry in self.registry(lake).entries():
            if entry.key == key:
                return {"found": registered_reference(entry), **run}
        named = [one for one in self.configured if one.name == model.name]
        configured = next(one for one in named if key in usable_models([one]).by_key)
        return {"found": reference(configured), **run}

    def registry(self, lake: Lake) -> Registry:
        """The models that were tuned on this corpus."""
        return Registry.beside(lake, self.name)

    @property
    def upstream_deps(self) -> list[dg.AssetDep]:
        """The upstream models of the corpus, as what its vectors and its evaluations depend on."""
        return [dg.AssetDep(model.key) for model in self.upstreams.values()]

    def base_dep(self, stage: str) -> dg.AssetDep:
        """A dependency on the base model's partition of `stage` alone: what tuned models do never causes a tuning."""
        try:
            key = self.base_model.key
        except ModelError:  # the graph is there all the same, and says what is wrong when it runs
            key = self.configured[0].name
        return dg.AssetDep(self.key(stage), partition_mapping=dg.SpecificPartitionsPartitionMapping([key]))

    def upstream(self, lake: Lake, stage: str, model_key: str | None = None) -> Snapshot:
        """What is published of an upstream stage."""
        snapshot = lake.published(self.table(stage, model_key))
        if snapshot is None:
            raise dg.Failure(
                f"{self.name}/{stage}{f' of {model_key}' if model_key else ''} has not been published in the lake "
                f"{lake.uri}: materialise it first",
                allow_retries=False,
            )
        return snapshot

    def index_with_sources(self, lake: Lake, index: Snapshot) -> dict[str, Snapshot]:
        """`index` with the versions of `source` (all documents), `documents` (clean) and `chunks` that it was built from."""
        lineage = index.summary["lineage"]
        return {
            "index": index,
            "source": lake.at(self.table("documents"), lineage["source"]["version"]),
            "documents": lake.at(self.table("clean_documents"), lineage["documents"]["version"]),
            "chunks": lake.at(self.table("chunks"), lineage["chunks"]["version"]),
        }

    def asset(
        self,
        stage: str,
        *,
        code_version: str,
        checks: Mapping[str, str],
        advisory: Mapping[str, str] | None = None,
        deps: Sequence[str | dg.AssetDep] = (),
        kinds: Sequence[str] = ("lancedb",),
        partitioned: bool = False,
        description: str | None = None,
        group: str | None = None,
        fresh_hours: int | None = None,
        output_required: bool = True,
    ) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
        """The `@dg.asset` decorator of a stage. `checks` are its blocking gates by name, with their descriptions; `advisory`
        are checks that hold nothing up.

        The description is the function's docstring where none is given, the group that of the corpus. An asset that need
        not be materialised by a run that succeeds has no `output_required`.
        """
        partitions_def = self.embedding_model if partitioned else None
        key = self.key(stage)
        return dg.asset(
            key=key,
            deps=[self.key(dep) if isinstance(dep, str) else dep for dep in deps],
            group_name=group or self.name,
            description=description,
            code_version=code_version,
            partitions_def=partitions_def,
            owners=self.settings.owners,
            kinds={"python", *kinds},
            tags={"corpus": self.name, "stage": stage},
            pool=self.pool(stage),
            output_required=output_required,
            freshness_policy=dg.FreshnessPolicy.time_window(
                fail_window=datetime.timedelta(hours=fresh_hours or self.settings.fresh_hours)
            ),
            check_specs=[
                *(_check_spec(key, partitions_def, *check, blocking=True) for check in checks.items()),
                *(_check_spec(key, partitions_def, *check, blocking=False) for check in (advisory or {}).items()),
            ],
        )


def _check_spec(
    key: dg.AssetKey, partitions_def: dg.PartitionsDefinition | None, name: str, description: str, *, blocking: bool
) -> dg.AssetCheckSpec:
    with warnings.catch_warnings():
        # A partitions_def on a check is in preview; without it a check would mix the results of all models.
        warnings.simplefilter("ignore", dg.PreviewWarning)
        return dg.AssetCheckSpec(
            name, asset=key, description=description, blocking=blocking, partitions_def=partitions_def
        )
