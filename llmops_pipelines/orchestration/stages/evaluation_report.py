"""Stage `evaluation_report`: the verdict on a candidate, kept, and the page that says why."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from llmops_pipelines.evaluation.compare import SetComparison, compare
from llmops_pipelines.evaluation.decision import Decision
from llmops_pipelines.evaluation.figures import SetFigures
from llmops_pipelines.evaluation.looks import Looks
from llmops_pipelines.evaluation.report import REPORT_VERSION, Page, build_report, short_form
from llmops_pipelines.evaluation.roles import CANDIDATE, PRODUCTION
from llmops_pipelines.evaluation.suites import DAILY_PART
from llmops_pipelines.orchestration.deciding import decision, kept, suites_of
from llmops_pipelines.orchestration.drifted import blocked, reembedding_plan, since_accepted
from llmops_pipelines.orchestration.metadata import column_schema, headline, image, markdown_table
from llmops_pipelines.orchestration.observed import PRODUCTION as PRODUCTION_OBSERVED
from llmops_pipelines.orchestration.observed import SUITES
from llmops_pipelines.orchestration.planning import plan_table
from llmops_pipelines.orchestration.progress import Finished, tell
from llmops_pipelines.orchestration.released_figures import released_figures
from llmops_pipelines.resources.lake import LakeResource
from llmops_pipelines.storage.files import read_file, write_file
from llmops_pipelines.storage.identity import value_hash
from llmops_pipelines.storage.lake import Lake

if TYPE_CHECKING:
    from llmops_pipelines.orchestration.corpus import Corpus

MARK = '<meta name="inputs" content="{}">'
CHECK = "verdict"
AS_ACCEPTED = {"as_accepted": "The model answers the questions as well as when it was accepted."}


def evaluation_report_asset(corpus: "Corpus") -> dg.AssetsDefinition:
    """The asset `<corpus>/evaluation_report`."""

    @corpus.asset(
        "evaluation_report",
        code_version=REPORT_VERSION,
        checks={CHECK: "The verdict on this model promotes it.", **(AS_ACCEPTED if corpus.upstreams else {})},
        deps=["evaluation", SUITES, PRODUCTION_OBSERVED],
        kinds=["html"],
        partitioned=True,
    )
    def evaluation_report(context: dg.AssetExecutionContext, lake: LakeResource) -> dg.MaterializeResult:
        """The verdict on one model against the release in force, with the figures, plots and questions behind it."""
        store, key = lake.open(), context.partition_key
        evaluation = corpus.upstream(store, "evaluation", key)
        suites = suites_of(corpus, evaluation, key)
        looks = Looks(store, corpus.name)
        counted = {suite.name: looks.count(suite.test_hash) for suite in suites if suite.gates}
        summary = {**evaluation.summary, "looks": counted}
        rows = list(evaluation.rows())
        found = decision(suites, summary, rows)
        verdict = kept(corpus, store, key, suites, evaluation, found, f"run {context.run.run_id}")
        history = released_figures(corpus, store, verdict.at)
        shown = {name: summary[name] for name in ("sides", "looks", "spent", "problem", "untuned_problem")}
        inputs = value_hash([REPORT_VERSION, evaluation.data_version, verdict.verdict_id, history, shown])
        page, plot = (f"{lake.reports}/{corpus.name}/{key}.{suffix}" for suffix in ("html", "png"))
        rendered = _rendered(page, inputs)
        if not rendered:
            report = build_report(
                Page(
                    title=f"{corpus.name} under {key}",
                    decision=found,
                    verdict_id=verdict.verdict_id,
                    at=verdict.at,
                    summary=summary,
                    suites=suites,
                    rows=rows,
                    history=history,
                )
            )
            if report.image:
                write_file(plot, report.image)
            # The mark that says it is up to date is in the page, so the page comes last.
            write_file(page, report.html.replace("<head>", f"<head>\n{MARK.format(inputs)}", 1).encode())
        since = since_accepted(corpus, store, key, suites, evaluation)
        done = "nothing: the page is up to date" if rendered else "rendered"
        tell(Finished("evaluation_report", str(found.verdict)))  # its figures may be of test questions
        return dg.MaterializeResult(
            metadata={
                "done": done,
                "verdict": str(found.verdict),
                "promotes": found.promotes,
                "reason": found.reason,
                "report": dg.MetadataValue.path(page),
                **_figures(found, summary, rows, read_file(plot)),
                **_since_accepted(corpus, store, key, since),
                "dagster/row_count": len(rows),
                "dagster/column_schema": column_schema(evaluation.schema),
            },
            data_version=dg.DataVersion(value_hash([evaluation.data_version, verdict.verdict_id])),
            check_results=[
                dg.AssetCheckResult(
                    check_name=CHECK,
                    passed=found.promotes,
                    severity=dg.AssetCheckSeverity.WARN,
                    description=f"{found.verdict}: {found.reason}",
                    metadata={"verdict": str(found.verdict), "verdict_id": verdict.verdict_id},
                ),
                *(_as_accepted(since) if corpus.upstreams else ()),
            ],
        )

    return evaluation_report


def _as_accepted(since: Decision | None) -> Iterator[dg.AssetCheckResult]:
    (name,) = AS_ACCEPTED
    yield dg.AssetCheckResult(
        check_name=name,
        passed=since is None or since.promotes,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{since.verdict}: {since.reason}" if since else "its model has not changed since it was accepted",
    )


def _since_accepted(corpus: "Corpus", lake: Lake, key: str, since: Decision | None) -> dict[str, Any]:
    """What a change of the model did to the answers, and what it would cost to embed all anew where it is blocked."""
    if since is None:
        return {}
    rows = [
        [
            f"{suite.suite} ({suite.part})",
            test.name,
            f"{test.before.mean:.3f}",
            f"{test.after.mean:.3f}",
            test.judgement.estimate.signed,
            f"{test.judgement.margin:.3g}",
            str(test.verdict),
        ]
        for suite in since.suites
        for test in suite.tests
    ]
    headings = ["suite", "test", "when accepted", "now", "difference", "margin", "verdict"]
    said = f"**{since.verdict}**: {since.reason}\n\n{markdown_table(headings, rows) if rows else ''}"
    shown: dict[str, Any] = {"since the model was accepted": dg.MetadataValue.md(said)}
    plan = reembedding_plan(corpus, lake, key) if blocked(corpus, lake, key) else None
    if plan:
        shown["plan to embed anew (raise epoch)"] = dg.MetadataValue.md(plan_table(plan))
    return shown


def _figures(
    found: Decision, summary: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], plot: bytes | None
) -> dict[str, Any]:
    """The figures in short, the plot, and the numbers that Dagster plots over materialisations."""
    sets = [SetFigures.from_dict(raw) for raw in summary["figures"]]
    shown: dict[str, Any] = {"figures": dg.MetadataValue.md(short_form(found, sets))}
    if sets and plot:
        shown["plot"] = image("nDCG@10", plot)
    before, after = (
        [row for row in rows if row["part"] == DAILY_PART and row["role"] == role] for role in (PRODUCTION, CANDIDATE)
    )
    against = compare(before, after) if before else []
    return {**shown, **headline(sets), **compared(sets, against, _key_of(summary["sides"], PRODUCTION))}


def compared(sets: Sequence[SetFigures], against: Sequence[SetComparison], key: str | None) -> dict[str, Any]:
    """The comparison with production on dev, nDCG@10 of hybrid search on the first suite, as Dagster's metadata.

    `nDCG@10 before` and the difference are over the questions that both measured. The verdict may be by other questions.
    """
    if key is None or not sets:
        return {}
    name = sets[0].question_set, sets[0].part
    found = next((c for c in against if (c.question_set, c.part) == name and c.differences), None)
    if found is None:
        return {"not compared": f"with {key}: no dev question is shared"}
    difference = found.headline
    return {
        "compared with": key,
        "questions compared": found.questions,
        "nDCG@10 before": difference.before,
        "nDCG@10 difference": difference.change.mean,
        "nDCG@10 difference low": difference.change.low,
        "nDCG@10 difference high": difference.change.high,
    }


def _key_of(sides: Sequence[dict[str, Any]], role: str) -> str | None:
    return next((side["key"] for side in sides if side["role"] == role), None)


def _rendered(page: str, inputs: str) -> bool:
    content = read_file(page)
    return content is not None and MARK.format(inputs).encode() in content[:4096]
