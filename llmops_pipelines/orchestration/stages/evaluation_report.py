"""Stage `evaluation_report`: the evaluation as a page to read, its essence as metadata."""

import base64
from typing import TYPE_CHECKING, Any

import dagster as dg

from llmops_pipelines.evaluation.figures import SetFigures
from llmops_pipelines.evaluation.report import REPORT_VERSION, build_report, short_form
from llmops_pipelines.orchestration.metadata import column_schema
from llmops_pipelines.orchestration.progress import Finished, tell
from llmops_pipelines.orchestration.stages.evaluation import headline
from llmops_pipelines.resources.lake import LakeResource
from llmops_pipelines.storage.files import read_file, write_file
from llmops_pipelines.storage.identity import value_hash
from llmops_pipelines.storage.snapshot import Snapshot

if TYPE_CHECKING:
    from llmops_pipelines.orchestration.corpus import Corpus

CODE_VERSION = "1"
MARK = '<meta name="inputs" content="{}">'


def evaluation_report_asset(corpus: "Corpus") -> dg.AssetsDefinition:
    """The asset `<corpus>/evaluation_report`."""

    @corpus.asset(
        "evaluation_report",
        code_version=CODE_VERSION,
        checks={},
        deps=["evaluation", "vector_index"],
        kinds=["html"],
        partitioned=True,
    )
    def evaluation_report(context: dg.AssetExecutionContext, lake: LakeResource) -> dg.MaterializeResult:
        """The figures of one model's index with intervals and plots, and its worst questions with their passages."""
        store = lake.open()
        evaluation = corpus.upstream(store, "evaluation", context.partition_key)
        lineage = evaluation.summary["lineage"]
        # The version that was evaluated, whatever has been published since.
        index = store.at(corpus.table("vector_index", context.partition_key), lineage["index"]["version"])
        inputs = value_hash([CODE_VERSION, REPORT_VERSION, evaluation.data_version, index.version])
        page, image = (f"{lake.reports}/{corpus.name}/{context.partition_key}.{suffix}" for suffix in ("html", "png"))
        rows = list(evaluation.rows())
        sets = [SetFigures.from_dict(raw) for raw in evaluation.summary["figures"]]
        rendered = _rendered(page, inputs)
        if not rendered:
            title = f"{corpus.name} under {context.partition_key}"
            identity = _identity(corpus, evaluation, index, context.partition_key)
            report = build_report(title, identity, rows, index, sets)
            if report.image:
                write_file(image, report.image)
            # The mark that says it is up to date is in the page, so the page comes last.
            write_file(page, report.html.replace("<head>", f"<head>\n{MARK.format(inputs)}", 1).encode())
        plot = read_file(image) if sets else None
        done = "nothing: the page is up to date" if rendered else "rendered"
        tell(Finished("evaluation_report", done))
        metadata: dict[str, Any] = {"done": done, "figures": dg.MetadataValue.md(short_form(sets))}
        if plot:
            encoded = base64.b64encode(plot).decode()
            metadata["plot"] = dg.MetadataValue.md(f"![nDCG@10](data:image/png;base64,{encoded})")
        metadata |= {
            "report": dg.MetadataValue.path(page),
            **headline(sets),
            "dagster/row_count": len(rows),
            "dagster/column_schema": column_schema(evaluation.schema),
        }
        return dg.MaterializeResult(metadata=metadata, data_version=dg.DataVersion(inputs))

    return evaluation_report


def _identity(corpus: "Corpus", evaluation: Snapshot, index: Snapshot, model_key: str) -> dict[str, str]:
    return {
        "corpus": corpus.name,
        "model": model_key,
        "fingerprint": corpus.model(model_key).fingerprint,
        "corpus version": evaluation.summary["lineage"]["corpus_version"],
        "chunker": evaluation.summary["lineage"]["chunker"],
        "cleaner": evaluation.summary["lineage"]["cleaner"],
        "index": f"{index.name}, version {index.version}, {index.count():,} passages, {index.data_version}",
        "evaluation": evaluation.data_version,
    }


def _rendered(page: str, inputs: str) -> bool:
    content = read_file(page)
    return content is not None and MARK.format(inputs).encode() in content[:4096]
