"""Releases: what is in force, by which verdict, the way back, withdrawal, and a history that is only ever appended to."""

import datetime
from dataclasses import asdict, replace
from itertools import pairwise

import pytest

from llmops_pipelines.index.build import IndexSettings
from llmops_pipelines.index.search import SearchIndex
from llmops_pipelines.release.manifest import NotPromotedError, Release, ReleaseError, search_json
from llmops_pipelines.release.releases import Releases
from llmops_pipelines.storage import Lake
from tests.index.hand_made import HandMade
from tests.release.made import ONE, THREE, TWO, manifest, names, promoted, release, texts
from tests.verdicts import judge

VERDICT = {"evaluation": "the evaluation", "suites": "the suites", "verdict": "better"}


@pytest.fixture
def made(lake: Lake) -> HandMade:
    return HandMade(lake)


@pytest.fixture
def releases(lake: Lake) -> Releases:
    return Releases(lake, "c")


def test_before_the_first_release_nothing_is_in_force(releases: Releases) -> None:
    assert releases.in_force() is None
    assert releases.history() == []


def test_the_first_release_needs_no_verdict_and_is_stored_as_it_was_made(made: HandMade, releases: Releases) -> None:
    wanted = manifest(made.build(ONE)[1], evaluation="e" * 64)
    before = datetime.datetime.now(datetime.UTC)
    first = releases.release(wanted, requested_by="run 7", reason="the first")
    assert asdict(first) | {"at": None} == {
        "release_id": "r0001",
        "sequence": 1,
        "at": None,
        "action": "release",
        "about": None,
        "requested_by": "run 7",
        "reason": "the first",
        "manifest": asdict(wanted),
        "previous": "",
        "digest": first.content_digest,
    }
    assert before <= first.at <= datetime.datetime.now(datetime.UTC)
    assert releases.in_force() == first
    assert Releases(Lake(made.lake.uri), "c").history() == [first]


def test_a_first_that_was_judged_is_released_by_its_verdict(made: HandMade, releases: Releases) -> None:
    wanted = manifest(made.build(ONE)[1])
    judge(releases, wanted, "inconclusive", promotes=False)
    with pytest.raises(NotPromotedError, match="inconclusive against nothing in force: inconclusive, by hand"):
        releases.release(wanted, "me", "the first")
    verdict = judge(releases, wanted, "first")
    first = releases.release(wanted, "me", "the first").manifest
    assert (first.verdict, first.verdict_id) == ("first", verdict.verdict_id)


def test_the_same_content_is_no_new_release(made: HandMade, releases: Releases) -> None:
    first = release(made, releases, ONE)
    moved = replace(first.manifest, index_version=99, evaluation="another", configuration="another")
    assert releases.release(moved, "me", "again") == first
    assert releases.history() == [first]


@pytest.mark.parametrize("name", ["fingerprint", "corpus_version", "cleaner", "chunker", "search"])
def test_what_a_verdict_is_about_makes_a_new_release(made: HandMade, releases: Releases, name: str) -> None:
    first = release(made, releases, ONE)
    changed = search_json(IndexSettings(probes=7)) if name == "search" else "0" * 64
    second = promoted(releases, replace(first.manifest, **{name: changed}))
    assert (second.release_id, second.manifest.identity == first.manifest.identity) == ("r0002", False)
    same = second.manifest.configuration_identity == first.manifest.configuration_identity
    assert same == (name == "corpus_version")
    assert releases.in_force() == second


def test_a_release_is_made_by_a_verdict_and_names_it(made: HandMade, releases: Releases) -> None:
    release(made, releases, ONE)
    wanted = manifest(made.build(TWO)[1])
    with pytest.raises(NotPromotedError, match=r"no verdict .* against r0001, .*: run the job c_candidate for model-"):
        releases.release(wanted, "me", "because")
    judge(releases, wanted, "worse", promotes=False)
    with pytest.raises(NotPromotedError, match="worse against r0001, which is in force: worse, by hand"):
        releases.release(wanted, "me", "because")
    assert texts(releases) == ONE["bees"]
    verdict = judge(releases, wanted)
    second = releases.release(wanted, "me", "because")
    assert second.manifest == replace(wanted, **VERDICT, verdict_id=verdict.verdict_id)
    assert texts(releases) == TWO["bread"]


def test_the_newest_verdict_counts(made: HandMade, releases: Releases) -> None:
    release(made, releases, ONE)
    wanted = manifest(made.build(TWO)[1])
    judge(releases, wanted)
    judge(releases, wanted, "worse", promotes=False)
    with pytest.raises(NotPromotedError, match="worse against r0001"):
        releases.release(wanted, "me", "because")


def test_a_verdict_of_another_identity_promotes_nothing(made: HandMade, releases: Releases) -> None:
    release(made, releases, ONE)
    wanted = manifest(made.build(TWO)[1])
    for changed in ({"cleaner": "another"}, {"corpus_version": "another"}, {"search": "{}"}, {"index_identity": "0"}):
        judge(releases, replace(wanted, **changed))
    with pytest.raises(NotPromotedError, match="no verdict"):
        releases.release(wanted, "me", "because")


def test_of_two_judged_against_the_same_production_the_second_is_refused(made: HandMade, releases: Releases) -> None:
    release(made, releases, ONE)
    two, three = (manifest(made.build(passages)[1]) for passages in (TWO, THREE))
    judge(releases, two)
    judge(releases, three)
    assert releases.release(two, "me", "because").release_id == "r0002"
    with pytest.raises(NotPromotedError, match=r"no verdict .* against r0002"):
        releases.release(three, "me", "because")
    judge(releases, three)
    assert releases.release(three, "me", "because").release_id == "r0003"


def test_rollback_goes_to_the_newest_release_with_another_content(made: HandMade, releases: Releases) -> None:
    first = release(made, releases, ONE)
    second = release(made, releases, TWO)
    assert texts(releases) == TWO["bread"]
    back = releases.rollback("me", "two is wrong")
    assert (back.release_id, back.action, back.reason, back.about) == ("r0003", "rollback", "two is wrong", 1)
    assert back.manifest == first.manifest
    assert texts(releases) == ONE["bees"]
    with pytest.raises(ReleaseError, match="no earlier release with another content"):
        releases.rollback("me", "further")
    assert releases.rollback("me", "it was right", "r0002").manifest == second.manifest
    assert names(releases) == ["r0001 release", "r0002 release", "r0003 rollback", "r0004 rollback"]


def test_going_back_twice_goes_back_two_releases(made: HandMade, releases: Releases) -> None:
    first, second, third = (release(made, releases, passages) for passages in (ONE, TWO, THREE))
    one, two, three = (made.manifest for made in (first, second, third))
    back = releases.rollback("me", "three is wrong")
    assert back.manifest == second.manifest
    assert (releases.taken_back(three), releases.taken_back(two)) == (back, None)
    further = releases.rollback("me", "two as well")
    assert further.manifest == first.manifest
    assert (releases.taken_back(two), releases.taken_back(one)) == (further, None)
    promoted(releases, third.manifest, "it was right")
    assert releases.taken_back(three) is None
    assert releases.rollback("me", "no").manifest == first.manifest


def test_a_rollback_is_seen_though_another_content_was_withdrawn_before_it(made: HandMade, releases: Releases) -> None:
    _, second, third = (release(made, releases, passages) for passages in (ONE, TWO, THREE))
    releases.withdraw("me", "it names a customer", "r0001")
    back = releases.rollback("me", "three is wrong")
    assert back.manifest == second.manifest
    assert releases.taken_back(third.manifest) == back


@pytest.mark.parametrize("action", ["rollback", "withdrawal"])
def test_a_configuration_that_was_taken_back_stays_so_though_documents_change(
    made: HandMade, releases: Releases, action: str
) -> None:
    first = release(made, releases, ONE)
    other = manifest(made.build(TWO)[1], chunker="another")
    promoted(releases, other)
    row = releases.rollback("me", "worse") if action == "rollback" else releases.withdraw("me", "worse")
    assert releases.taken_back(replace(other, corpus_version="changed")) == row
    assert releases.taken_back(replace(first.manifest, corpus_version="changed")) is None
    promoted(releases, replace(first.manifest, corpus_version="changed"))
    assert releases.taken_back(replace(other, corpus_version="changed again")) == row
    promoted(releases, replace(other, corpus_version="changed again"))
    assert releases.taken_back(replace(other, corpus_version="changed once more")) is None


def test_data_that_was_taken_back_does_not_keep_other_data_from_being_released(
    made: HandMade, releases: Releases
) -> None:
    release(made, releases, ONE)
    second = release(made, releases, TWO)
    releases.withdraw("me", "it names a customer")
    assert releases.taken_back(second.manifest) is not None
    assert releases.taken_back(replace(second.manifest, corpus_version="mended")) is None


def test_a_verdict_by_other_suites_promotes_nothing(made: HandMade, releases: Releases) -> None:
    release(made, releases, ONE)
    wanted = manifest(made.build(TWO)[1], suites="those of today")
    judge(releases, wanted, suites="those of yesterday")
    with pytest.raises(NotPromotedError, match="judged by other suites than those of today: run the job c_candidate"):
        releases.release(wanted, "me", "because")
    judge(releases, wanted, suites="those of today")
    assert releases.release(wanted, "me", "because").release_id == "r0002"


def test_a_verdict_that_is_older_than_the_withdrawal_of_all_promotes_nothing(
    made: HandMade, releases: Releases
) -> None:
    wanted = manifest(made.build(TWO)[1])
    early = judge(releases, wanted, verdict="first")
    assert early.production is None
    releases.release(manifest(made.build(ONE)[1]), "me", "the first")
    releases.withdraw("me", "it names a customer")
    with pytest.raises(NotPromotedError, match="has not been judged since nothing is in force"):
        releases.release(wanted, "me", "because")
    judge(releases, wanted, by="again")
    assert releases.release(wanted, "me", "because").release_id == "r0003"


def test_rollback_goes_to_a_release_by_its_id(made: HandMade, releases: Releases) -> None:
    first, _, third = (release(made, releases, passages) for passages in (ONE, TWO, THREE))
    back = releases.rollback("me", "to the beginning", "r0001")
    assert (back.release_id, back.manifest) == ("r0004", first.manifest)
    assert texts(releases) == ONE["bees"]
    assert releases.rollback("me", "and forth", "r0003").manifest == third.manifest
    assert texts(releases) == THREE["tides"]


def test_what_somebody_went_back_from_can_be_released_again_by_its_verdict(made: HandMade, releases: Releases) -> None:
    release(made, releases, ONE)
    second = release(made, releases, TWO)
    releases.rollback("me", "wait")
    again = releases.release(second.manifest, "me", "now")
    assert (again.release_id, again.action) == ("r0004", "release")
    assert texts(releases) == TWO["bread"]


def test_withdrawing_what_is_in_force_restores_the_release_before(made: HandMade, releases: Releases) -> None:
    for passages in (ONE, TWO, THREE):
        release(made, releases, passages)
    row = releases.withdraw("me", "it names a customer")
    assert (row.release_id, row.action, row.about, row.reason) == ("r0004", "withdrawal", 3, "it names a customer")
    assert texts(releases) == TWO["bread"]
    assert releases.taken_back(row.manifest) == row
    releases.withdraw("me", "this as well")
    assert texts(releases) == ONE["bees"]
    with pytest.raises(ReleaseError, match=r"no earlier release r0003 to go back to \(withdrawn by r0004\)"):
        releases.rollback("me", "it was right", "r0003")
    releases.withdraw("me", "all of it")
    assert releases.in_force() is None
    with pytest.raises(ReleaseError, match="no release in force to withdraw"):
        releases.withdraw("me", "more")


def test_an_earlier_release_can_be_withdrawn_and_is_passed_over_on_the_way_back(
    made: HandMade, releases: Releases
) -> None:
    for passages in (ONE, TWO, THREE):
        release(made, releases, passages)
    releases.withdraw("me", "two is wrong", "r0002")
    assert texts(releases) == THREE["tides"]
    with pytest.raises(
        ReleaseError, match="no release r0002 that is not withdrawn; those that it has are r0001, r0003"
    ):
        releases.withdraw("me", "two is wrong", "r0002")
    releases.rollback("me", "three is wrong")
    assert texts(releases) == ONE["bees"]


def test_a_withdrawal_needs_a_reason(made: HandMade, releases: Releases) -> None:
    release(made, releases, ONE)
    with pytest.raises(ReleaseError, match="needs a reason"):
        releases.withdraw("me", " ")
    assert texts(releases) == ONE["bees"]


def test_what_was_withdrawn_is_released_by_a_verdict_made_afterwards(made: HandMade, releases: Releases) -> None:
    release(made, releases, ONE)
    second = release(made, releases, TWO)
    releases.withdraw("me", "two is wrong")
    with pytest.raises(NotPromotedError, match=r"withdrawn by r0003 \(two is wrong\), and has not been judged since"):
        releases.release(second.manifest, "me", "now")
    again = promoted(releases, second.manifest)
    assert (again.release_id, texts(releases)) == ("r0004", TWO["bread"])
    assert releases.rollback("me", "no").manifest.identity != second.manifest.identity
    assert releases.rollback("me", "yes", "r0002").manifest == again.manifest, "it was released again since"


def test_after_a_withdrawn_first_the_next_one_is_no_first(made: HandMade, releases: Releases) -> None:
    first = release(made, releases, ONE)
    releases.withdraw("me", "it is wrong")
    wanted = manifest(made.build(TWO)[1])
    with pytest.raises(NotPromotedError, match=r"no verdict .* against nothing in force"):
        releases.release(wanted, "me", "now")
    with pytest.raises(NotPromotedError, match="no verdict"):
        releases.release(first.manifest, "me", "now")
    judge(releases, wanted, "first")
    releases.release(wanted, "me", "now")
    assert texts(releases) == TWO["bread"]


def test_errors_name_what_there_is(made: HandMade, releases: Releases) -> None:
    with pytest.raises(ReleaseError, match="corpus c has no release to go back from: materialise c/release"):
        releases.rollback("me", "why")
    release(made, releases, ONE)
    with pytest.raises(ReleaseError, match=r"no earlier release with another content to go back to; .* are none"):
        releases.rollback("me", "why")
    release(made, releases, TWO)
    with pytest.raises(ReleaseError, match=r"no earlier release r0009 to go back to; .* are r0001"):
        releases.rollback("me", "why", "r0009")
    with pytest.raises(ReleaseError, match=r"no earlier release r0002 to go back to \(in force\); .* are r0001"):
        releases.rollback("me", "why", "r0002")
    assert names(releases) == ["r0001 release", "r0002 release"]


@pytest.mark.parametrize(("table", "version"), [("c.index", 999), ("c.elsewhere", 1)])
def test_an_index_that_is_not_there_is_not_released(
    made: HandMade, releases: Releases, table: str, version: int
) -> None:
    wanted = manifest(made.build(ONE)[1], index_table=table, index_version=version)
    with pytest.raises(
        ReleaseError, match=f"r0001 cannot be opened .*: version {version} of table {table} is no longer"
    ):
        releases.release(wanted, "me", "why")
    assert releases.history() == []


def test_an_index_that_is_not_what_the_manifest_says_is_not_released(made: HandMade, releases: Releases) -> None:
    one, two = (manifest(made.build(passages)[1]) for passages in (ONE, TWO))
    with pytest.raises(ReleaseError, match="does not hold the index that it names"):
        releases.release(replace(one, index_version=two.index_version), "me", "why")
    assert releases.history() == []


def test_history_is_never_rewritten(made: HandMade, releases: Releases) -> None:
    seen: list[list[Release]] = []
    for passages in (ONE, TWO, THREE):
        release(made, releases, passages)
        seen.append(releases.history())
    releases.rollback("me", "back")
    seen.append(releases.history())
    releases.withdraw("me", "wrong", "r0003")
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
    (hit,) = SearchIndex(releases.open_index(first), first.manifest.index_settings).full_text("colonies", 5)
    assert hit.doc_id == "bees"


def test_corpora_have_releases_of_their_own(made: HandMade, releases: Releases, lake: Lake) -> None:
    release(made, releases, ONE)
    assert Releases(lake, "other").in_force() is None


def test_a_damaged_version_is_replaced_by_a_repair_of_the_same_content(made: HandMade, releases: Releases) -> None:
    release(made, releases, ONE)
    second = release(made, releases, TWO)
    made.build(ONE)
    rebuilt = manifest(made.build(TWO)[1])
    assert releases.release(rebuilt, "me", "nightly") == second
    again = releases.repair(rebuilt, "me", "repair")
    assert (again.release_id, again.action, again.about) == ("r0003", "repair", 2)
    assert again.manifest == replace(second.manifest, index_version=rebuilt.index_version)
    assert again.manifest.index_version > second.manifest.index_version
    assert releases.in_force() == again
    assert texts(releases) == TWO["bread"]
    assert releases.rollback("me", "back").about == 1
    assert releases.rollback("me", "forth", "r0002").manifest == again.manifest, "the repaired version stands for it"


def test_only_what_is_in_force_is_repaired(made: HandMade, releases: Releases) -> None:
    release(made, releases, ONE)
    with pytest.raises(ReleaseError, match="another content"):
        releases.repair(manifest(made.build(TWO)[1]), "me", "repair")
    assert names(releases) == ["r0001 release"]
