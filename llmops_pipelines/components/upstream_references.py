"""Puts the upstream models that a corpus names in the place of their names."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from llmops_pipelines.components.upstream_model import UpstreamModel
from llmops_pipelines.embedding.model_folder import BUNDLED_NAME
from llmops_pipelines.orchestration.upstream.model import UpstreamModel as Declared
from llmops_pipelines.storage.upstream_schemas import UPSTREAM


def resolved_upstreams(
    written: Mapping[str, Any], context: dg.ComponentLoadContext
) -> tuple[dict[str, Any], dict[str, Declared]]:
    """The attributes of a corpus with the models that it names as `upstream`, and these by their names as models.

    The successors of an upstream model come after it, so that they can be evaluated where it is gone. Raises ValueError
    where a named one is not declared, or is no embedder.
    """
    embeddings = dict(written.get("embeddings") or {})
    models: list[Any] = []
    found: dict[str, Declared] = {}

    def put(name: str) -> None:
        declared = _declared(name, context)
        settings = declared.settings
        section: Any = settings.model
        if section != "bundled":
            section = section.model_dump(exclude_unset=True)
            if "folder" in section:
                section["folder"] = str((declared.folder / section["folder"]).resolve())
        key = BUNDLED_NAME if section == "bundled" else section["name"]
        if key in found:
            return
        found[key] = declared
        models.append(section)
        for successor in settings.successors:
            put(successor)

    for entry in embeddings.get("models") or []:
        if isinstance(entry, Mapping) and UPSTREAM in entry:
            put(entry[UPSTREAM])
        else:
            models.append(entry)
    return ({**written, "embeddings": {**embeddings, "models": models}} if found else dict(written)), found


def _declared(name: str, context: dg.ComponentLoadContext) -> Declared:
    place = f"{UPSTREAM}/{name}"
    try:
        declared = context.load_component(place, UpstreamModel).model
    except Exception as error:
        raise ValueError(
            f"the corpus names the upstream model {name}, and assets/{place}/defs.yaml cannot be loaded: "
            f"{error.__cause__ or error}. `dg scaffold defs llmops_pipelines.components.UpstreamModel {place}` makes one"
        ) from error
    if declared.settings.role != "embedder":
        raise ValueError(
            f"the upstream model {name} is no embedder but an {declared.settings.role}: it makes no vectors"
        )
    return declared
