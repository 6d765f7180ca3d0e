"""Reading what is released: searching, evaluating and describing it. What the command line and applications call."""

from typing import Any

from llmops_pipelines.embedding.torch_embedder import shared_embedder
from llmops_pipelines.evaluation.figures import SetFigures, figures
from llmops_pipelines.evaluation.measure import collect_questions, measure
from llmops_pipelines.index.search import Searcher, SearchIndex
from llmops_pipelines.orchestration.corpus import Corpus
from llmops_pipelines.release.releases import Release, ReleaseError, Releases
from llmops_pipelines.storage import schemas
from llmops_pipelines.storage.lake import Lake


def released_searcher(corpus: Corpus, lake: Lake) -> tuple[Release, Searcher]:
    """The release in force with its index and the embedder of its model. Raises ReleaseError before the first release."""
    releases = Releases(lake, corpus.name)
    release = releases.in_force()
    if release is None:
        raise ReleaseError(
            f"corpus {corpus.name} has no release in the lake {lake.uri}: run `llmops run {corpus.name}`, "
            "or materialise its assets in the UI"
        )
    index = SearchIndex(releases.open_index(release), corpus.settings.vector_index.index_settings())
    model = corpus.model(release.manifest.model_key)
    return release, Searcher(index, shared_embedder(model, corpus.settings.embeddings.precision))


def evaluate_release(corpus: Corpus, lake: Lake, part: str) -> tuple[Release, list[SetFigures]]:
    """The figures of the release in force on the questions of `part`. Nothing is recorded but the questions' vectors."""
    release, searcher = released_searcher(corpus, lake)
    section = corpus.settings.evaluation
    sources = corpus.index_with_sources(lake, searcher.index.snapshot)
    questions = collect_questions(
        section.files(corpus.folder), section.known_items, part, sources["documents"], sources["chunks"]
    )
    table = corpus.table("question_embeddings", release.manifest.model_key)
    writer = lake.writer(table, schemas.embeddings(searcher.embedder.dimension))
    return release, figures(measure(searcher.index, searcher.embedder, questions, writer).rows)


def corpus_status(corpus: Corpus, lake: Lake) -> dict[str, Any]:
    """The release in force and every published table of a corpus, as JSON values."""
    release = Releases(lake, corpus.name).in_force()
    released = f"{release.release_id} with {release.manifest.model_key}" if release else "no release"
    names = [name for name in lake.names() if name.startswith(f"{corpus.name}.")]
    snapshots = [snapshot for name in names if (snapshot := lake.published(name))]
    tables = [
        {"table": s.name, "version": s.version, "rows": s.count(), "data_version": s.data_version} for s in snapshots
    ]
    return {"corpus": corpus.name, "release": released, "tables": tables}
