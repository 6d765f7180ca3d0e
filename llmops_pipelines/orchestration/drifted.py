"""What a corpus makes of a change of a model that it uses: in which state the model is, and whether the change matters here.

The questions of a corpus are asked again of the same index by the model as it answers now, and compared with what was
measured when it was accepted: those rows are kept, because that model cannot be asked any more.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from llmops_pipelines.drift.blocking import settle
from llmops_pipelines.drift.episodes import State
from llmops_pipelines.drift.history import Reference
from llmops_pipelines.embedding.hosted_model import HostedModel
from llmops_pipelines.embedding.plan import Plan
from llmops_pipelines.evaluation.decision import Decision, decide_all, undecided
from llmops_pipelines.evaluation.evaluate import in_role
from llmops_pipelines.evaluation.gate import decide
from llmops_pipelines.evaluation.roles import ACCEPTED, CANDIDATE
from llmops_pipelines.evaluation.suites import DAILY_PART, Suite
from llmops_pipelines.orchestration.planning import plan_model
from llmops_pipelines.release.blocks import Blocks
from llmops_pipelines.release.releases import Releases
from llmops_pipelines.storage import schemas
from llmops_pipelines.storage.lake import Lake
from llmops_pipelines.storage.snapshot import Snapshot

if TYPE_CHECKING:
    from llmops_pipelines.orchestration.corpus import Corpus
    from llmops_pipelines.orchestration.upstream.model import UpstreamModel

BEHAVIOUR_TAG = "behaviour-"


def upstream_of(corpus: "Corpus", key: str) -> "UpstreamModel | None":
    """The upstream model that the partition `key` is of; None where it is none."""
    return corpus.upstreams.get(key.rpartition("-")[0])


def state_of(corpus: "Corpus", lake: Lake, key: str) -> State:
    """In which state the model of partition `key` is. What is no upstream model never changes."""
    model = upstream_of(corpus, key)
    return model.upstream(lake).state() if model else State()


def forget_question_vectors(corpus: "Corpus", lake: Lake, key: str, dimension: int) -> None:
    """Delete the kept vectors of questions where the model of `key` made them when it behaved otherwise.

    A tag of their table says by which behaviour they were made; none, by the first.
    """
    table, behaviour = corpus.table("question_embeddings", key), state_of(corpus, lake, key).behaviour
    marks = [tag for tag in lake.tags(table) if re.fullmatch(rf"{BEHAVIOUR_TAG}\d+", tag)]
    made = {int(tag.removeprefix(BEHAVIOUR_TAG)) for tag in marks} or {0}
    if made == {behaviour}:
        return
    writer = lake.writer(table, schemas.embeddings(dimension))
    writer.delete(writer.column("content_hash"))
    for tag in marks:
        lake.untag(table, tag)
    if behaviour:
        lake.tag(writer.stored(), f"{BEHAVIOUR_TAG}{behaviour}")


@dataclass(frozen=True)
class Kept:
    """Rows in the role ACCEPTED: what was measured of the model when it was accepted. `problem` says why there are none.

    `compared` says whether the model does otherwise than it did in the last evaluation that was accepted.
    """

    rows: list[dict[str, Any]]
    problem: str = ""
    compared: bool = True


def accepted_rows(published: Snapshot | None, index: Snapshot, state: State) -> Kept:
    """What of the `published` evaluation was measured of the same `index` by what the model did when it was accepted.

    Where another corpus's evaluation accepted a change, that is what was published here before.
    """
    summary = published.summary if published else {}
    measured, kept = summary.get("behaviour", 0), summary.get("accepted_behaviour")
    if state.gone or (state.episode is None and (published is None or measured == state.behaviour)):
        return Kept([], compared=False)
    if published is None:
        return Kept([], "nothing was evaluated before the model changed")
    if summary["lineage"]["index"]["data_version"] != index.data_version:
        return Kept([], "the evaluation before the model changed was of another index")
    if measured != state.behaviour and (measured == state.accepted or state.episode is None):
        role = CANDIDATE
    elif kept == state.accepted:
        role = ACCEPTED
    else:
        return Kept([], "no evaluation of the accepted model is kept: an evaluation was made in between")
    return Kept([in_role(row, ACCEPTED) for row in published.rows() if row["role"] == role])


def drift_decision(suites: Sequence[Suite], evaluation: Snapshot) -> Decision | None:
    """Whether the model answers the questions of the corpus as well as when it was accepted, on the dev part.

    None where the model has not changed. The margins are those of a change of data alone: index and documents are the same.
    """
    if not evaluation.summary.get("compared_with_accepted"):
        return None
    if problem := evaluation.summary["accepted_problem"]:
        return undecided(f"not compared with what was accepted: {problem}")
    rows = list(evaluation.rows())
    decisions = []
    for suite in suites:
        before, after = (
            [row for row in rows if (row["role"], row["question_set"], row["part"]) == (role, suite.name, DAILY_PART)]
            for role in (ACCEPTED, CANDIDATE)
        )
        decisions.append(decide(suite, DAILY_PART, before, after, data_only=True))
    return decide_all(suites, decisions)


def since_accepted(
    corpus: "Corpus", lake: Lake, key: str, suites: Sequence[Suite], evaluation: Snapshot
) -> Decision | None:
    """`drift_decision`, as long as no person has accepted what it is about."""
    reference = state_of(corpus, lake, key).reference
    if reference and reference.corpus is None and reference.accepts == evaluation.summary.get("behaviour"):
        return None
    return drift_decision(suites, evaluation)


def accept_promoted(corpus: "Corpus", lake: Lake, key: str, evaluation: Snapshot, by: str) -> Reference | None:
    """Takes the changed model of `key` as it is, where its evaluation promotes it: by its questions, or, where it is another
    partition than those that the change is of, by its release. None where nothing is accepted.

    Raises UpstreamError or ModelError where the model gives no reference, or is not what was evaluated any more: then it
    stays as it was.
    """
    model, state = upstream_of(corpus, key), state_of(corpus, lake, key)
    if model is None or state.episode is None or state.gone or evaluation.summary.get("behaviour") != state.behaviour:
        return None
    found = drift_decision(corpus.suites, evaluation)
    another = _released_since(corpus, lake, key, state)
    if not another and not (found and found.promotes):
        return None
    reason = f"evaluated on {corpus.name}: {found.reason if found and found.promotes else f'{key} was released'}"
    upstream = model.upstream(lake)
    made = upstream.accept(model.settings.tiers, by, reason, judged=(corpus.name, state.episode))
    settle(upstream)
    return made


def _released_since(corpus: "Corpus", lake: Lake, key: str, state: State) -> bool:
    """Whether `key` is in force, and is of a fingerprint that was first released after the change that is open was found."""
    fingerprint = corpus.model(key, lake).fingerprint
    releases = Releases(lake, corpus.name)
    now, model = releases.in_force(), upstream_of(corpus, key)
    if model is None or now is None or now.manifest.model_key != key or fingerprint in state.fingerprints:
        return False
    opened = next(one.at for one in model.upstream(lake).history.observations() if one.episode == state.episode)
    return all(row.at > opened for row in releases.history() if row.manifest.fingerprint == fingerprint)


def reembedding_plan(corpus: "Corpus", lake: Lake, key: str) -> Plan | None:
    """What it would cost to embed all of the corpus anew under a hosted model, which raising its `epoch` does.

    None where the model is local, or nothing is cut into passages yet.
    """
    model, chunks = corpus.model(key, lake), lake.published(corpus.table("chunks"))
    if not isinstance(model, HostedModel) or chunks is None:
        return None
    plan, _ = plan_model(corpus, lake, replace(model, epoch=model.epoch + 1), chunks, (), None)
    return plan


def blocked(corpus: "Corpus", lake: Lake, key: str) -> str:
    """Why nothing may be searched or embedded by the model of `key`; empty where it may."""
    if upstream_of(corpus, key) is None:
        return ""
    return Blocks(lake).reason(corpus.model(key, lake).fingerprint)
