"""However a folder is edited, the index that follows it equals one made from nothing, and only new text is embedded."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from benchmarks.same_lake import differing_columns, sorted_rows
from llmops_pipelines.corpus.chunking.passages import PassageChunker
from llmops_pipelines.corpus.chunking.protocol import Chunker
from llmops_pipelines.corpus.chunking.section_chunker import SectionChunker
from llmops_pipelines.corpus.chunking.tokenizer import ChunkTokenizer
from llmops_pipelines.embedding.model_folder import ModelFolder
from llmops_pipelines.embedding.torch_embedder import TorchEmbedder
from tests.embedding.tiny_models import tiny_model
from tests.index.edited_folder import Documents, Following, write_folder

NAMES = ("a.md", "b.txt", "it's.md", "shelf/a.md", "shelf/ü.md", "shelf/deep/c.rst")
STAYS = {"stays.md": "The moon and the sea are here all the time."}
PARAGRAPHS = (
    "The moon pulls the sea.",
    "The sea sees the moon, the moon sees the sea.",
    "Bees fly to the sea.",
    "The moon " * 15,
    "Short.",
    "the moon pulls the sea.",
    "Bread is made by the sea\nin two lines.",
)
HEADINGS = ("# Sea", "## Moon", "### The bees")
VECTOR_TOLERANCE = 1e-5  # a text is embedded beside others, padded to their length

texts = st.lists(st.sampled_from(PARAGRAPHS + HEADINGS), max_size=7).map("\n\n".join)
names = st.sampled_from(NAMES)
edits = st.one_of(
    st.tuples(st.just("write"), names, texts),  # inserted, or changed
    st.tuples(st.just("write"), names, texts),
    st.tuples(st.just("delete"), names),
    st.tuples(st.just("move"), names, names),  # to another folder, or another name
    st.tuples(st.just("duplicate"), names, names),
    st.tuples(st.just("back"), st.integers(0, 5)),
)


def edited(states: list[Documents], edit: tuple) -> Documents:
    """The last of `states` after an edit; an earlier one for `back`."""
    documents = dict(states[-1])
    kind, *what = edit
    if kind == "back":
        return states[what[0] % len(states)]
    if kind == "write":
        documents[what[0]] = what[1]
    elif what[0] in documents:
        text = documents[what[0]]
        if kind != "duplicate":
            del documents[what[0]]
        if kind != "delete":
            documents[what[1]] = text
    return documents


@pytest.fixture(scope="module")
def embedder(tmp_path_factory: pytest.TempPathFactory) -> TorchEmbedder:
    folder = tiny_model(tmp_path_factory.mktemp("model") / "tiny", window=32)
    return TorchEmbedder(ModelFolder("tiny", folder), "fp32")


@pytest.fixture(params=["passages", "sections"])
def chunker(request: pytest.FixtureRequest, embedder: TorchEmbedder) -> Chunker:
    tokenizer = ChunkTokenizer(embedder.model.tokenizer_path)
    return PassageChunker(tokenizer, 24) if request.param == "passages" else SectionChunker(tokenizer, 24, 12)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example({"a.md": "The moon pulls the sea."}, [[("write", "a.md", "")]])  # nothing but a deletion
@example({}, [[("write", "a.md", "The moon pulls the sea.")], [("write", "a.md", "")]])  # of a whole file of the table
@given(first=st.dictionaries(names, texts), changes=st.lists(st.lists(edits, min_size=1, max_size=4), max_size=4))
def test_an_index_that_follows_edits_equals_one_made_from_nothing(
    chunker: Chunker, embedder: TorchEmbedder, first: Documents, changes: list[list[tuple]]
) -> None:
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work) / "documents"
        following = Following(Path(work) / "lake", folder, chunker, embedder)
        states = [{**first, **STAYS}]
        known: set[str] = set()
        for change in [[], *changes]:
            for edit in change:
                states.append(edited(states, edit))
            write_folder(folder, states[-1])
            before = embedder.count.documents
            wanted = following.follow()
            assert embedder.count.documents - before == len(wanted - known)
            known |= wanted

        made = Following(Path(work) / "from_nothing", folder, chunker, embedder)
        assert made.follow() == wanted
        for table in ("documents", "clean_documents", "chunks", "index"):
            found, expected = following.table(table), made.table(table)
            assert found.data_version == expected.data_version, table
            assert not differing_columns(sorted_rows(found), sorted_rows(expected), VECTOR_TOLERANCE), table
        for words in ("moon sea", "bees", "bread lines"):
            assert following.found(words) == made.found(words)
