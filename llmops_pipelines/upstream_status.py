"""Where the upstream models stand, for the command line: what they are, what was found last, and what depends on them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from llmops_pipelines.drift.blocking import settle
from llmops_pipelines.embedding.model_folder import ModelError
from llmops_pipelines.orchestration.corpus import Corpus
from llmops_pipelines.orchestration.drifted import reembedding_plan
from llmops_pipelines.orchestration.planning import in_words as plan_in_words
from llmops_pipelines.orchestration.upstream.model import UpstreamModel
from llmops_pipelines.orchestration.upstream.page import in_words
from llmops_pipelines.storage.lake import Lake


@dataclass(frozen=True)
class UpstreamStatus:
    """One upstream model. `dependents` are partitions of corpora, `remarks` what is to be said of it besides."""

    name: str
    role: str
    where: str
    identity: str
    observed: str
    verdict: str
    state: str
    dependents: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def statuses(models: Mapping[str, UpstreamModel], corpora: Mapping[str, Corpus], lake: Lake) -> list[UpstreamStatus]:
    """All of `models`, by name, with the partitions of `corpora` that are of them. Calls no model."""
    return [_status(models[name], corpora, lake) for name in sorted(models)]


def _status(model: UpstreamModel, corpora: Mapping[str, Corpus], lake: Lake) -> UpstreamStatus:
    upstream = model.upstream(lake)
    observations, state = upstream.history.observations(), upstream.state()
    last = observations[-1] if observations else None
    remarks = [] if last is None or str(last.verdict) == "unchanged" else [last.reason]
    dependents: list[str] = []
    blocked = settle(upstream)
    if blocked:
        remarks.append(f"search by its vectors is blocked: {blocked}")
    for corpus in corpora.values():
        try:
            keys = [key for key, name in _partitions(corpus).items() if name == model.name]
            dependents += [f"{corpus.name} {key}" for key in keys]
            for key in keys if blocked else ():
                if plan := reembedding_plan(corpus, lake, key):
                    remarks.append(
                        f"to embed {corpus.name} anew, raise epoch in upstream/{model.name}: {plan_in_words(plan)}"
                    )
        except ModelError as error:
            remarks.append(f"{corpus.name}: {error}")
    identity = (last.identity if last else None) or (state.reference.identity if state.reference else None)
    return UpstreamStatus(
        name=model.name,
        role=model.settings.role,
        where=model.where,
        identity=str(identity) if identity else "not known",
        observed=f"{last.at:%Y-%m-%d %H:%M}" if last else "never",
        verdict=str(last.verdict) if last else "",
        state=in_words(state),
        dependents=dependents,
        remarks=remarks,
    )


def _partitions(corpus: Corpus) -> dict[str, str]:
    """The upstream model of each partition that has one."""
    names = {key: corpus.upstreams.get(key.rpartition("-")[0]) for key in corpus.usable_models().by_key}
    return {key: model.name for key, model in names.items() if model}
