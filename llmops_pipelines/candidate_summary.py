"""What `llmops reembed` did, in one object: for people, and as JSON."""

from dataclasses import asdict, dataclass
from typing import Any

import dagster as dg
from rich.console import Console

from llmops_pipelines.orchestration.corpus import Corpus
from llmops_pipelines.run_results import failures, materialised, show_lines, with_interval


@dataclass
class CandidateSummary:
    """What the candidate job did for one model. `ndcg10` is of hybrid search on the dev questions."""

    corpus: str
    model: str
    embedded: int | None
    reused: int | None
    ndcg10: float | None
    ndcg10_interval: list[float] | None
    seconds: float
    report: str | None
    failures: list[str]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def show(self, console: Console) -> None:
        """Print the summary for people."""
        for failure in self.failures:
            console.print(f"[bold red]failed:[/] {failure}", highlight=False, soft_wrap=True)
        show_lines(
            console,
            {
                "model": self.model,
                "embedded": self.embedded,
                "reused": self.reused,
                "nDCG@10": with_interval(self.ndcg10, self.ndcg10_interval),
                "report": self.report,
                "seconds": f"{self.seconds:.0f}",
            },
        )
        if not self.failures:
            console.print(
                f"\nCompare it:  llmops evaluate {self.corpus} --model {self.model}    "
                f"Release it: job {self.corpus}_promote with this key, in llmops ui",
                highlight=False,
                soft_wrap=True,
            )


def summarise_candidate(
    corpus: Corpus, key: str, result: dg.ExecuteInProcessResult, seconds: float
) -> CandidateSummary:
    """The summary of a run of the candidate job for model `key`."""
    found = materialised(result)
    evaluated = found.get("evaluation", {})
    ends = [evaluated[name] for name in ("nDCG@10 low", "nDCG@10 high") if name in evaluated]
    return CandidateSummary(
        corpus=corpus.name,
        model=key,
        embedded=found.get("embeddings", {}).get("embedded"),
        reused=found.get("embeddings", {}).get("reused"),
        ndcg10=evaluated.get("nDCG@10"),
        ndcg10_interval=ends or None,
        seconds=seconds,
        report=found.get("evaluation_report", {}).get("report"),
        failures=failures(result),
    )
