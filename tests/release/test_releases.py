"""Releases: what is in force, the way back, and a history that is only ever appended to."""

import datetime
from dataclasses import asdict, replace
from itertools import pairwise

import pytest

from llmops_pipelines.index.build import IndexSettings
from llmops_pipelines.index.search import SearchIndex
from llmops_pipelines.release.releases import Manifest, Release, ReleaseError, Releases
from llmops_pipelines.storage import Lake
from tests.index.hand_made import FINGERPRINT, HandMade

ONE = {"bees": ["Honey bees live in colonies."]}
TWO = {"bread": ["Bread rises because of yeast."]}
THREE = {"tides": ["The moon pulls the sea."]}


def manifest(index: SearchIndex, **changed: object) -> Manifest:
    made = Manifest(
        model_key="model-ffffffff",
        fingerprint=FINGERPRINT,
        index_table=index.snapshot.name,
        index_version=index.snapshot.version,
        index_identity=index.snapshot.data_version,
        corpus_version="corpus",
        cleaner="cleaner",
        chunker="chunker",
        evaluation=None,
    )
    return replace(made, **changed)  # type: ignore[arg-type]


@pytest.fixture
def made(lake: Lake) -> HandMade:
    return HandMade(lake)


@pytest.fixture
def releases(lake: Lake) -> Releases:
    return Releases(lake, "c")


def release(made: HandMade, releases: Releases, passages: dict[str, list[str]]) -> Release:
    return releases.release(manifest(made.build(passages)[1]), "me", "because")


def names(found: list[Release]) -> list[str]:
    return [f"{entry.release_id} {entry.action}" for entry in found]


def texts(releases: Releases) -> list[str]:
    """What readers of the release in force see."""
    current = releases.in_force()
    assert current is not None
    return releases.open_index(current).arrow(["text"])["text"].to_pylist()


def test_before_the_first_release_nothing_is_in_force(releases: Releases) -> None:
    assert releases.in_force() is None
    assert releases.history() == []


def test_the_first_release_is_stored_as_it_was_made(made: HandMade, releases: Releases) -> None:
    wanted = manifest(made.build(ONE)[1], evaluation="e" * 64)
    before = datetime.datetime.now(datetime.UTC)
    first = releases.release(wanted, requested_by="run 7", reason="the first")
    assert asdict(first) | {"released_at": None} == {
        "release_id": "r0001",
        "sequence": 1,
        "released_at": None,
        "action": "release",
        "restores": None,
        "requested_by": "run 7",
        "reason": "the first",
        "manifest": asdict(wanted),
    }
    assert before <= first.released_at <= datetime.datetime.now(datetime.UTC)
    assert releases.in_force() == first
    assert Releases(Lake(made.lake.uri), "c").history() == [first]


def test_the_same_content_is_no_new_release(made: HandMade, releases: Releases) -> None:
    first = release(made, releases, ONE)
    moved = replace(first.manifest, index_version=99, evaluation="another", corpus_version="another")
    assert releases.release(moved, "me", "again") == first
    assert releases.history() == [first]


@pytest.mark.parametrize("name", ["fingerprint", "index_identity"])
def test_what_readers_could_tell_apart_is_a_new_release(made: HandMade, releases: Releases, name: str) -> None:
    first = release(made, releases, ONE)
    second = releases.release(replace(first.manifest, **{name: "0" * 64}), "me", "changed")
    assert (second.release_id, second.manifest.content == first.manifest.content) == ("r0002", False)
    assert releases.in_force() == second


def test_rollback_goes_to_the_newest_release_with_another_content(made: HandMade, releases: Releases) -> None:
    first = release(made, releases, ONE)
    second = release(made, releases, TWO)
    assert texts(releases) == TWO["bread"]
    back = releases.rollback("me", "two is wrong")
    assert (back.release_id, back.action, back.reason) == ("r0003", "rollback", "two is wrong")
    assert back.manifest == first.manifest
    assert texts(releases) == ONE["bees"]
    with pytest.raises(ReleaseError, match="no earlier release with another content"):
        releases.rollback("me", "further")
    assert releases.rollback("me", "it was right", "r0002").manifest == second.manifest
    assert names(releases.history()) == ["r0001 release", "r0002 release", "r0003 rollback", "r0004 rollback"]


def test_going_back_twice_goes_back_two_releases(made: HandMade, releases: Releases) -> None:
    first, second, third = (release(made, releases, passages) for passages in (ONE, TWO, THREE))
    assert releases.rollback("me", "three is wrong").manifest == second.manifest
    assert releases.was_rolled_back(third.manifest)
    assert not releases.was_rolled_back(second.manifest)
    assert releases.rollback("me", "two as well").manifest == first.manifest
    assert releases.was_rolled_back(second.manifest)
    releases.release(third.manifest, "me", "it was right")
    assert not releases.was_rolled_back(third.manifest)
    assert releases.rollback("me", "no").manifest == first.manifest


def test_rollback_goes_to_a_release_by_its_id(made: HandMade, releases: Releases) -> None:
    first, _, third = (release(made, releases, passages) for passages in (ONE, TWO, THREE))
    back = releases.rollback("me", "to the beginning", "r0001")
    assert (back.release_id, back.manifest) == ("r0004", first.manifest)
    assert texts(releases) == ONE["bees"]
    assert releases.rollback("me", "and forth", "r0003").manifest == third.manifest
    assert texts(releases) == THREE["tides"]


def test_releasing_again_after_a_rollback(made: HandMade, releases: Releases) -> None:
    release(made, releases, ONE)
    second = release(made, releases, TWO)
    releases.rollback("me", "wait")
    again = releases.release(second.manifest, "me", "now")
    assert (again.release_id, again.action) == ("r0004", "release")
    assert texts(releases) == TWO["bread"]


def test_errors_name_what_there_is(made: HandMade, releases: Releases) -> None:
    with pytest.raises(ReleaseError, match="corpus c has no release to go back from: materialise c/release"):
        releases.rollback("me", "why")
    release(made, releases, ONE)
    with pytest.raises(ReleaseError, match="no earlier release with another content; its releases are r0001"):
        releases.rollback("me", "why")
    release(made, releases, TWO)
    with pytest.raises(ReleaseError, match="no earlier release r0009; its releases are r0001, r0002"):
        releases.rollback("me", "why", "r0009")
    with pytest.raises(ReleaseError, match="no earlier release r0002; its releases are r0001, r0002"):
        releases.rollback("me", "why", "r0002")
    assert names(releases.history()) == ["r0001 release", "r0002 release"]


@pytest.mark.parametrize(("table", "version"), [("c.index", 999), ("c.elsewhere", 1)])
def test_an_index_that_is_not_there_is_not_released(
    made: HandMade, releases: Releases, table: str, version: int
) -> None:
    wanted = manifest(made.build(ONE)[1], index_table=table, index_version=version)
    with pytest.raises(
        ReleaseError, match=f"release r0001 of corpus c names version {version} of table {table}, which"
    ):
        releases.release(wanted, "me", "why")
    assert releases.history() == []


def test_history_is_never_rewritten(made: HandMade, releases: Releases) -> None:
    seen: list[list[Release]] = []
    for passages in (ONE, TWO, THREE):
        release(made, releases, passages)
        seen.append(releases.history())
    releases.rollback("me", "back")
    seen.append(releases.history())
    for earlier, later in pairwise(seen):
        assert later[: len(earlier)] == earlier
        assert len(later) == len(earlier) + 1


def test_a_released_version_is_pinned_and_stays_readable(made: HandMade, releases: Releases, lake: Lake) -> None:
    first = release(made, releases, ONE)
    for passages in (TWO, THREE, {**TWO, **THREE}):
        made.build(passages)
    table = lake.database.open_table("c.index")
    version = first.manifest.index_version
    assert table.tags.list()[f"release-{version}"]["version"] == version
    dataset = table.to_lance()
    dataset.cleanup_old_versions(older_than=datetime.timedelta(0), error_if_tagged_old_versions=False)
    left = [entry["version"] for entry in dataset.versions()]
    assert version in left
    assert version + 1 not in left, "clean-up took what is not pinned"
    assert texts(releases) == ONE["bees"]
    (hit,) = SearchIndex(releases.open_index(first), IndexSettings()).full_text("colonies", 5)
    assert hit.doc_id == "bees"


def test_corpora_have_releases_of_their_own(made: HandMade, releases: Releases, lake: Lake) -> None:
    release(made, releases, ONE)
    assert Releases(lake, "other").in_force() is None


def test_a_damaged_version_is_replaced_by_a_release_of_the_same_content(made: HandMade, releases: Releases) -> None:
    first = release(made, releases, ONE)
    rebuilt = manifest(made.build(ONE)[1])
    assert releases.release(rebuilt, "me", "nightly").release_id == "r0001"
    again = releases.release(rebuilt, "me", "repair", again=True)
    assert (again.release_id, again.action, again.reason) == ("r0002", "release", "repair")
    assert again.manifest.content == first.manifest.content
    assert again.manifest.index_version > first.manifest.index_version
    with pytest.raises(ReleaseError):  # there is no other content to go back to
        releases.rollback("me", "back")
