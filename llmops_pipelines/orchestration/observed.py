"""What an evaluation depends on besides tables: its suites, and the release that a candidate is compared with.

Both change outside of Dagster's runs. They are external assets; a change of one is reported as an observation, and makes
the evaluations and reports that depend on it unsynced.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import dagster as dg

from llmops_pipelines.embedding.model_folder import ModelError
from llmops_pipelines.evaluation.questions import QuestionError
from llmops_pipelines.orchestration.partitions import standing_keys
from llmops_pipelines.orchestration.progress import Log
from llmops_pipelines.quality.suites import SuiteError
from llmops_pipelines.release.ledger import Ledger
from llmops_pipelines.storage.identity import value_hash
from llmops_pipelines.storage.lake import Lake

if TYPE_CHECKING:
    from llmops_pipelines.orchestration.corpus import Corpus

SUITES, PRODUCTION = "suites", "production"
VERSION_TAG = "dagster/data_version"


DESCRIPTIONS = {
    SUITES: "The suites that a model is judged by: files beside the corpus.",
    PRODUCTION: "What a model is compared with: the newest release of another model, that in force as a rule.",
}


def observed_assets(corpus: "Corpus") -> list[dg.AssetSpec]:
    """The external assets `<corpus>/suites` and `<corpus>/production`, a partition a model."""
    return [
        dg.AssetSpec(
            corpus.key(name),
            description=description,
            group_name=corpus.name,
            owners=corpus.settings.owners,
            kinds={"yaml" if name == SUITES else "lancedb"},
            tags={"corpus": corpus.name, "stage": name},
            partitions_def=corpus.embedding_model,
        )
        for name, description in DESCRIPTIONS.items()
    ]


def changed(
    corpus: "Corpus", instance: dg.DagsterInstance, lake: Lake, keys: Sequence[str]
) -> list[dg.AssetObservation]:
    """The observations to report: of suites and production for each model of `keys`, where they have changed.

    Suites that cannot be read are not observed: whatever reads them says why.
    """
    releases = [entry.release for entry in Ledger(lake, corpus.name).entries() if entry.eligible]
    found: list[tuple[str, str, str]] = []
    for key in keys:
        others = [release for release in releases if release.manifest.model_key != key]
        found.append((PRODUCTION, key, others[-1].manifest.identity if others else "none"))
    with suppress(SuiteError, QuestionError):
        suites = value_hash([suite.identity for suite in corpus.suites])
        found += [(SUITES, key, suites) for key in keys]
    observations = [
        dg.AssetObservation(corpus.key(name), partition=key, tags={VERSION_TAG: version})
        for name, key, version in found
    ]
    return [observation for observation in observations if _differs(instance, observation)]


def observe(corpus: "Corpus", instance: dg.DagsterInstance, lake: Lake) -> None:
    """Report what has `changed` for the models of the corpus. Raises ModelError."""
    for observation in changed(corpus, instance, lake, standing_keys(corpus, lake, corpus.usable_models())):
        instance.report_runless_asset_event(observation)


def tell_observed(corpus: "Corpus", instance: dg.DagsterInstance, lake: Lake, log: Log) -> None:
    """As `observe`, after a release: what keeps it from being reported now is logged, and the sensor reports it later."""
    try:
        observe(corpus, instance, lake)
    except ModelError as error:
        log.info(f"what is in production is observed by the sensor later: {error}")


def _differs(instance: dg.DagsterInstance, observation: dg.AssetObservation) -> bool:
    """Whether the last observation of the same asset and partition has another version."""
    assert observation.partition is not None
    wanted = dg.AssetRecordsFilter(observation.asset_key, asset_partitions=[observation.partition])
    last = instance.fetch_observations(wanted, limit=1).records
    seen = last[0].asset_observation if last else None
    return seen is None or (seen.tags or {}).get(VERSION_TAG) != observation.tags[VERSION_TAG]
