"""Which runs bring a corpus up to date: one, and one for the base beside it where another model is in production."""

from dataclasses import dataclass
from typing import Literal

import dagster as dg

from llmops_pipelines.orchestration.corpus import Corpus
from llmops_pipelines.orchestration.partitions import production_key
from llmops_pipelines.orchestration.stages import RELEASE, TUNING_STAGES
from llmops_pipelines.storage.lake import Lake


@dataclass(frozen=True)
class PlannedRun:
    """A run of a job of a corpus for one partition key; the stages `without` are left out of it."""

    job: Literal["life", "candidate", "promote", "repair"]
    key: str
    without: tuple[str, ...] = ()

    def selection(self, corpus: Corpus, job: dg.JobDefinition) -> list[dg.AssetKey] | None:
        """The assets of `job` that run, engineers' own among them; None for all."""
        if not self.without:
            return None
        left_out = {corpus.key(stage) for stage in self.without}
        return sorted(job.asset_layer.selected_asset_keys - left_out)


def life_runs(corpus: Corpus, lake: Lake) -> list[PlannedRun]:
    """The runs of the life job, in their order, the one for the model in production last.

    Tuning mines in the base's index, and a candidate is compared with the base: so the base is kept fresh as well, never
    released by that. Raises ModelError.
    """
    base, production = corpus.base_model.key, production_key(corpus, lake)
    if production == base:
        return [PlannedRun("life", base)]
    return [PlannedRun("life", base, (RELEASE,)), PlannedRun("life", production, TUNING_STAGES)]


def candidate_run(corpus: Corpus, lake: Lake) -> PlannedRun | None:
    """The run that evaluates what the last training gave; None where that was no model, or it is in production."""
    training = lake.published(corpus.table("fine_tuned_model"))
    key = training.summary["model_key"] if training else None
    if key is None or key == production_key(corpus, lake):
        return None
    return PlannedRun("candidate", key)
