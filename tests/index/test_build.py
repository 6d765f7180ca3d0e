"""Building the index: what it holds, and that an incremental build equals one from scratch."""

from llmops_pipelines.index.build import IndexSettings
from llmops_pipelines.index.search import SearchIndex
from llmops_pipelines.storage import Lake
from llmops_pipelines.storage.identity import text_hash
from tests.index.hand_made import FINGERPRINT, HandMade, unit_vector

BEFORE = {
    "bees": ["Honey bees live in colonies.", "A forager dances on the comb."],
    "bread": ["Bread rises because of yeast.", "Sourdough needs a starter."],
    "tides": ["The moon pulls the sea."],
}
AFTER = {
    "bees": ["Honey bees live in colonies.", "A forager waggles on the comb."],  # one passage changed
    "tides": ["The moon pulls the sea.", "Spring tides are highest."],  # one added
    "wine": ["Wine ferments in barrels."],  # a document added, bread is gone
}


def words(index: SearchIndex, text: str) -> list[str]:
    return [hit.chunk_id for hit in index.full_text(text, 10)]


def test_a_row_holds_chunk_document_and_vector(lake: Lake) -> None:
    about = {"bees": {"collection": "animals", "kind": "article", "title": "Bees", "language": "en"}}
    report, index = HandMade(lake, about=about).build({"bees": ["Honey bees live in colonies."]})
    (row,) = index.snapshot.rows()
    vector = row.pop("vector")
    assert vector == unit_vector("Honey bees live in colonies.").tolist()
    del row["row_hash"]
    assert row == {
        "chunk_id": "bees#0",
        "doc_id": "bees",
        "ordinal": 0,
        "start": 0,
        "end": 28,
        "collection": "animals",
        "kind": "article",
        "title": "Bees",
        "language": "en",
        "text": "Honey bees live in colonies.",
        "content_hash": text_hash("Honey bees live in colonies."),
        "fingerprint": FINGERPRINT,
    }
    assert (report.rows, report.ann, report.indexes) == (1, False, ["FTS on text"])


def test_an_incremental_build_equals_one_from_scratch(lake: Lake) -> None:
    made = HandMade(lake)
    made.build(BEFORE)
    report, grown = made.build(AFTER)
    counts = report.counts
    assert (counts.added, counts.changed, counts.deleted, counts.unchanged) == (2, 1, 2, 2)
    assert counts.examples == {"added": ["tides#1", "wine#0"], "changed": ["bees#1"], "deleted": ["bread#0", "bread#1"]}

    scratch_report, scratch = made.build(AFTER, table="c.scratch")
    assert scratch_report.data_version == report.data_version
    order = [("chunk_id", "ascending")]
    assert grown.snapshot.arrow().sort_by(order).equals(scratch.snapshot.arrow().sort_by(order))
    for question in ("bees live in the comb", "moon tides", "wine", "yeast"):
        assert words(grown, question) == words(scratch, question)
        for kind in ("hybrid", "dense"):
            arguments = (question,) if kind == "hybrid" else ()
            found = [getattr(index, kind)(*arguments, unit_vector(question), 10) for index in (grown, scratch)]
            assert found[0] == found[1]


def test_new_text_is_found_and_deleted_text_is_gone(lake: Lake) -> None:
    made = HandMade(lake)
    _, before = made.build(BEFORE)
    _, after = made.build(AFTER)
    assert (words(before, "yeast"), words(after, "yeast")) == (["bread#0"], [])
    assert (words(before, "dances"), words(after, "dances")) == (["bees#1"], [])
    assert (words(before, "waggles"), words(after, "waggles")) == ([], ["bees#1"])
    assert (words(before, "ferments"), words(after, "ferments")) == ([], ["wine#0"])
    gone, new = unit_vector("Bread rises because of yeast."), unit_vector("Wine ferments in barrels.")
    assert before.dense(gone, 1)[0].chunk_id == "bread#0"
    assert after.dense(gone, 1)[0].chunk_id != "bread#0"
    assert after.dense(new, 1)[0].chunk_id == "wine#0"


def test_building_again_writes_nothing(lake: Lake) -> None:
    made = HandMade(lake)
    first, _ = made.build(BEFORE)
    second, _ = made.build(BEFORE)
    counts = second.counts
    assert (counts.added, counts.changed, counts.deleted, counts.unchanged) == (0, 0, 0, 5)
    assert second.data_version == first.data_version


def test_metadata_of_a_document_reaches_its_rows(lake: Lake) -> None:
    HandMade(lake).build(BEFORE)
    report, index = HandMade(lake, about={"bees": {"title": "All about bees"}}).build(BEFORE)
    assert (report.counts.changed, report.counts.unchanged) == (2, 3)
    assert {row["title"] for row in index.snapshot.rows(["title"], "doc_id = 'bees'")} == {"All about bees"}


def test_full_text_settings_take_effect_on_a_table_that_has_an_index(lake: Lake) -> None:
    made = HandMade(lake)
    _, stemmed = made.build(BEFORE)
    _, exact = made.build(BEFORE, IndexSettings(stem=False, stop_words=False))
    assert (words(stemmed, "dance"), words(exact, "dance")) == (["bees#1"], [])
    assert (words(stemmed, "the"), sorted(words(exact, "the"))) == ([], ["bees#1", "tides#0"])
    _, again = made.build(BEFORE)
    assert words(again, "dance") == ["bees#1"]


def test_another_weight_of_dense_scores_is_another_index_of_the_same_rows(lake: Lake) -> None:
    made = HandMade(lake)
    before, _ = made.build(BEFORE)
    after, index = made.build(BEFORE, IndexSettings(hybrid_weight=0.25))
    assert (after.counts.unchanged, after.counts.changed) == (5, 0)
    assert after.data_version != before.data_version
    assert index.settings.hybrid_weight == 0.25
