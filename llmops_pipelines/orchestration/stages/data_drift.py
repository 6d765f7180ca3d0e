"""Whether the corpus and what is asked of it still resemble what its release was judged by: drift of data, not of models."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from llmops_pipelines.drift.query_log import QueryLogError, logged_queries
from llmops_pipelines.drift.resemblance import FEWEST, MOST, Resemblance, resemblance
from llmops_pipelines.embedding.embedder import Use
from llmops_pipelines.orchestration.metadata import markdown_table
from llmops_pipelines.orchestration.progress import Finished, tell
from llmops_pipelines.orchestration.section import Section
from llmops_pipelines.release.ledger import Ledger
from llmops_pipelines.release.manifest import Release
from llmops_pipelines.resources.lake import LakeResource
from llmops_pipelines.storage.errors import LakeError
from llmops_pipelines.storage.identity import text_hash, value_hash
from llmops_pipelines.storage.lake import Lake

if TYPE_CHECKING:
    from llmops_pipelines.orchestration.corpus import Corpus

CODE_VERSION = "1"
FRESH_HOURS = 24 * 15
HEAD = 2_000  # characters of a document: more than a model's window reads
DOCUMENTS, QUERIES = "documents", "queries"
CHECKS = {
    DOCUMENTS: "New documents resemble those that the configuration in force was judged on.",
    QUERIES: "What users ask resembles the questions of the suites.",
}


class DataDriftSection(Section):
    """What is compared with the documents and questions that a release was judged by."""

    query_log: str | None = Field(
        default=None,
        min_length=1,
        description="What users ask, relative to this file: a JSON object with `query` a line, or a query a line.",
    )
    schedule: str = Field(
        default="0 6 * * 1",
        pattern=r"^\S+( +\S+){4}$",
        description="Cron of the comparison (UTC); the schedule ships stopped.",
    )


@dataclass(frozen=True)
class Found:
    """A comparison, or why there is none."""

    resemblance: Resemblance | None
    problem: str = ""

    @property
    def changed(self) -> bool:
        return self.resemblance is not None and self.resemblance.changed

    @property
    def reason(self) -> str:
        return self.resemblance.reason if self.resemblance else self.problem


def data_drift_asset(corpus: "Corpus") -> dg.AssetsDefinition:
    """The asset `<corpus>/data_drift`."""

    @corpus.asset(
        "data_drift",
        code_version=CODE_VERSION,
        checks={},
        advisory=CHECKS,
        deps=["clean_documents"],
        kinds=["scikitlearn"],
        group=f"{corpus.name}_maintenance",
        fresh_hours=FRESH_HOURS,
    )
    def data_drift(context: dg.AssetExecutionContext, lake: LakeResource) -> dg.MaterializeResult:
        """New documents against those that the configuration in force was judged on; queries against the suites'."""
        store = lake.open()
        found = {DOCUMENTS: _documents(corpus, store), QUERIES: _queries(corpus, store)}
        changed = [name for name, one in found.items() if one.changed]
        outcome = (
            f"{' and '.join(changed)} no longer resemble what was judged" if changed else "alike, as far as is known"
        )
        tell(Finished("data_drift", outcome))
        return dg.MaterializeResult(
            metadata={
                "done": outcome,
                **{key: value for name, one in found.items() for key, value in _shown(name, one)},
            },
            data_version=dg.DataVersion(value_hash([one.reason for one in found.values()])),
            check_results=[
                dg.AssetCheckResult(
                    check_name=name,
                    passed=not one.changed,
                    severity=dg.AssetCheckSeverity.WARN,
                    description=one.reason,
                )
                for name, one in found.items()
            ],
        )

    return data_drift


def _documents(corpus: "Corpus", lake: Lake) -> Found:
    """The documents that came since the configuration in force was first released, against those of then."""
    first = _first_release(corpus, lake)
    now = lake.published(corpus.table("clean_documents"))
    if first is None or now is None:
        return Found(None, "nothing is released yet")
    try:
        index = Ledger(lake, corpus.name).open_index(first)
        judged = corpus.index_with_sources(lake, index)["documents"]
    except LakeError:
        return Found(
            None, f"the documents of {first.release_id}, the first of this configuration, are not in the lake any more"
        )
    wanted = ["doc_id", "text"], "dropped IS NULL"
    before = {row["doc_id"]: row["text"][:HEAD] for row in judged.rows(*wanted)}
    new = [row["text"][:HEAD] for row in now.rows(*wanted) if row["doc_id"] not in before]
    return _compared(corpus, lake, list(before.values()), new, "document", f"documents since {first.release_id}")


def _queries(corpus: "Corpus", lake: Lake) -> Found:
    """What the log has against the questions of the suites, those that are made from the corpus left out."""
    path = corpus.settings.data_drift.query_log
    if path is None:
        return Found(None, "no query log is configured (data_drift.query_log)")
    try:
        asked = logged_queries(corpus.folder / path)
    except QueryLogError as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    questions = [question.text for suite in corpus.suites if not suite.synthetic for question in suite.questions]
    return _compared(corpus, lake, questions, asked, "query", "queries")


def _first_release(corpus: "Corpus", lake: Lake) -> Release | None:
    """The first release of the configuration that is in force: later ones of it changed nothing but the documents."""
    ledger = Ledger(lake, corpus.name)
    current = ledger.in_force()
    if current is None:
        return None
    configuration = current.manifest.configuration_identity
    same = [one for one in ledger.history() if one.manifest.configuration_identity == configuration]
    return next((one for one in same if ledger.index_flaw(one.manifest) is None), None)


def _compared(corpus: "Corpus", lake: Lake, before: Sequence[str], now: Sequence[str], use: Use, what: str) -> Found:
    """The comparison by the vectors of the base model, which costs nothing; of the texts that take part alone."""
    reference, look = _taking_part(before), _taking_part(now)
    if min(len(reference), len(look)) < FEWEST:
        return Found(
            None, f"too few to tell: {len(look)} {what}, {len(reference)} to compare with; {FEWEST} are needed"
        )
    embedder = corpus.embedder(corpus.base_model.key, lake)
    vectors = [embedder.embed(texts, use).vectors for texts in (reference, look)]
    return Found(resemblance(reference, look, vectors[0], vectors[1]))


def _taking_part(texts: Sequence[str]) -> list[str]:
    return sorted({text for text in texts if text.strip()}, key=text_hash)[:MOST]


def _shown(name: str, found: Found) -> list[tuple[str, Any]]:
    """What Dagster shows of a comparison, and plots over time."""
    if found.resemblance is None:
        return [(name, found.problem)]
    one = found.resemblance
    words = [
        [side, word.word, f"{word.reference:.0%}", f"{word.look:.0%}"]
        for side, moved in (("more", one.moved.more), ("less", one.moved.less))
        for word in moved
    ]
    rows = [[d.name, f"{d.reference:.3g}", f"{d.look:.3g}", f"{d.effect:+.2f}", f"{d.p:.2g}"] for d in one.descriptors]
    return [
        (name, one.reason),
        (f"{name}: compared", f"{one.texts[1]:,} with {one.texts[0]:,}"),
        (f"{name}: AUC", one.auc),
        (f"{name}: p", one.p),
        (f"{name}: words that moved", dg.MetadataValue.md(markdown_table(["", "word", "before", "now"], words))),
        (
            f"{name}: descriptors",
            dg.MetadataValue.md(markdown_table(["of", "before", "now", "standard deviations", "p (Holm)"], rows)),
        ),
    ]
