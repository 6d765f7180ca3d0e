"""What a change of an upstream model asks of a corpus that uses it: its evaluation, once a change. Ships stopped."""

import datetime
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

import dagster as dg

from llmops_pipelines.drift.history import Observation
from llmops_pipelines.embedding.model_folder import ModelError
from llmops_pipelines.orchestration.stages import CANDIDATE_STAGES, RELEASE
from llmops_pipelines.orchestration.stages.release import BY_VERDICT_TAG
from llmops_pipelines.orchestration.upstream.page import CAUSE_TAG, EPISODE_TAG
from llmops_pipelines.resources.lake import LakeResource
from llmops_pipelines.storage.errors import LakeError
from llmops_pipelines.storage.lake import Lake

if TYPE_CHECKING:
    from llmops_pipelines.orchestration.corpus import Corpus
    from llmops_pipelines.orchestration.upstream.model import UpstreamModel

LOOK_SECONDS = 30
DAY = datetime.timedelta(days=1)
MEASURED = ("evaluation", "evaluation_report")


@dataclass
class Asked:
    """The last change that a model was asked about, and the times of what was asked for in the last day."""

    episode: int
    times: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Wanted:
    """A run that a change asks for: a partition of the corpus, and which of its stages."""

    key: str
    stages: tuple[str, ...]


def reevaluation_sensor(corpus: "Corpus") -> dg.SensorDefinition:
    """Reads what was observed of the corpus's upstream models and asks for one evaluation a change.

    It calls no model. A run is known by model, change and partition: whatever is killed and starts again, it is asked for
    once, and after a change back and forth once more, because each has a number of its own.
    """

    @dg.sensor(
        name=f"{corpus.name}_reevaluations",
        job_name=f"{corpus.name}_reevaluation",
        minimum_interval_seconds=LOOK_SECONDS,
        default_status=dg.DefaultSensorStatus.STOPPED,
        description=f"Evaluates {corpus.name} once for each change of an upstream model that it uses. Ships stopped.",
    )
    def reevaluations(context: dg.SensorEvaluationContext, lake: LakeResource) -> dg.SensorResult:
        store, now = lake.open(), datetime.datetime.now(datetime.UTC)
        cursor: dict[str, Asked] = {name: Asked(**one) for name, one in json.loads(context.cursor or "{}").items()}
        requests: list[dg.RunRequest] = []
        said: list[str] = []
        for model in corpus.upstreams.values():
            try:
                requests += _requests(corpus, store, model, cursor, now, said)
            except (LakeError, ModelError) as error:  # of one model: the others are read all the same
                said.append(f"{model.name}: {error}")
        for problem in said:
            context.log.info(problem)
        known = set(context.instance.get_dynamic_partitions(str(corpus.embedding_model.name)))
        new = sorted({str(request.partition_key) for request in requests} - known)
        return dg.SensorResult(
            run_requests=requests,
            dynamic_partitions_requests=[corpus.embedding_model.build_add_request(new)] if new else None,
            skip_reason=None if requests else "; ".join(said) or "no upstream model has changed",
            cursor=json.dumps({name: asdict(one) for name, one in cursor.items()}),
        )

    return reevaluations


def _requests(
    corpus: "Corpus",
    lake: Lake,
    model: "UpstreamModel",
    cursor: dict[str, Asked],
    now: datetime.datetime,
    said: list[str],
) -> Iterator[dg.RunRequest]:
    """The runs that changes of `model` ask for now; `cursor` is brought forward with each."""
    upstream = model.upstream(lake)
    observations, state = upstream.history.observations(), upstream.state()
    last = max((one.episode or 0 for one in observations), default=0)
    # What happened before it was switched on, or to another lake, is asked about where it still is so.
    if model.name not in cursor or cursor[model.name].episode > last:
        cursor[model.name] = Asked(last - 1 if state.episode == last and last else last)
    asked = cursor[model.name]
    by_a_person = {one.accepts for one in upstream.history.references() if one.corpus is None}
    for change in (one for one in observations if one.opens and (one.episode or 0) > asked.episode):
        assert change.episode is not None
        wanted, problems = _wanted(corpus, lake, model, change)
        if change.episode in by_a_person:
            wanted, problems = [], []
        why = "; ".join(problems) or (_waits(model, asked, now) if wanted else "")
        if why:
            said.append(f"{model.name}, change {change.episode}: {why}")
            return
        for run in wanted:
            yield _request(corpus, model, change, run)
        if wanted:
            asked.times.append(now.isoformat())
        asked.episode = change.episode


def _wanted(
    corpus: "Corpus", lake: Lake, model: "UpstreamModel", change: Observation
) -> tuple[list[Wanted], list[str]]:
    """The partitions to evaluate: those of the model, or of its successors where it is gone; and what keeps one from it now.

    What has an index is asked again, and released only by a verdict; what has none is embedded first, within the budget. A
    successor is evaluated and no more: to switch is for a person.
    """
    named = {name for name, one in corpus.upstreams.items() if one.name == model.name}
    if change.gone:
        named = {name for name, one in corpus.upstreams.items() if one.name in model.settings.successors}
    usable = corpus.usable_models()
    problems = [str(why) for place, why in usable.problems.items() if corpus.configured[place].name in named]
    keys = [key for key in usable.by_key if key.rpartition("-")[0] in named]
    release = () if change.gone else (RELEASE,)
    found = [Wanted(key, (*(MEASURED if _indexed(corpus, lake, key) else CANDIDATE_STAGES), *release)) for key in keys]
    return found, problems


def _indexed(corpus: "Corpus", lake: Lake, key: str) -> bool:
    return lake.published(corpus.table("vector_index", key)) is not None


def _waits(model: "UpstreamModel", asked: Asked, now: datetime.datetime) -> str:
    """Why nothing more is asked for now. A time that lies ahead, after a clock was set back, holds nothing up."""
    limits = model.settings.reevaluation
    times = [datetime.datetime.fromisoformat(time) for time in asked.times]
    recent = [time for time in times if now - DAY < time <= now]
    asked.times = [time.isoformat() for time in recent]
    if len(recent) >= limits.daily:
        return f"{len(recent)} evaluations were asked for in 24 hours, as many as reevaluation.daily allows"
    if recent and now - recent[-1] < datetime.timedelta(hours=limits.cool_down_hours):
        return f"the last evaluation was asked for within reevaluation.cool_down_hours ({limits.cool_down_hours:g})"
    return ""


def _request(corpus: "Corpus", model: "UpstreamModel", change: Observation, run: Wanted) -> dg.RunRequest:
    return dg.RunRequest(
        # The time, because the changes of another lake have the same numbers.
        run_key=f"{model.name}/{change.episode}/{run.key}/{change.at:%Y%m%dT%H%M%S}",
        partition_key=run.key,
        asset_selection=_keys(corpus, run.stages),
        tags={CAUSE_TAG: model.name, EPISODE_TAG: str(change.episode), BY_VERDICT_TAG: "true"},
    )


def _keys(corpus: "Corpus", stages: Sequence[str]) -> list[dg.AssetKey]:
    return [corpus.key(stage) for stage in stages]
