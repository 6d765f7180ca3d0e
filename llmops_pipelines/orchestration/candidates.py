"""The way of a candidate: a new model key is embedded, indexed, evaluated and reported by itself, once switched on."""

import dagster as dg

from llmops_pipelines.orchestration.corpus import Corpus
from llmops_pipelines.orchestration.stages import CANDIDATE_STAGES


def automated(corpus: Corpus, asset: dg.AssetsDefinition) -> dg.AssetsDefinition:
    """`asset`, if it is on a candidate's way, with the condition that takes a new key along it.

    Embeddings are requested once for a key that has none, the others where what they read of the same key was updated by
    itself. What changes in documents and chunks requests nothing here: that is the nightly run's.
    """
    stage = asset.key.path[-1]
    if stage not in CANDIDATE_STAGES:
        return asset
    condition = dg.AutomationCondition
    # As on_missing and eager, and for keys that were missing already when the sensor was switched on.
    handled = condition.newly_requested() | condition.newly_updated()
    wanted = condition.newly_missing() | condition.any_deps_updated()
    if stage == CANDIDATE_STAGES[0]:
        wanted = condition.newly_missing()
    way = dg.AssetSelection.assets(*(corpus.key(name) for name in CANDIDATE_STAGES))
    requested = (
        wanted.since(handled).allow(way)
        & ~condition.any_deps_missing()
        & ~condition.any_deps_in_progress().allow(way)
        & ~condition.in_progress()
        & condition.all_deps_blocking_checks_passed()
    )
    return asset.map_asset_specs(lambda spec: spec.replace_attributes(automation_condition=requested))


def candidate_sensor(corpus: Corpus) -> dg.AutomationConditionSensorDefinition:
    """Takes new keys along their way. Ships stopped."""
    return dg.AutomationConditionSensorDefinition(
        f"{corpus.name}_candidates",
        target=dg.AssetSelection.assets(*(corpus.key(name) for name in CANDIDATE_STAGES)),
        default_status=dg.DefaultSensorStatus.STOPPED,
        description=f"Embeds, indexes, evaluates and reports every new embedding model of {corpus.name}. Ships stopped.",
    )
