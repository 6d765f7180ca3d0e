"""The way of a candidate: a new key is embedded, indexed, evaluated, compared and promoted or not: once switched on."""

import dagster as dg

from llmops_pipelines.orchestration.corpus import Corpus
from llmops_pipelines.orchestration.stages import CANDIDATE_STAGES, RELEASE


def automated(corpus: Corpus, asset: dg.AssetsDefinition) -> dg.AssetsDefinition:
    """`asset`, if it is on a candidate's way, with the condition that takes a new key along it.

    The first stage decides for the whole way, by what the last one says of a key: it is new where it has no report, and no
    run was to make one. The others are requested with what they read, on the same tick, which makes it one run. What a
    run did not promote has a report, so that it is not requested again.
    """
    stage = asset.key.path[-1]
    if stage not in (*CANDIDATE_STAGES, RELEASE):
        return asset
    condition = dg.AutomationCondition
    if stage == CANDIDATE_STAGES[0]:
        # A run that was cancelled has not failed, so that it was in progress is remembered.
        taken = condition.newly_requested() | condition.in_progress() | condition.execution_failed()
        new = condition.newly_missing().since(taken) & condition.missing()
        # A gate that is still to run has not passed: this also waits while the chunks are being made.
        ready = condition.all_deps_blocking_checks_passed()
        requested = condition.asset_matches(corpus.key(CANDIDATE_STAGES[-1]), new) & ready
    else:
        requested = condition.any_deps_match(condition.will_be_requested())
    return asset.map_asset_specs(lambda spec: spec.replace_attributes(automation_condition=requested))


def candidate_sensor(corpus: Corpus) -> dg.AutomationConditionSensorDefinition:
    """Takes new keys along their way, each in a run of its own. Ships stopped."""
    return dg.AutomationConditionSensorDefinition(
        f"{corpus.name}_candidates",
        target=dg.AssetSelection.assets(*(corpus.key(name) for name in (*CANDIDATE_STAGES, RELEASE))),
        default_status=dg.DefaultSensorStatus.STOPPED,
        emit_backfills=False,
        description=f"Embeds, indexes and evaluates each new model of {corpus.name}, once, and promotes it if its verdict "
        "does. Ships stopped.",
    )
