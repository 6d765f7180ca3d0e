"""What was changed behind the back of the history is noticed, named, and never served."""

import datetime
import warnings
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmops_pipelines.evaluation.verdicts import VerdictRow, Verdicts
from llmops_pipelines.release.audit import Entry, audited, missing_rows
from llmops_pipelines.release.manifest import Manifest, Release, release_name
from llmops_pipelines.release.reader import Reader, ReleaseWarning
from llmops_pipelines.release.releases import Releases
from llmops_pipelines.storage import Lake
from llmops_pipelines.storage.append_only import AppendOnly
from llmops_pipelines.storage.identity import value_hash
from llmops_pipelines.storage.schemas import RELEASES
from tests.index.hand_made import HandMade
from tests.release.made import ONE, THREE, TWO, change_row, manifest, release, texts
from tests.verdicts import judge


@pytest.fixture
def releases(lake: Lake) -> Releases:
    """Three releases, of which the third is in force."""
    made, found = HandMade(lake), Releases(lake, "c")
    for passages in (ONE, TWO, THREE):
        release(made, found, passages)
    return found


def in_force(releases: Releases) -> str | None:
    current = releases.in_force()
    return current.release_id if current else None


def flaws(releases: Releases) -> dict[str, str]:
    return {entry.release.release_id: entry.flaw for entry in releases.entries() if entry.flaw}


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("index_version", "index_version - 1"),
        ("index_identity", "'0'"),
        ("fingerprint", "'0'"),
        ("model", "'{}'"),
        ("search", "'{}'"),
        ("verdict_id", "'0'"),
        ("at", "cast('2026-01-01 00:00:00' as timestamp)"),
        ("requested_by", "'somebody else'"),
        ("about", "1"),
        ("previous", "'0'"),
        ("digest", "'0'"),
    ],
)
def test_a_changed_row_is_not_in_force_and_named(releases: Releases, lake: Lake, column: str, value: str) -> None:
    change_row(lake, "r0003", **{column: value})
    assert flaws(releases) == {"r0003": "the row was changed after it was appended"}
    assert texts(releases) == TWO["bread"]
    assert releases.complaints() == ["r0003 is not valid: the row was changed after it was appended"]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with pytest.raises(Exception, match="the model ffffffff"):  # by hand: the bundled model did not make it
            Reader(lake, "c").search("yeast")
    assert [str(w.message) for w in caught if w.category is ReleaseWarning] == [
        "releases of corpus c: r0003 is not valid: the row was changed after it was appended. `llmops releases c` shows them"
    ]


def test_what_was_changed_is_no_way_back(releases: Releases, lake: Lake) -> None:
    change_row(lake, "r0002", reason="'another'")
    assert in_force(releases) == "r0003"
    assert releases.rollback("me", "three is wrong").about == 1


def test_a_row_that_was_replaced_with_its_digest_is_noticed_by_the_row_after_it(releases: Releases, lake: Lake) -> None:
    row = releases.history()[1]
    forged = replace(row, manifest=replace(row.manifest, index_version=row.manifest.index_version - 1))
    version = str(forged.manifest.index_version)
    change_row(lake, "r0002", index_version=version, digest=f"'{forged.content_digest}'")
    assert flaws(releases) == {"r0002": "the row was replaced after r0003 was appended"}
    assert in_force(releases) == "r0003"


def test_a_row_that_is_gone_is_missed(releases: Releases, lake: Lake) -> None:
    lake.database.open_table("c.releases").delete("release_id = 'r0002'")
    assert missing_rows(releases.history()) == ["r0002"]
    assert releases.complaints() == ["r0002 is missing"]
    assert in_force(releases) == "r0003"


def test_the_next_release_after_a_changed_row_is_valid(releases: Releases, lake: Lake) -> None:
    change_row(lake, "r0003", reason="'another'")
    added = release(HandMade(lake), releases, {**ONE, **TWO})
    assert (added.release_id, added.previous) == ("r0004", releases.history()[2].digest)
    assert releases.in_force() == added


def test_a_changed_withdrawal_still_withdraws(releases: Releases, lake: Lake) -> None:
    releases.withdraw("me", "it names a customer")
    change_row(lake, "r0004", reason="'nothing'")
    assert in_force(releases) == "r0002"
    assert list(flaws(releases)) == ["r0004"]


def test_a_release_whose_version_was_cleaned_away_is_not_in_force(releases: Releases, lake: Lake) -> None:
    third = releases.history()[2].manifest
    HandMade(lake).build(ONE)
    lake.untag("c.index", f"release-{third.index_version}")
    dataset = lake.database.open_table("c.index").to_lance()
    dataset.cleanup_old_versions(versions=[third.index_version])  # type: ignore[call-arg]
    assert texts(releases) == TWO["bread"]
    gone = f"version {third.index_version} of table c.index is no longer there"
    assert releases.complaints() == [f"r0003 is not valid: {gone}"]
    assert [standing.state for standing in releases.standings()] == ["", "in force", f"invalid: {gone}"]


def test_a_release_whose_table_is_gone_is_not_in_force(lake: Lake) -> None:
    releases = Releases(lake, "c")
    release(HandMade(lake), releases, ONE)
    lake.database.drop_table("c.index")
    assert in_force(releases) is None


def test_a_verdict_that_was_changed_takes_its_release_along(releases: Releases, lake: Lake) -> None:
    verdict_id = releases.history()[2].manifest.verdict_id
    lake.database.open_table("c.verdicts").update(f"verdict_id = '{verdict_id}'", values_sql={"figures": "'[]'"})
    assert in_force(releases) == "r0002"
    assert "was changed after it was made" in flaws(releases)["r0003"]


def append_by_hand(releases: Releases, wanted: Manifest, **changed: Any) -> None:
    """A row with a right digest that nobody had the right to append."""
    last = releases.history()[-1]
    row = replace(
        last,
        release_id=release_name(last.sequence + 1),
        sequence=last.sequence + 1,
        manifest=wanted,
        previous=last.digest,
        **changed,
    )
    assert AppendOnly(releases.lake, "c.releases", RELEASES).insert(replace(row, digest=row.content_digest).row)


def test_a_row_without_a_right_verdict_is_never_in_force(releases: Releases, lake: Lake) -> None:
    one, other = releases.history()[0].manifest, manifest(HandMade(lake).build({**ONE, **TWO})[1])
    refused = judge(releases, other, "worse", promotes=False)
    elsewhere = judge(releases, one)
    for verdict_id in (None, "0", refused.verdict_id, elsewhere.verdict_id):
        append_by_hand(releases, replace(other, verdict_id=verdict_id))
    assert in_force(releases) == "r0003"
    assert list(flaws(releases).values()) == [
        "there is no verdict that promotes it",
        "there is no verdict that promotes it",
        f"its verdict {refused.verdict_id[:12]} does not promote it: worse",
        f"its verdict {elsewhere.verdict_id[:12]} is about something else",
    ]


def test_a_rollback_to_what_was_never_released_is_never_in_force(releases: Releases, lake: Lake) -> None:
    other = manifest(HandMade(lake).build({**ONE, **TWO})[1])
    for about in (1, 99):
        append_by_hand(releases, other, action="rollback", about=about)
    append_by_hand(releases, other, action="promotion")
    assert in_force(releases) == "r0003"
    assert list(flaws(releases).values()) == [
        "its content is not that of r0001, which it says to put in force again",
        "there is no release r0099 for it to put in force again",
        "there is no action 'promotion'",
    ]


# The same without a lake: any history, any change.
AT = datetime.datetime(2026, 11, 1, tzinfo=datetime.UTC)


def chain(contents: list[int]) -> tuple[list[Release], dict[str, VerdictRow]]:
    """Releases of contents named by numbers, each by its verdict."""
    rows: list[Release] = []
    verdicts: dict[str, VerdictRow] = {}
    for sequence, content in enumerate(contents, start=1):
        bare = Manifest("key", str(content), "{}", "t", content, "i", "{}", "v", "c", "k", "{}")
        verdict = VerdictRow(
            at=AT,
            candidate=bare.identity,
            candidate_key="key",
            production=str(sequence),
            data_only=False,
            suites="s",
            scorer="s",
            evaluation="e",
            verdict="better",
            promotes=True,
            reason="r",
            requested_by="me",
        )
        verdict = replace(verdict, verdict_id=value_hash(verdict.content))
        verdicts[verdict.verdict_id] = verdict
        row = Release(
            release_id=release_name(sequence),
            sequence=sequence,
            at=AT,
            action="release",
            about=None,
            requested_by="me",
            reason="because",
            manifest=replace(bare, verdict_id=verdict.verdict_id),
            previous=rows[-1].digest if rows else "",
        )
        rows.append(replace(row, digest=row.content_digest))
    return rows, verdicts


CONTENTS = st.lists(st.integers(0, 3), min_size=2, max_size=8)
TEXTS = ("model_key", "fingerprint", "model", "index_table", "index_identity", "search", "corpus_version", "verdict_id")


def bad(entries: list[Entry]) -> list[int]:
    return [entry.release.sequence for entry in entries if entry.flaw]


@given(CONTENTS, st.data())
def test_of_any_history_exactly_the_changed_row_is_refused(contents: list[int], data: st.DataObject) -> None:
    rows, verdicts = chain(contents)
    assert bad(audited(rows, verdicts)) == []
    position = data.draw(st.integers(0, len(rows) - 1))
    column = data.draw(st.sampled_from(TEXTS))
    value = data.draw(st.text(max_size=5))
    row = rows[position]
    if getattr(row.manifest, column) == value:
        return
    forged = replace(row, manifest=replace(row.manifest, **{column: value}))
    shuffled = data.draw(st.permutations([*rows[:position], forged, *rows[position + 1 :]]))
    assert bad(audited(shuffled, verdicts)) == [row.sequence]
    with_digest = replace(forged, digest=forged.content_digest)
    refused = bad(audited([*rows[:position], with_digest, *rows[position + 1 :]], verdicts))
    assert refused == [row.sequence] or position == len(rows) - 1


@given(CONTENTS, st.data())
@settings(max_examples=50)
def test_a_row_that_is_there_twice_is_refused(contents: list[int], data: st.DataObject) -> None:
    rows, verdicts = chain(contents)
    twice = data.draw(st.sampled_from(rows))
    assert bad(audited([*rows, twice], verdicts)) == [twice.sequence] * 2


def test_the_verdicts_of_another_corpus_do_not_count(releases: Releases, lake: Lake) -> None:
    other = Releases(lake, "other")
    release(HandMade(lake), other, ONE)
    wanted = manifest(HandMade(lake).build(TWO)[1])
    judge(releases, wanted)
    assert Verdicts(lake, "other").history() == []
    with pytest.raises(Exception, match="no verdict"):
        other.release(wanted, "me", "because")
