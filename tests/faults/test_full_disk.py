"""The disk fills up in every stage: what was published stays, the error says so, and with room all is as undisturbed."""

import datetime
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path

import dagster as dg
import pytest

from benchmarks.forked_life import STAGES as LIFE
from benchmarks.same_lake import differences
from llmops_pipelines.orchestration.corpus import Corpus
from llmops_pipelines.orchestration.serving import released_searcher
from llmops_pipelines.orchestration.settings import CorpusSettings
from llmops_pipelines.storage import Lake, LakeError
from llmops_pipelines.storage.maintenance import maintain, table_size
from tests.conftest import ARTICLES, QUESTIONS
from tests.dagster_runs import failures, judge_published, run_job
from tests.faults.small_disk import SmallDisk, pages, small_disk
from tests.storage.notes import NOTES, texts
from tests.storage.notes import published as published_notes
from tests.suite_files import write_suite

STAGES = (*LIFE, "maintenance")
# Of what is written: nothing goes at first, then it fails where it happens to.
SHARES = (0.0, 0.3, 0.6, 0.9)
LATE = "tides.md"
# Published within a stage, before its own table.
BESIDE = {"embedding_runs", "question_embeddings", "question_pins", "looks"}


class Undisturbed:
    """The life of a corpus on a disk with room, for all documents but one, which comes when that is released.

    `before` is the lake before each stage of the second life, and `writes` what the stage writes.
    """

    def __init__(self, folder: Path) -> None:
        self.earlier = _corpus(folder / "earlier", set(ARTICLES) - {LATE})
        self.corpus = _corpus(folder / "corpus", set(ARTICLES))
        self.first, lake = folder / "first", folder / "lake"
        assert run(self.earlier, self.first, *LIFE).success
        shutil.copytree(self.first, lake)
        self.before: dict[str, Path] = {}
        self.writes: dict[str, int] = {}
        for stage in STAGES:
            if stage == "release":
                judge_published(self.corpus, Lake(str(lake)))
            self.before[stage] = folder / f"before_{stage}"
            shutil.copytree(lake, self.before[stage])
            assert run(self.corpus, lake, stage).success
            self.writes[stage] = pages(lake) - pages(self.before[stage])
        self.lake = Lake(str(lake))


def _corpus(folder: Path, names: Collection[str]) -> Corpus:
    for name in names:
        (folder / "documents" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "documents" / name).write_text(ARTICLES[name], "utf-8")
    (folder / "questions.jsonl").write_text(QUESTIONS, "utf-8")
    write_suite(folder)
    raw = {
        "name": "articles",
        "source": {"type": "directory", "uri": "documents"},
        "evaluation": {"suites": ["written.yaml"], "known_items": 0},
    }
    return Corpus(CorpusSettings.model_validate(raw), folder)


def run(corpus: Corpus, lake: Path, *stages: str) -> dg.ExecuteInProcessResult:
    job = "maintenance" if stages == ("maintenance",) else "life"
    with dg.DagsterInstance.ephemeral() as instance:
        return run_job(corpus, instance, str(lake), job, stages=stages)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    return Undisturbed(tmp_path_factory.mktemp("undisturbed"))


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "disk") as mounted:
        yield mounted


def published(lake: Lake) -> dict[str, tuple[int, str]]:
    snapshots = [snapshot for name in lake.names() if (snapshot := lake.published(name))]
    return {snapshot.name: (snapshot.count(), snapshot.data_version) for snapshot in snapshots}


def answer(corpus: Corpus, lake: Lake) -> str:
    """The document that the release in force finds."""
    return released_searcher(corpus, lake)[1].search("insects that dance", limit=1)[0].doc_id


def require_explained(result: dg.ExecuteInProcessResult, lake: Lake) -> None:
    for why in failures(result):
        assert f"in the lake {lake.uri}" in why
        assert "the disk is full" in why
        assert "Make room there" in why


@pytest.mark.parametrize("stage", STAGES)
def test_what_is_published_stays_and_the_next_run_with_room_ends_as_an_undisturbed_one(
    stage: str, disk: SmallDisk, undisturbed: Undisturbed
) -> None:
    corpus, lake = undisturbed.corpus, Lake(str(disk.folder / "lake"))
    shutil.copytree(undisturbed.before[stage], lake.uri)
    for share in SHARES:
        before = published(lake)
        disk.leave(int(share * undisturbed.writes[stage]))
        result = run(corpus, Path(lake.uri), stage)
        assert not (result.success and share == 0)
        require_explained(result, lake)
        after = published(lake)
        changed = {name.split(".")[1] for name in before if before[name] != after.get(name)}
        assert result.success or changed <= BESIDE
        assert answer(corpus, lake) == "bees.md"

    disk.make_room()
    for left in STAGES[STAGES.index(stage) :]:
        if left == "release" != stage:
            judge_published(corpus, lake)
        assert run(corpus, Path(lake.uri), left).success
    assert differences(lake, undisturbed.lake) == []


def test_a_first_life_that_finds_no_room_time_and_again_ends_as_an_undisturbed_one(
    disk: SmallDisk, undisturbed: Undisturbed
) -> None:
    corpus, lake = undisturbed.earlier, Lake(str(disk.folder / "lake"))
    Path(lake.uri).mkdir()
    for share in (0.0, 0.15, 0.3, 0.45, 0.6, 0.75):
        left = int(share * pages(undisturbed.first)) - pages(Path(lake.uri))
        disk.leave(max(0, left))
        result = run(corpus, Path(lake.uri), *LIFE)
        assert not result.success
        require_explained(result, lake)
    disk.make_room()
    assert run(corpus, Path(lake.uri), *LIFE).success
    assert differences(lake, Lake(str(undisturbed.first))) == []
    assert answer(corpus, lake) == "bees.md"


def test_maintenance_makes_room_on_a_disk_that_has_none(disk: SmallDisk) -> None:
    lake = Lake(str(disk.folder / "lake"))
    published_notes(lake, {f"note {i}": f"{i} first " * 40_000 for i in range(10)})
    notes = {f"note {i}": f"{i} second " * 10_000 for i in range(10)}
    for number in (4, 7, 10):  # in several files, which compaction would put together
        kept = published_notes(lake, dict(list(notes.items())[:number]))
    disk.leave(0)
    before = table_size(lake, "notes")
    with pytest.raises(LakeError, match="the disk is full"):
        lake.writer("notes", NOTES).upsert_rows([{"note": "note 10", "text": "third", "row_hash": ""}])
    done = maintain(lake, "notes", datetime.datetime.now(datetime.UTC))
    assert done.after.bytes < before.bytes / 2
    assert texts(kept) == notes
    assert published_notes(lake, {"note 10": "third"}).count() == 1
