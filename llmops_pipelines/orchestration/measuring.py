"""Measures every side of a candidate's evaluation on the suites of its corpus, the parts that it may be judged on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from llmops_pipelines.evaluation.contamination import Learned
from llmops_pipelines.evaluation.evaluate import in_role
from llmops_pipelines.evaluation.looks import Looks
from llmops_pipelines.evaluation.measure import corpus_questions, measure
from llmops_pipelines.evaluation.questions import Question
from llmops_pipelines.evaluation.roles import CANDIDATE, PRODUCTION, UNTUNED
from llmops_pipelines.evaluation.source_documents import SourceDocuments
from llmops_pipelines.evaluation.suites import DAILY_PART, Suite
from llmops_pipelines.orchestration.candidacy import Candidacy
from llmops_pipelines.orchestration.drifted import forget_question_vectors
from llmops_pipelines.orchestration.sides import Side, sides
from llmops_pipelines.storage import schemas
from llmops_pipelines.storage.lake import Lake

if TYPE_CHECKING:
    from llmops_pipelines.orchestration.corpus import Corpus


@dataclass
class Measured:
    """What was measured: the rows of all sides, and about them what a decision and a report need."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    sides: list[dict[str, Any]] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)  # the ids of those that the candidate was asked
    held_out: list[Question] = field(default_factory=list)  # all that no model may learn
    questions_embedded: int = 0
    problem: str = ""  # why production was not measured; empty where it was, or there is none
    untuned_problem: str = ""  # the same of the untuned base


def spend_looks(corpus: "Corpus", lake: Lake, suites: Sequence[Suite], configuration: str, by: str) -> dict[str, str]:
    """Why `configuration` may not be judged on the part that the gate of each suite judges; empty where it may.

    A configuration spends a look at a test part, once, and before anything of it is measured there. Where one of the
    suites has none left, none is spent at the others.
    """
    looks = Looks(lake, corpus.name)
    tested = [suite for suite in suites if suite.gate_part != DAILY_PART]
    blocked = [suite for suite in tested if not looks.may(suite, configuration)]
    if not blocked:
        blocked = [suite for suite in tested if not looks.spend(suite, configuration, by)]
    return {suite.name: _spent(suite) if suite in blocked else "" for suite in suites}


def _spent(suite: Suite) -> str:
    return (
        f"spent: {suite.max_looks} configurations were judged on the test part of {suite.name}, which is all that its "
        "max_looks allows. Write new test questions, or raise max_looks knowing what that means"
    )


def judged_parts(
    corpus: "Corpus", lake: Lake, suites: Sequence[Suite], candidacy: Candidacy, by: str
) -> dict[str, str]:
    """As `spend_looks`, of a candidate. Changed data alone, and a configuration that was in force before, spend none."""
    free = candidacy.production is None or candidacy.data_only or candidacy.known
    gating = [] if free else [suite for suite in suites if suite.gates]
    spent = spend_looks(corpus, lake, gating, candidacy.candidate.configuration_identity, by)
    return {suite.name: spent.get(suite.name, "") for suite in suites}


def measured(
    corpus: "Corpus",
    lake: Lake,
    suites: Sequence[Suite],
    stale: Mapping[str, str],
    candidacy: Candidacy,
    spent: Mapping[str, str],
    progress: Callable[[int, int], None],
) -> Measured:
    """The rows of every side on the dev part of all suites and, where one is compared, on the part that a gate judges.

    `stale` gives the reason by question id, `spent` that by suite. Every side is asked what the candidate is asked: of
    documents that only the candidate has, production finds none. Known items are those of each side's own passages.
    """
    parts = {suite.name: {DAILY_PART, *_gated(suite, candidacy, spent[suite.name])} for suite in suites}
    found = Measured()
    with sides(corpus, lake, candidacy) as (measurable, problems):
        found.problem, found.untuned_problem = problems.get(PRODUCTION, ""), problems.get(UNTUNED, "")
        source = measurable[0].source
        slices = _slices(suites, SourceDocuments.of(source).collections)
        done: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        for side in measurable:
            every = corpus_questions(suites, source, side.documents, side.chunks)
            asked = [question for question in every if question.part in parts[question.question_set]]
            if side.role == CANDIDATE:
                found.questions = [question.id for question in asked]
                found.held_out = [question for question in every if question.part != "train"]
            if side.content not in done:
                done[side.content], embedded = _side_rows(corpus, lake, side, asked, progress)
                found.questions_embedded += embedded
            about = {q.id: {"slices": slices(q), "stale": stale.get(q.id)} for q in asked}
            found.rows += [in_role({**row, **about[row["question_id"]]}, side.role) for row in done[side.content]]
            found.sides.append(_about(side, candidacy))
    return found


def _gated(suite: Suite, candidacy: Candidacy, spent: str) -> list[str]:
    """The part that the gate judges, where there is something to judge and it may be looked at."""
    return [suite.gate_part] if suite.gates and candidacy.production and not spent else []


def _side_rows(
    corpus: "Corpus", lake: Lake, side: Side, asked: Sequence[Question], progress: Callable[[int, int], None]
) -> tuple[list[dict[str, Any]], int]:
    """The rows of one side, and how many questions had to be embedded for them."""
    forget_question_vectors(corpus, lake, side.by.key, side.by.embedder.dimension)
    vectors = lake.writer(
        corpus.table("question_embeddings", side.by.key), schemas.embeddings(side.by.embedder.dimension)
    )
    measurement = measure(side.index, side.by.embedder, asked, vectors, progress, Learned.of(side.by.model.folder))
    return measurement.rows, measurement.questions_embedded


def _slices(suites: Sequence[Suite], collections: Mapping[str, str]) -> Callable[[Question], list[str]]:
    declared = {suite.name: suite.slices for suite in suites}
    return lambda question: [one.name for one in declared[question.question_set] if one.holds(question, collections)]


def _about(side: Side, candidacy: Candidacy) -> dict[str, Any]:
    """What a report says of a side."""
    snapshot = side.index.snapshot
    released = candidacy.production if side.role == PRODUCTION else None
    return {
        "role": side.role,
        "key": side.by.key,
        "fingerprint": side.index.fingerprint,
        "corpus_version": side.source.data_version,
        "index": snapshot.data_version if side.rebuilt is None else "made for this comparison",
        "index_version": None if side.rebuilt is not None else snapshot.version,
        "passages": snapshot.count(),
        "cleaner": (released.manifest if released else candidacy.candidate).cleaner,
        "chunker": next(side.chunks.rows(["chunker"]))["chunker"],
        "search": asdict(side.index.settings),
        "rebuilt": side.rebuilt,
    }
