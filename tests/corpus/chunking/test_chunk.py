"""The chunks table: equal to cutting every document from scratch, whatever was staged or published before."""

from dataclasses import asdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmops_pipelines.corpus.chunking.chunk import ChunkReport, chunk_documents, chunk_gates
from llmops_pipelines.corpus.chunking.passages import PassageChunker
from llmops_pipelines.corpus.chunking.protocol import Chunker
from llmops_pipelines.corpus.chunking.tokenizer import ChunkTokenizer
from llmops_pipelines.corpus.chunking.whole_document import WholeDocumentChunker
from llmops_pipelines.storage import Lake, Snapshot, SyncCounts
from llmops_pipelines.storage.identity import text_hash
from llmops_pipelines.storage.schemas import CHUNKS
from tests.corpus.tables import publish_clean_documents, rows_by_key

BEES = "# Bees\n\nBees live in colonies of many workers.\n\n## Dance\n\nA forager dances on the comb."
BREAD = "# Bread\n\nBread rises because yeast turns sugar into gas.\n\nSourdough is leavened by wild yeast."
TIDES = "The moon pulls the sea, so that most coasts see two high waters a day. " * 4
DROPPED = frozenset({"dropped"})


@pytest.fixture(scope="session")
def chunkers(tokenizer: ChunkTokenizer, small: PassageChunker) -> dict[str, Chunker]:
    return {"16": small, "24": PassageChunker(tokenizer, 24), "whole": WholeDocumentChunker(tokenizer)}


def staged(lake: Lake, chunker: Chunker, documents: Snapshot) -> ChunkReport:
    return chunk_documents(chunker, documents, lake.writer("chunks", CHUNKS), lake.published("chunks"))


def chunked(lake: Lake, chunker: Chunker, documents: Snapshot) -> ChunkReport:
    report = staged(lake, chunker, documents)
    lake.writer("chunks", CHUNKS).publish(report.data_version, "inputs", report.as_dict())
    return report


def stored(lake: Lake) -> dict[str, dict]:
    """What is stored now, published or not, without the hashes of rows."""
    rows = rows_by_key(lake.writer("chunks", CHUNKS).staged(), "chunk_id")
    return {key: {k: v for k, v in row.items() if k != "row_hash"} for key, row in rows.items()}


def from_scratch(chunker: Chunker, texts: dict[str, str]) -> dict[str, dict]:
    """The rows as they must be: every document cut anew."""
    return {
        f"{doc_id}#{ordinal}": {
            "chunk_id": f"{doc_id}#{ordinal}",
            "doc_id": doc_id,
            "ordinal": ordinal,
            **asdict(passage),
            "content_hash": text_hash(passage.text),
            "document_hash": text_hash(text),
            "chunker": chunker.identity,
        }
        for doc_id, text in texts.items()
        if doc_id not in DROPPED
        for ordinal, passage in enumerate(chunker.split(text))
    }


def test_the_passages_of_kept_documents_are_stored_and_counted(lake: Lake, chunkers: dict[str, Chunker]):
    texts = {"bees": BEES, "copy": BEES, "dropped": BREAD, "blank": " "}
    report = chunked(lake, chunkers["16"], publish_clean_documents(lake, texts, DROPPED))
    rows = stored(lake)
    assert rows == from_scratch(chunkers["16"], texts)
    assert sorted(rows) == ["bees#0", "bees#1", "copy#0", "copy#1"]
    assert (report.documents, report.documents_reused, report.chunks, report.distinct_texts) == (3, 0, 4, 2)
    assert report.tokens == sum(row["tokens"] for row in rows.values())
    assert report.longest_tokens == max(row["tokens"] for row in rows.values())
    assert report.counts.added == 4


def test_only_changed_documents_are_cut_again(lake: Lake, chunkers: dict[str, Chunker]):
    chunked(lake, chunkers["16"], publish_clean_documents(lake, {"bees": BEES, "bread": BREAD, "gone": "x"}))
    texts = {"bees": BEES, "bread": BREAD.replace("gas", "carbon dioxide"), "new": "A new one."}
    report = chunked(lake, chunkers["16"], publish_clean_documents(lake, texts))
    assert stored(lake) == from_scratch(chunkers["16"], texts)
    assert report.documents_reused == 1
    assert report.counts == SyncCounts(
        added=1,
        changed=2,
        deleted=1,
        unchanged=2,
        examples={"changed": ["bread#0", "bread#1"], "added": ["new#0"], "deleted": ["gone#0"]},
    )

    again = chunked(lake, chunkers["16"], publish_clean_documents(lake, texts))
    assert (again.documents_reused, again.counts) == (3, SyncCounts(unchanged=5))
    assert again.data_version == report.data_version
    sizes = ("documents", "chunks", "distinct_texts", "tokens", "longest_tokens")
    assert [getattr(again, size) for size in sizes] == [getattr(report, size) for size in sizes]


def test_a_document_that_shrinks_leaves_no_chunk_behind(lake: Lake, chunkers: dict[str, Chunker]):
    chunked(lake, chunkers["16"], publish_clean_documents(lake, {"tides": TIDES, "bees": BEES}))
    texts = {"tides": "The moon.", "bees": BEES}
    report = chunked(lake, chunkers["16"], publish_clean_documents(lake, texts))
    assert sorted(stored(lake)) == ["bees#0", "bees#1", "tides#0"]
    assert report.counts.deleted == len(chunkers["16"].split(TIDES)) - 1


def test_rows_of_an_interrupted_first_run_do_not_leak(lake: Lake, chunkers: dict[str, Chunker]):
    texts = {"bees": BEES, "bread": BREAD, "tides": TIDES}
    documents = publish_clean_documents(lake, texts)
    staged(lake, chunkers["whole"], documents)
    assert chunked(lake, chunkers["16"], documents).documents_reused == 0
    assert stored(lake) == from_scratch(chunkers["16"], texts)


@pytest.mark.parametrize("interrupted", ["16", "24", "whole"])
@pytest.mark.parametrize("name", ["16", "24", "whole"])
def test_rows_of_an_interrupted_run_with_other_settings_do_not_leak(
    lake: Lake, chunkers: dict[str, Chunker], name: str, interrupted: str
):
    texts = {"bees": BEES, "bread": BREAD, "tides": TIDES}
    documents = publish_clean_documents(lake, texts)
    chunked(lake, chunkers[name], documents)
    staged(lake, chunkers[interrupted], documents)
    report = chunked(lake, chunkers[name], documents)
    assert stored(lake) == from_scratch(chunkers[name], texts)
    assert report.counts == SyncCounts(unchanged=len(stored(lake)))


RUNS = st.tuples(
    st.dictionaries(
        st.sampled_from(["a", "b", "a#1", "dropped"]), st.sampled_from([BEES, BREAD, TIDES, "One.", " "]), min_size=1
    ),
    st.sampled_from(["16", "24", "whole"]),
    st.booleans(),
)


@settings(deadline=None, max_examples=20)
@given(runs=st.lists(RUNS, min_size=2, max_size=4))
def test_every_run_equals_one_from_scratch(tmp_path_factory: pytest.TempPathFactory, chunkers, runs):
    lake = Lake(str(tmp_path_factory.mktemp("lake")))
    readers_see: dict[str, dict] = {}
    for texts, name, publish in runs:
        documents = publish_clean_documents(lake, texts, DROPPED)
        report = (chunked if publish else staged)(lake, chunkers[name], documents)
        rows = stored(lake)
        assert rows == from_scratch(chunkers[name], texts)
        assert report.chunks == len(rows)
        assert report.counts.deleted == len(readers_see.keys() - rows.keys())
        assert report.counts.added == len(rows.keys() - readers_see.keys())
        assert all(
            gate.passed for gate in chunk_gates(chunkers[name], documents, lake.writer("chunks", CHUNKS).staged())
        )
        readers_see = rows if publish else readers_see


def test_gates_name_what_is_too_long_left_out_or_without_a_document(lake: Lake, chunkers: dict[str, Chunker]):
    documents = publish_clean_documents(lake, {"bees": BEES, "bread": BREAD, "tides": TIDES})
    staged(lake, chunkers["24"], documents)
    writer = lake.writer("chunks", CHUNKS)
    too_long = {key for key, row in stored(lake).items() if row["tokens"] > 16}
    writer.delete(["bread#0"])
    fewer = publish_clean_documents(lake, {"bees": BEES, "bread": BREAD, "tides": TIDES}, frozenset({"tides"}))
    gates = {gate.name: gate for gate in chunk_gates(chunkers["16"], fewer, writer.staged())}
    assert {name: gate.passed for name, gate in gates.items()} == {
        "token_bound": False,
        "coverage": False,
        "no_orphans": False,
    }
    assert gates["token_bound"].metadata["offending"] == sorted(too_long - {"bread#0"})
    assert gates["coverage"].metadata["offending"] == ["bread"]
    assert gates["no_orphans"].metadata["offending"] == ["tides"]
