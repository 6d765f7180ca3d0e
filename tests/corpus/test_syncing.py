"""Syncing documents with their source: what is added, changed, deleted or kept, and the gates that refuse."""

from pathlib import Path

import pytest

from llmops_pipelines.corpus.sources.directory import DirectorySource
from llmops_pipelines.corpus.syncing import DocumentSync, loss_gate, sync_documents
from llmops_pipelines.quality.gates import GateFailedError
from llmops_pipelines.storage import Lake, LakeError, Snapshot, SyncCounts
from llmops_pipelines.storage.schemas import DOCUMENTS


def staged(lake: Lake, folder: Path, max_loss: float = 0.5, **options) -> DocumentSync:
    writer = lake.writer("documents", DOCUMENTS)
    return sync_documents(DirectorySource(str(folder), **options), writer, lake.published("documents"), max_loss)


def synced(lake: Lake, folder: Path, max_loss: float = 0.5, **options) -> DocumentSync:
    found = staged(lake, folder, max_loss, **options)
    lake.writer("documents", DOCUMENTS).publish(found.data_version, "inputs", found.as_dict())
    return found


def texts(lake: Lake) -> dict[str, str]:
    snapshot = lake.published("documents")
    assert isinstance(snapshot, Snapshot)
    return {row["doc_id"]: row["text"] for row in snapshot.rows(["doc_id", "text"])}


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    folder = tmp_path / "shelf"
    (folder / "sea").mkdir(parents=True)
    for name in ("a", "b", "c"):
        (folder / f"{name}.md").write_text(f"text {name}")
    (folder / "sea" / "d.txt").write_text("text d")
    return folder


def test_a_first_sync_adds_everything(lake: Lake, shelf: Path):
    (shelf / "picture.png").write_bytes(b"\x89PNG")
    found = synced(lake, shelf)
    assert found.counts == SyncCounts(added=4, examples={"added": ["a.md", "b.md", "c.md", "sea/d.txt"]})
    assert (found.rows, found.collections) == (4, {".": 3, "sea": 1})
    assert found.skipped == {"unknown file type": 1}
    assert found.skipped_examples[0].startswith("picture.png: unknown file type (.png suffix;")
    assert [(gate.name, gate.passed) for gate in found.gates] == [("not_empty", True), ("no_mass_deletion", True)]
    assert texts(lake) == {"a.md": "text a", "b.md": "text b", "c.md": "text c", "sea/d.txt": "text d"}


def test_added_changed_deleted_and_unchanged_are_counted_with_examples(lake: Lake, shelf: Path):
    first = synced(lake, shelf)
    (shelf / "a.md").write_text("changed")
    (shelf / "b.md").unlink()
    (shelf / "e.md").write_text("new")
    found = synced(lake, shelf)
    assert found.counts == SyncCounts(
        added=1,
        changed=1,
        deleted=1,
        unchanged=2,
        examples={"changed": ["a.md"], "added": ["e.md"], "deleted": ["b.md"]},
    )
    assert texts(lake) == {"a.md": "changed", "c.md": "text c", "e.md": "new", "sea/d.txt": "text d"}
    assert found.data_version != first.data_version

    again = synced(lake, shelf)
    assert again.counts == SyncCounts(unchanged=4)
    assert again.data_version == found.data_version


def test_a_sync_that_was_not_published_is_not_counted_twice(lake: Lake, shelf: Path):
    synced(lake, shelf)
    (shelf / "a.md").write_text("changed")
    (shelf / "b.md").unlink()
    first = staged(lake, shelf)
    assert texts(lake)["a.md"] == "text a"
    second = synced(lake, shelf)
    assert first.counts == second.counts
    assert (second.counts.changed, second.counts.deleted, second.counts.unchanged) == (1, 1, 2)
    assert texts(lake) == {"a.md": "changed", "c.md": "text c", "sea/d.txt": "text d"}


def test_a_source_that_lost_most_of_its_documents_is_refused_and_nothing_is_deleted(lake: Lake, shelf: Path):
    synced(lake, shelf)
    for name in ("a.md", "b.md", "c.md"):
        (shelf / name).unlink()
    with pytest.raises(GateFailedError, match="no_mass_deletion: the source has lost 3 of 4 documents") as caught:
        staged(lake, shelf)
    assert caught.value.gate.metadata == {
        "lost": 3,
        "before": 4,
        "share": 0.75,
        "max_loss": 0.5,
        "offending": ["a.md", "b.md", "c.md"],
    }
    assert lake.writer("documents", DOCUMENTS).staged().count() == 4
    assert synced(lake, shelf, max_loss=0.75).counts.deleted == 3
    assert list(texts(lake)) == ["sea/d.txt"]


def test_renaming_everything_is_a_loss_too(lake: Lake, shelf: Path):
    synced(lake, shelf)
    for path in sorted(shelf.glob("*.md")):
        path.rename(path.with_suffix(".txt"))
    with pytest.raises(GateFailedError, match="lost 3 of 4 documents"):
        staged(lake, shelf)
    assert set(lake.writer("documents", DOCUMENTS).column("doc_id")) >= {"a.md", "b.md", "c.md", "sea/d.txt"}


@pytest.mark.parametrize(("lost", "passed"), [(0, True), (5, True), (6, False), (10, False)])
def test_the_bound_of_the_loss_gate_is_inclusive(lost: int, passed: bool):
    before = [str(number) for number in range(10)]
    assert loss_gate(before, [*before[lost:], "new"], 0.5).passed == passed


def test_a_first_sync_has_nothing_to_lose():
    assert loss_gate([], [], 0.0).passed


def test_an_empty_source_is_refused_and_says_what_it_passed_over(lake: Lake, shelf: Path, tmp_path: Path):
    synced(lake, shelf)
    (tmp_path / "empty").mkdir()
    with pytest.raises(
        GateFailedError, match=r"the source has no documents \(nothing was found\); nothing was deleted"
    ):
        staged(lake, tmp_path / "empty", max_loss=1.0)
    (tmp_path / "empty" / "x.png").write_bytes(b"")
    with pytest.raises(GateFailedError, match=r"\(1 skipped as unknown file type\)"):
        staged(lake, tmp_path / "empty", max_loss=1.0)
    assert lake.writer("documents", DOCUMENTS).staged().count() == 4


def make_unreadable(file: Path) -> None:
    """Also for root: a link to nowhere."""
    file.unlink()
    file.symlink_to("nowhere")


def test_a_file_that_becomes_unreadable_keeps_its_stored_row(lake: Lake, shelf: Path):
    synced(lake, shelf)
    make_unreadable(shelf / "a.md")
    (shelf / "b.md").write_bytes(b"caf\xe9")
    (shelf / "c.md").unlink()
    found = synced(lake, shelf)
    assert found.counts == SyncCounts(deleted=1, unchanged=3, examples={"deleted": ["c.md"]})
    assert found.kept_despite_skip == 2
    assert found.skipped == {"invalid encoding": 1, "unreadable": 1}
    assert texts(lake) == {"a.md": "text a", "b.md": "text b", "sea/d.txt": "text d"}


@pytest.mark.parametrize("name", ["faq.jsonl", "c#/faq.jsonl", "c#/faq#1.jsonl"])
def test_the_records_of_a_file_that_becomes_malformed_stay(lake: Lake, shelf: Path, name: str):
    (shelf / name).parent.mkdir(exist_ok=True)
    (shelf / name).write_text('{"id": "one", "text": "1"}\n{"id": "https://x/#two", "text": "2"}\n')
    synced(lake, shelf)
    (shelf / name).write_text('{"id": "one", "text": "changed"}\n{"id"\n')
    found = synced(lake, shelf)
    assert found.counts == SyncCounts(unchanged=6)
    assert found.kept_despite_skip == 2
    assert {key: text for key, text in texts(lake).items() if key.startswith(name)} == {
        f"{name}#one": "1",
        f"{name}#https://x/#two": "2",
    }


def test_a_file_that_grows_too_large_stays_as_it_was_stored(lake: Lake, shelf: Path):
    synced(lake, shelf)
    (shelf / "a.md").write_text("x" * 100)
    found = synced(lake, shelf, max_bytes=50)
    assert found.counts == SyncCounts(unchanged=4)
    assert (found.skipped, found.kept_despite_skip) == ({"too large": 1}, 1)


def test_documents_with_names_and_texts_that_no_file_should_have_can_be_stored(lake: Lake, shelf: Path):
    for number, name in enumerate(("it's", 'a "b"', "100%", "漢字", "sp ace", "new\nline")):
        (shelf / f"{name}.md").write_text(f"{number}")
    (shelf / "half.jsonl").write_text(r'{"id": "\u0000", "text": "half \ud83d"}')
    assert synced(lake, shelf).counts.added == 11
    for path in [*shelf.glob("*.md"), shelf / "half.jsonl"]:
        path.unlink()
    assert synced(lake, shelf, max_loss=1.0).counts.deleted == 10
    assert list(texts(lake)) == ["sea/d.txt"]


def test_progress_counts_the_documents(lake: Lake, shelf: Path):
    seen: list[int] = []
    writer = lake.writer("documents", DOCUMENTS)
    sync_documents(DirectorySource(str(shelf)), writer, None, 0.5, seen.append)
    assert seen == [1, 2, 3, 4]


def test_a_lake_that_cannot_be_written_stops_the_sync(shelf: Path):
    lake = Lake(str(shelf / "a.md" / "lake"))
    with pytest.raises(LakeError, match=r"shelf/a\.md/lake"):
        staged(lake, shelf)
