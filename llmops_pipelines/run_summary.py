"""What `llmops run` did, in one object: for people, and as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import dagster as dg
from rich.console import Console

from llmops_pipelines.orchestration.corpus import Corpus
from llmops_pipelines.orchestration.life import PlannedRun
from llmops_pipelines.run_results import failures, materialised, not_promoted, show_lines, with_interval


@dataclass
class RunSummary:
    """What the runs did, all models together. `ndcg10` is that of `model`, in production when they began (hybrid, dev).

    `verdict` is that on its index against the release before. `ndcg10_before` and `ndcg10_after` are of the release that
    the model of the last training was compared with and of that model, on the dev questions measured under both, and
    `candidate_verdict` is the gate's; None where no such model was compared in these runs.
    """

    corpus: str
    model: str
    documents: int | None = None
    chunks: int | None = None
    embedded: int | None = None
    reused: int | None = None
    questions_embedded: int | None = None
    training_passages_embedded: int | None = None
    ndcg10: float | None = None
    ndcg10_interval: list[float] | None = None
    verdict: str | None = None
    tuning: str | None = None
    candidate: str | None = None
    candidate_verdict: str | None = None
    ndcg10_before: float | None = None
    ndcg10_after: float | None = None
    ndcg10_difference: list[float] | None = None
    not_compared: str | None = None
    candidate_report: str | None = None
    seconds: float = 0.0
    report: str | None = None
    release: str | None = None
    released: str | None = None
    not_released: str | None = None
    failures: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def show(self, console: Console) -> None:
        """Print the summary for people."""
        for failure in self.failures:
            console.print(f"[bold red]failed:[/] {failure}", highlight=False, soft_wrap=True)
        lines = {
            "documents": self.documents,
            "chunks": self.chunks,
            "embedded": self.embedded,
            "reused": self.reused,
            "nDCG@10": with_interval(self.ndcg10, self.ndcg10_interval),
            "release": f"{self.release}, {self.released}" if self.release else self.not_released,
            "verdict": self.verdict,
            "report": self.report,
            "tuning": self.tuning,
            "candidate": self._candidate(),
            "its report": self.candidate_report,
            "seconds": f"{self.seconds:.0f}",
        }
        show_lines(console, lines)
        if not self.failures:
            console.print(f'\nSearch it:  llmops search {self.corpus} "..."    See it:  llmops ui', highlight=False)

    def _candidate(self) -> str | None:
        judged = f"{self.candidate}: {self.candidate_verdict}" if self.candidate_verdict else self.candidate
        if self.ndcg10_before is None or self.ndcg10_after is None or self.ndcg10_difference is None:
            return f"{judged}; not compared on dev {self.not_compared}" if self.not_compared else judged
        low, high = self.ndcg10_difference
        return (
            f"{judged}; nDCG@10 {self.ndcg10_before:.3f} before, {self.ndcg10_after:.3f} after, difference "
            f"[{low:+.3f}, {high:+.3f}] (dev, 95 % interval)"
        )


def summarise(corpus: Corpus, results: Sequence[tuple[PlannedRun, dg.ExecuteInProcessResult]]) -> RunSummary:
    """The summary of the runs, in their order; the last one of the life job was that of the model in production."""
    found = [(run, materialised(result)) for run, result in results]
    production, stages = next((run, stages) for run, stages in reversed(found) if run.job == "life")

    def value(stage: str, name: str, of: Mapping[str, Mapping[str, Any]] = stages) -> Any:
        return of.get(stage, {}).get(name)

    def total(stage: str, name: str) -> int | None:
        counts = [count for _, of in found if (count := value(stage, name, of)) is not None]
        return sum(counts) if counts else None

    tuned = next((of for _, of in found if "fine_tuned_model" in of), {})
    model = value("fine_tuned_model", "model", tuned)
    # The model of the last training, a candidate or in production by now.
    candidate, against = next(
        ((run, of) for run, of in found if run.key == model and "evaluation_report" in of), (None, {})
    )
    # The last run that released something, or found that it is in force.
    release = next((of["release"] for _, of in reversed(found) if "release" in of), {})
    low, high = value("evaluation", "nDCG@10 low"), value("evaluation", "nDCG@10 high")
    before = value("evaluation_report", "nDCG@10 before", against)
    return RunSummary(
        corpus=corpus.name,
        model=production.key,
        documents=value("documents", "dagster/row_count"),
        chunks=value("chunks", "dagster/row_count"),
        embedded=total("embeddings", "embedded"),
        reused=total("embeddings", "reused"),
        questions_embedded=_sum(total("evaluation", "questions_embedded"), total("training_set", "questions_embedded")),
        training_passages_embedded=total("training_set", "passages_embedded"),
        ndcg10=value("evaluation", "nDCG@10"),
        ndcg10_interval=[low, high] if low is not None else None,
        verdict=value("evaluation_report", "verdict"),
        tuning=value("fine_tuned_model", "outcome", tuned),
        candidate=model,
        candidate_verdict=value("evaluation_report", "verdict", against),
        ndcg10_before=before,
        ndcg10_after=None if before is None else before + value("evaluation_report", "nDCG@10 difference", against),
        ndcg10_difference=None
        if before is None
        else [value("evaluation_report", f"nDCG@10 difference {end}", against) for end in ("low", "high")],
        not_compared=value("evaluation_report", "not compared", against),
        candidate_report=value("evaluation_report", "report", against)
        if candidate and candidate != production
        else None,
        report=value("evaluation_report", "report"),
        release=release.get("release_id"),
        released=release.get("model"),
        not_released=not_promoted([result for run, result in results if run.job in ("life", "promote")][-1]),
        failures=[failure for _, result in results for failure in failures(result)],
    )


def _sum(*counts: int | None) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None
