"""Reading what is released: searching, evaluating and describing it. What the command line and applications call."""

from typing import Any

from llmops_pipelines import release as releases
from llmops_pipelines.evaluation.contamination import Learned
from llmops_pipelines.evaluation.measure import collect_questions, measure
from llmops_pipelines.evaluation.questions import QuestionError
from llmops_pipelines.index.search import Searcher, SearchIndex
from llmops_pipelines.orchestration.candidacy import Candidacy
from llmops_pipelines.orchestration.corpus import Corpus
from llmops_pipelines.orchestration.drifted import forget_question_vectors
from llmops_pipelines.orchestration.measuring import spend_looks
from llmops_pipelines.release.ledger import Ledger
from llmops_pipelines.release.manifest import Release, ReleaseError
from llmops_pipelines.storage import schemas
from llmops_pipelines.storage.lake import Lake


def released_searcher(corpus: Corpus, lake: Lake) -> tuple[Release, Searcher]:
    """The release in force with its index and the embedder of its model. Raises ReleaseError before the first release."""
    with releases.open(corpus.name, lake).held() as held:
        return held.release, held.searcher


def model_searcher(corpus: Corpus, lake: Lake, key: str) -> Searcher:
    """The published index of a model, released or not, with the model's embedder. Raises ModelError and ReleaseError."""
    embedder = corpus.embedder(key, lake)
    index = lake.published(corpus.table("vector_index", key))
    if index is None:
        raise ReleaseError(
            f"nothing is indexed under {key}: run the job {corpus.name}_candidate for this key, or "
            f"`llmops run {corpus.name}`"
        )
    return Searcher(SearchIndex(index, corpus.settings.vector_index.index_settings()), embedder)


def evaluate_part(
    corpus: Corpus, lake: Lake, key: str, searcher: Searcher, part: str, released: bool = True
) -> list[dict[str, Any]]:
    """Evaluation rows of the index of model `key` on the questions of `part`; only the questions' vectors are recorded.

    At test questions that is a look, recorded first, unless the index is the one `released` or its configuration was in
    force before. Raises QuestionError where no look is left.
    """
    suites = corpus.suites
    if part == "test" and not released:
        candidacy = Candidacy.of(corpus, lake, searcher.index.snapshot, key)
        configuration = candidacy.candidate.configuration_identity
        spent = {} if candidacy.known else spend_looks(corpus, lake, suites, configuration, "llmops evaluate --test")
        if reasons := [reason for reason in spent.values() if reason]:
            raise QuestionError("; ".join(reasons))
    sources = corpus.index_with_sources(lake, searcher.index.snapshot)
    questions = collect_questions(suites, part, sources["source"], sources["documents"], sources["chunks"])
    forget_question_vectors(corpus, lake, key, searcher.embedder.dimension)
    writer = lake.writer(corpus.table("question_embeddings", key), schemas.embeddings(searcher.embedder.dimension))
    learned = Learned.of(corpus.model(key, lake).folder)
    return measure(searcher.index, searcher.embedder, questions, writer, learned=learned).rows


def same_corpus(one: Searcher, other: Searcher) -> bool:
    """Whether two indexes hold the same passages of the same documents, so that their figures can be compared."""
    lineages = [searcher.index.snapshot.summary["lineage"] for searcher in (one, other)]
    return lineages[0]["chunks"]["data_version"] == lineages[1]["chunks"]["data_version"]


def corpus_status(corpus: Corpus, lake: Lake) -> dict[str, Any]:
    """The release in force and every published table of a corpus, as JSON values."""
    release = Ledger(lake, corpus.name).in_force()
    released = f"{release.release_id} with {release.manifest.model_key}" if release else "no release"
    snapshots = [snapshot for name in corpus.tables(lake) if (snapshot := lake.published(name))]
    tables = [
        {"table": s.name, "version": s.version, "rows": s.count(), "data_version": s.data_version} for s in snapshots
    ]
    return {"corpus": corpus.name, "release": released, "tables": tables}
