"""Where a model is found, as a JSON value: with it a release can be searched without the YAML that named the model.

It holds no secret: of a hosted model's key, the name of the environment variable. What the model is, says its fingerprint.
"""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from llmops_pipelines.embedding.configured import ConfiguredModel, EmbeddingModel
from llmops_pipelines.embedding.hosted_model import HostedModel
from llmops_pipelines.embedding.hub import HubModel
from llmops_pipelines.embedding.model_folder import BUNDLED_NAME, ModelError, ModelFolder, bundled_model
from llmops_pipelines.embedding.registry import Entry, Registry

Reference = dict[str, Any]


def reference(model: ConfiguredModel) -> Reference:
    """Where a configured model is found: in a package, a folder, the cache of a hub, or behind an endpoint."""
    if isinstance(model, HubModel):
        return {"kind": "hub", **asdict(model)}
    if isinstance(model, HostedModel):
        return {"kind": "hosted", **asdict(model)}
    if model.name == BUNDLED_NAME and model == bundled_model():
        return {"kind": "bundled"}
    return {"kind": "folder", **asdict(model), "folder": str(model.folder.absolute())}


def registered_reference(entry: Entry) -> Reference:
    """Where a model that was made here is found: in the registry of its corpus, wherever the lake is."""
    return {"kind": "registry", "fingerprint": entry.fingerprint}


def referenced_model(found: Reference, registry: Registry) -> EmbeddingModel:
    """The model that `reference` or `registered_reference` named; one of a hub is looked up in the local cache.

    Raises ModelError where it is not there, or is of a kind that this release of the package does not know.
    """
    values: Reference = {name: value for name, value in found.items() if name != "kind"}
    try:
        match found["kind"]:
            case "bundled":
                return bundled_model()
            case "folder":
                return ModelFolder(**{**values, "folder": Path(values["folder"])})
            case "hub":
                return HubModel(**values).located()
            case "hosted":
                return HostedModel(**values)
            case "registry":
                return _registered(registry, values["fingerprint"])
    except (TypeError, KeyError) as error:
        raise ModelError(f"this release of llmops-pipelines cannot read the model {found}: {error}") from error
    raise ModelError(f"this release of llmops-pipelines knows no models of kind {found['kind']!r}: {found}")


def _registered(registry: Registry, fingerprint: str) -> ModelFolder:
    for entry in registry.entries():
        if entry.fingerprint == fingerprint:
            return registry.model(entry)
    raise ModelError(f"the tuned model {fingerprint[:8]} is no longer in {registry.uri}: restore its folder")
