"""Stage `evaluation_report`: the evaluation as a page to read, its essence as metadata."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dagster as dg

from llmops_pipelines.embedding.model_folder import ModelError
from llmops_pipelines.evaluation.compare import compare
from llmops_pipelines.evaluation.figures import SetFigures
from llmops_pipelines.evaluation.report import REPORT_VERSION, Against, NotCompared, build_report, short_form
from llmops_pipelines.orchestration.metadata import column_schema
from llmops_pipelines.orchestration.progress import Finished, tell
from llmops_pipelines.orchestration.stages.evaluation import headline
from llmops_pipelines.release.releases import Releases
from llmops_pipelines.resources.lake import LakeResource
from llmops_pipelines.storage.errors import LakeError
from llmops_pipelines.storage.files import read_file, write_file
from llmops_pipelines.storage.identity import value_hash
from llmops_pipelines.storage.lake import Lake
from llmops_pipelines.storage.snapshot import Snapshot

if TYPE_CHECKING:
    from llmops_pipelines.orchestration.corpus import Corpus

MARK = '<meta name="inputs" content="{}">'


def evaluation_report_asset(corpus: "Corpus") -> dg.AssetsDefinition:
    """The asset `<corpus>/evaluation_report`."""

    @corpus.asset(
        "evaluation_report",
        code_version=REPORT_VERSION,
        checks={},
        deps=["evaluation", "vector_index"],
        kinds=["html"],
        partitioned=True,
    )
    def evaluation_report(context: dg.AssetExecutionContext, lake: LakeResource) -> dg.MaterializeResult:
        """The figures of one model's index with intervals and plots, against the model released, and its worst questions."""
        store = lake.open()
        key = context.partition_key
        evaluated = Evaluated.of(corpus, store, key, corpus.upstream(store, "evaluation", key))
        baseline = _baseline(corpus, store, evaluated)
        inputs = value_hash([REPORT_VERSION, evaluated.versions, _versions(baseline)])
        page, image = (f"{lake.reports}/{corpus.name}/{key}.{suffix}" for suffix in ("html", "png"))
        rows = list(evaluated.evaluation.rows())
        sets = [SetFigures.from_dict(raw) for raw in evaluated.evaluation.summary["figures"]]
        against = _against(corpus, baseline, rows)
        rendered = _rendered(page, inputs)
        if not rendered:
            identity = evaluated.identity(corpus.name)
            report = build_report(f"{corpus.name} under {key}", identity, rows, evaluated.index, sets, against)
            if report.image:
                write_file(image, report.image)
            # The mark that says it is up to date is in the page, so the page comes last.
            write_file(page, report.html.replace("<head>", f"<head>\n{MARK.format(inputs)}", 1).encode())
        plot = read_file(image) if sets else None
        done = "nothing: the page is up to date" if rendered else "rendered"
        tell(Finished("evaluation_report", done))
        metadata: dict[str, Any] = {"done": done, "figures": dg.MetadataValue.md(short_form(sets, against))}
        if plot:
            encoded = base64.b64encode(plot).decode()
            metadata["plot"] = dg.MetadataValue.md(f"![nDCG@10](data:image/png;base64,{encoded})")
        metadata |= {
            "report": dg.MetadataValue.path(page),
            **headline(sets),
            **compared(sets, against),
            "dagster/row_count": len(rows),
            "dagster/column_schema": column_schema(evaluated.evaluation.schema),
        }
        return dg.MaterializeResult(metadata=metadata, data_version=dg.DataVersion(inputs))

    return evaluation_report


@dataclass(frozen=True)
class Evaluated:
    """A published evaluation with the version of the index that it is of, whatever has been published since."""

    key: str
    evaluation: Snapshot
    index: Snapshot

    @classmethod
    def of(cls, corpus: "Corpus", lake: Lake, key: str, evaluation: Snapshot) -> "Evaluated":
        version = evaluation.summary["lineage"]["index"]["version"]
        return cls(key, evaluation, lake.at(corpus.table("vector_index", key), version))

    @property
    def versions(self) -> list[Any]:
        """What a page that shows this evaluation depends on."""
        return [self.key, self.evaluation.data_version, self.index.version]

    def identity(self, corpus: str) -> dict[str, str]:
        """What was evaluated, for people; the fingerprint is that of the index, since a model may be configured no more."""
        lineage = self.evaluation.summary["lineage"]
        count, version = self.index.count(), self.index.version
        return {
            "corpus": corpus,
            "model": self.key,
            "fingerprint": next(self.index.rows(["fingerprint"]))["fingerprint"],
            "corpus version": lineage["corpus_version"],
            "chunker": lineage["chunker"],
            "cleaner": lineage["cleaner"],
            "index": f"{self.index.name}, version {version}, {count:,} passages, {self.index.data_version}",
            "evaluation": f"version {self.evaluation.version}, {self.evaluation.data_version}",
        }


def compared(sets: Sequence[SetFigures], against: Against | NotCompared | None) -> dict[str, Any]:
    """The comparison of the headline, nDCG@10 of hybrid search on the first question set, as Dagster's metadata.

    `nDCG@10 before` and the difference are over the questions that both evaluations measured.
    """
    if isinstance(against, NotCompared):
        return {"not compared": f"with {against.key}: {against.reason}"}
    found = against.of(sets[0]) if against and sets else None
    if not against or not found:
        return {"not compared": f"with {against.key}: no question is shared"} if against else {}
    difference = found.headline
    return {
        "compared with": against.key,
        "questions compared": found.questions,
        "nDCG@10 before": difference.before,
        "nDCG@10 difference": difference.change.mean,
        "nDCG@10 difference low": difference.change.low,
        "nDCG@10 difference high": difference.change.high,
    }


def _baseline(corpus: "Corpus", lake: Lake, candidate: Evaluated) -> Evaluated | NotCompared | None:
    """The evaluation to compare with: of the model released, or of the base model where `candidate` is the one released.

    None where `candidate` is both, or is the base model and nothing is released.
    """
    release = Releases(lake, corpus.name).in_force()
    key = release.manifest.model_key if release else candidate.key
    if key == candidate.key:
        try:
            key = corpus.model_keys()[0]
        except ModelError as error:
            return NotCompared("the base model", str(error))
    if key == candidate.key:
        return None
    remedy = (
        f"to have it compared, run the job {corpus.name}_candidate for {key}, then for {candidate.key}: "
        "both are evaluated on the corpus as it is"
    )
    evaluation = lake.published(corpus.table("evaluation", key))
    if evaluation is None:
        return NotCompared(key, f"it has no evaluation; {remedy}")
    differing = _differing(evaluation, candidate.evaluation)
    if differing:
        return NotCompared(key, f"its evaluation has another {', another '.join(differing)}; {remedy}")
    try:
        return Evaluated.of(corpus, lake, key, evaluation)
    except LakeError:
        return NotCompared(key, f"the version of its index that was evaluated is not in the lake; {remedy}")


def _differing(one: Snapshot, other: Snapshot) -> list[str]:
    """What two evaluations must have in common to be compared, and do not."""
    lineages = one.summary["lineage"], other.summary["lineage"]
    names = {"corpus_version": "corpus version", "cleaner": "cleaner", "chunker": "chunker"}
    differing = [shown for name, shown in names.items() if lineages[0][name] != lineages[1][name]]
    if not differing and lineages[0]["chunks"]["data_version"] != lineages[1]["chunks"]["data_version"]:
        differing = ["version of the chunks"]
    scored_alike = one.summary.get("scorer") == other.summary.get("scorer")
    if not scored_alike or not one.schema.remove_metadata().equals(other.schema.remove_metadata()):
        differing.append("scorer")
    return differing


def _versions(baseline: Evaluated | NotCompared | None) -> list[Any] | None:
    if isinstance(baseline, NotCompared):
        return [baseline.key, baseline.reason]
    return baseline.versions if baseline else None


def _against(
    corpus: "Corpus", baseline: Evaluated | NotCompared | None, rows: Sequence[Mapping[str, Any]]
) -> Against | NotCompared | None:
    if not isinstance(baseline, Evaluated):
        return baseline
    comparisons = compare(baseline.evaluation.rows(), rows)
    return Against(baseline.key, baseline.identity(corpus.name), baseline.index, comparisons)


def _rendered(page: str, inputs: str) -> bool:
    content = read_file(page)
    return content is not None and MARK.format(inputs).encode() in content[:4096]
