"""The models that a corpus names, as they can be used now: one that cannot be does not stop the others."""

from collections.abc import Sequence
from dataclasses import dataclass

from llmops_pipelines.embedding.hosted_model import HostedModel
from llmops_pipelines.embedding.hub import HubModel, Tell
from llmops_pipelines.embedding.model_folder import ModelError, ModelFolder

EmbeddingModel = ModelFolder | HostedModel
ConfiguredModel = EmbeddingModel | HubModel


@dataclass(frozen=True)
class UsableModels:
    """The models that can be used, by partition key, in the order in which they are named.

    `problems` says what is wrong with each of the others, by its position among all of them; the base model's is 0.
    """

    by_key: dict[str, EmbeddingModel]
    problems: dict[int, ModelError]


def located(model: ConfiguredModel, tell: Tell | None = None) -> EmbeddingModel:
    """The model as it can be called. With `tell`, a hub model that is not here is downloaded. Raises ModelError."""
    return model.located(tell) if isinstance(model, HubModel) else model


def usable_models(models: Sequence[ConfiguredModel], tell: Tell | None = None) -> UsableModels:
    """Finds and fingerprints `models`; those of a hub are downloaded where they are not here and `tell` is given."""
    by_key: dict[str, EmbeddingModel] = {}
    problems: dict[int, ModelError] = {}
    for position, model in enumerate(models):
        try:
            found = located(model, tell)
            same = by_key.setdefault(found.key, found)
            if same is not found:
                raise ModelError(
                    f"the models in {same.where} and {found.where} have one key, {found.key}: "
                    "remove one of them from embeddings.models, or give it another name"
                )
        except ModelError as error:
            problems[position] = error
    return UsableModels(by_key, problems)
