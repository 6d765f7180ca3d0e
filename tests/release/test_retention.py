"""Retention: what a rollback may name is kept, what is in force or was a moment ago as well, and the rest goes."""

import datetime

import pytest

from llmops_pipelines.release.ledger import pin
from llmops_pipelines.release.manifest import ReleaseError
from llmops_pipelines.release.releases import Releases
from llmops_pipelines.release.retention import retain
from llmops_pipelines.storage import Lake
from llmops_pipelines.storage.maintenance import maintain, maintain_appended
from tests.index.hand_made import HandMade
from tests.release.made import manifest, release, texts

LATER = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=8)  # all that is done here was long ago then
BEFORE = LATER - datetime.timedelta(days=16)
CONTENTS = [{f"d{i}": [f"passage {i}"]} for i in range(5)]


@pytest.fixture
def releases(lake: Lake) -> Releases:
    """Five releases."""
    found, made = Releases(lake, "c"), HandMade(lake)
    for passages in CONTENTS:
        release(made, found, passages)
    return found


def pinned(releases: Releases) -> list[str]:
    """The releases whose version is kept."""
    tags = releases.lake.tags("c.index")
    return [row.release_id for row in releases.history() if pin(row.manifest) in tags]


def removed(releases: Releases, *numbers: int) -> list[str]:
    versions = [releases.history()[number - 1].manifest.index_version for number in numbers]
    return [f"c.index@{version}" for version in versions]


def nameable(releases: Releases) -> list[str]:
    return [standing.release.release_id for standing in releases.standings() if standing.nameable]


def test_the_newest_contents_are_kept_and_the_others_can_be_cleaned(releases: Releases, lake: Lake) -> None:
    assert retain(releases, 3, LATER) == removed(releases, 1, 2)
    assert pinned(releases) == nameable(releases) == ["r0003", "r0004", "r0005"]
    assert [standing.state for standing in releases.standings()][:2] == ["no longer kept"] * 2
    with pytest.raises(ReleaseError, match=r"r0001 to go back to \(no longer kept\); .* are r0003, r0004"):
        releases.rollback("me", "far back", "r0001")
    HandMade(lake).build({"d9": ["passage 9"]})
    maintain(lake, "c.index", LATER)
    assert [bool(standing.invalid) for standing in releases.standings()] == [True, True, False, False, False]
    assert releases.complaints() == [], "what was cleaned away on purpose is no news"
    assert releases.rollback("me", "back", "r0003").about == 3
    assert texts(releases) == ["passage 2"]
    assert retain(releases, 3, LATER) == []


def test_what_is_in_force_is_kept_however_old_it_is(releases: Releases) -> None:
    releases.rollback("me", "back to the first", "r0001")
    assert retain(releases, 1, LATER) == removed(releases, 2, 3, 4, 5)
    assert texts(releases) == ["passage 0"]
    assert pinned(releases) == ["r0001", "r0006"]


def test_what_somebody_may_still_be_reading_is_kept(releases: Releases) -> None:
    assert retain(releases, 1, BEFORE) == []
    releases.withdraw("me", "wrong")
    assert retain(releases, 1, BEFORE) == []
    assert retain(releases, 1, LATER) == removed(releases, 1, 2, 3, 5)
    assert texts(releases) == ["passage 3"]


def test_withdrawn_contents_take_no_place_on_the_way_back(releases: Releases) -> None:
    releases.withdraw("me", "wrong", "r0004")
    retain(releases, 3, LATER)
    assert nameable(releases) == ["r0002", "r0003", "r0005"]


def test_of_a_repaired_content_the_repair_is_kept(releases: Releases, lake: Lake) -> None:
    made = HandMade(lake)
    made.build(CONTENTS[0])
    releases.repair(manifest(made.build(CONTENTS[4])[1]), "me", "repair")
    assert retain(releases, 2, LATER) == removed(releases, 1, 2, 3, 5)
    assert nameable(releases) == ["r0004", "r0006"]


def test_before_the_first_release_there_is_nothing_to_keep(lake: Lake) -> None:
    HandMade(lake).build(CONTENTS[0])
    assert retain(Releases(lake, "c"), 10, LATER) == []


def test_the_pin_of_a_release_that_was_killed_goes(releases: Releases, lake: Lake) -> None:
    index = HandMade(lake).build({"d9": ["passage 9"]})[1].snapshot
    lake.tag(index, f"release-{index.version}")
    lake.tag(index, "mine")
    assert retain(releases, 10, BEFORE) == [f"c.index@{index.version}"]
    assert lake.tags("c.index")["mine"] == index.version


def test_a_pin_that_somebody_took_off_what_is_in_force_is_put_on_again(releases: Releases, lake: Lake) -> None:
    current = releases.history()[-1].manifest
    lake.untag("c.index", pin(current))
    assert retain(releases, 10, BEFORE) == []
    assert lake.tags("c.index")[pin(current)] == current.index_version


def test_another_corpus_keeps_its_own(releases: Releases, lake: Lake) -> None:
    made = HandMade(lake)
    index = made.build(CONTENTS[0], table="c2.index")[1]
    other = Releases(lake, "c2")
    other.release(manifest(index), "me", "the first")
    retain(releases, 1, LATER)
    assert other.in_force() is not None
    assert pin(other.history()[0].manifest) in lake.tags("c2.index")


def test_the_history_itself_is_put_together_and_keeps_every_row(releases: Releases, lake: Lake) -> None:
    reader = Releases(Lake(lake.uri), "c")
    before = reader.history()
    done = maintain_appended(lake, "c.releases", LATER)
    assert done.after.versions < done.before.versions
    assert reader.history() == Releases(lake, "c").history() == before
    releases.rollback("me", "back")
    assert len(reader.history()) == len(before) + 1
    again = maintain_appended(lake, "c.releases", LATER)
    assert again.note == ""
    assert Releases(lake, "c").complaints() == []
    assert len(lake.database.open_table("c.releases").to_lance().get_fragments()) == 1
