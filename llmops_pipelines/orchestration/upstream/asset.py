"""The asset of an upstream model, which a run observes: what it is and how it answers, against what was accepted."""

import datetime
import warnings
from collections.abc import Iterator

import dagster as dg
from pydantic import Field

from llmops_pipelines.drift.blocking import settle
from llmops_pipelines.drift.probes import ProbeError
from llmops_pipelines.drift.verdict import DriftVerdict
from llmops_pipelines.orchestration.progress import Progress
from llmops_pipelines.orchestration.upstream.model import UpstreamModel, data_version
from llmops_pipelines.orchestration.upstream.page import page
from llmops_pipelines.resources.lake import LakeResource
from llmops_pipelines.storage.maintenance import maintain_appended
from llmops_pipelines.storage.upstream_schemas import UPSTREAM

VERDICT_TAG = "llmops/drift"  # of the run that observed: its verdict
MAINTAINED_EVERY = 200  # observations: each is a version of its table
KEPT = datetime.timedelta(days=7)
CHECKS = {
    "as_accepted": "The model is the one that was accepted, and answers as it did then.",
    "measured": "The model could be asked, and its answers be read.",
}


class ObserveConfig(dg.Config):
    """Which tiers of probes are asked; all of the model where none is named."""

    tiers: list[str] = Field(default=[], description="vectors; or tokens, graded, texts.")


def upstream_asset(model: UpstreamModel) -> dg.AssetsDefinition:
    """The asset `upstream/<name>`."""
    _ = model.probes  # a mistake in them is seen when definitions are checked
    spec = dg.AssetSpec(
        model.key,
        description=f"The {model.settings.role} {model.name}: {model.where}. Its data version is what was accepted last.",
        group_name=UPSTREAM,
        owners=model.settings.owners,
        kinds={"openai" if "://" in model.where else "huggingface"},
        tags={"upstream": model.name, "role": model.settings.role},
    )

    with warnings.catch_warnings():
        # In beta; it is the one observed asset that may have checks.
        warnings.simplefilter("ignore", dg.BetaWarning)
        observed = dg.multi_observable_source_asset(
            name=model.named("observation"),
            specs=[spec],
            check_specs=[dg.AssetCheckSpec(name, asset=model.key, description=said) for name, said in CHECKS.items()],
        )

    @observed
    def observation(
        context: dg.AssetExecutionContext, config: ObserveConfig, lake: LakeResource
    ) -> Iterator[dg.ObserveResult]:
        store = lake.open()
        try:
            tiers = model.tiers(config.tiers)
        except ProbeError as error:
            raise dg.Failure(str(error), allow_retries=False) from error
        upstream = model.upstream(store)
        progress = Progress(context.log, model.name, "calls")
        found = upstream.observe(tiers, f"run {context.run.run_id}", progress)
        blocked, state = settle(upstream), upstream.state()
        context.instance.add_run_tags(context.run.run_id, {VERDICT_TAG: str(found.verdict), UPSTREAM: model.name})
        if found.sequence % MAINTAINED_EVERY == 0:
            before = datetime.datetime.now(datetime.UTC) - KEPT
            maintain_appended(store, f"{UPSTREAM}.{model.name}.observations", before)
        yield dg.ObserveResult(
            asset_key=model.key,
            data_version=data_version(state.reference),
            metadata={**page(model, upstream, context.instance), **({"search is blocked": blocked} if blocked else {})},
            check_results=[
                dg.AssetCheckResult(
                    check_name="as_accepted",
                    passed=not found.changed and state.episode is None,
                    description=f"{found.verdict}: {found.reason}",
                    metadata={"verdict": str(found.verdict), "observation": found.sequence},
                ),
                dg.AssetCheckResult(
                    check_name="measured",
                    passed=found.verdict != DriftVerdict.UNMEASURED,
                    severity=dg.AssetCheckSeverity.WARN,
                    description=found.reason if found.verdict == DriftVerdict.UNMEASURED else CHECKS["measured"],
                ),
            ],
        )
        if found.opens:  # once a change: who is told of failed runs is told of it
            raise dg.Failure(
                f"{model.name}: {'gone' if found.gone else found.verdict}: {found.reason}. The observation is kept. "
                f"{'Search by its vectors is blocked. ' if blocked else ''}The sensors of the corpora that use it ask for "
                f"their evaluation; `llmops models` shows where it stands, and `llmops models accept {model.name}` takes "
                "it as it is now",
                metadata={"verdict": str(found.verdict), "episode": found.episode or 0},
                allow_retries=False,
            )

    return observation
