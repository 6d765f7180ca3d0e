"""Append-only tables: a row is inserted once, whoever else inserts at the same time, and never changed."""

import multiprocessing
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pyarrow as pa
import pytest

from llmops_pipelines.storage import Lake, LakeError
from llmops_pipelines.storage.append_only import AppendOnly
from llmops_pipelines.storage.schemas import key_field

CLAIMS = pa.schema([key_field("place"), pa.field("who", pa.string(), nullable=False)])
OTHER = pa.schema([*CLAIMS, pa.field("why", pa.string())])
PROCESSES, ROUNDS = 3, 12


@pytest.fixture
def claims(lake: Lake) -> AppendOnly:
    return AppendOnly(lake, "claims", CLAIMS)


def test_before_the_first_row_there_is_no_table(claims: AppendOnly) -> None:
    assert (claims.version(), claims.rows(), claims.lake.names()) == (0, [], [])


def test_a_key_is_inserted_once_and_its_row_never_changed(claims: AppendOnly) -> None:
    assert claims.insert({"place": "1", "who": "me"})
    before = claims.version()
    assert not claims.insert({"place": "1", "who": "you"})
    assert claims.rows() == [{"place": "1", "who": "me"}]
    assert claims.insert({"place": "2", "who": "you"})
    assert claims.version() > before


def test_others_see_a_row_at_once_and_none_of_it_before(claims: AppendOnly) -> None:
    reader = AppendOnly(Lake(claims.lake.uri), "claims", CLAIMS)
    assert reader.rows() == []
    for number in range(3):
        claims.insert({"place": str(number), "who": "me"})
        assert len(reader.rows()) == number + 1


def test_rows_with_other_columns_are_not_overwritten(claims: AppendOnly) -> None:
    claims.insert({"place": "1", "who": "me"})
    changed = AppendOnly(claims.lake, "claims", OTHER)
    with pytest.raises(LakeError, match=r"has the columns place, who.*move .*claims.lance away"):
        changed.insert({"place": "2", "who": "me", "why": "because"})
    with pytest.raises(LakeError, match="another release of llmops-pipelines"):
        changed.rows()
    assert claims.rows() == [{"place": "1", "who": "me"}]


def test_a_creation_that_was_killed_is_no_table_yet(claims: AppendOnly) -> None:
    (Path(claims.lake.uri) / "claims.lance" / "_versions").mkdir(parents=True)
    assert claims.version() == 0
    assert claims.insert({"place": "1", "who": "me"})
    assert claims.rows() == [{"place": "1", "who": "me"}]


def test_a_table_that_is_moved_away_begins_anew(claims: AppendOnly, tmp_path: Path) -> None:
    for place in ("1", "2"):
        claims.insert({"place": place, "who": "me"})
    (Path(claims.lake.uri) / "claims.lance").rename(tmp_path / "away")
    assert (claims.version(), claims.rows()) == (0, [])
    assert claims.insert({"place": "1", "who": "you"})
    assert claims.rows() == [{"place": "1", "who": "you"}]


def claim(uri: str, who: str, together: Barrier, won: "multiprocessing.Queue[tuple[str, str, str]]") -> None:
    """Claim every place of every table, each at the same moment as the others; the first claim makes the table."""
    lake = Lake(uri)
    lake.names()
    for table in range(ROUNDS):
        claims = AppendOnly(lake, f"table{table}", CLAIMS)
        for place in ("first", "second", f"my own, {who}"):
            together.wait()
            if claims.insert({"place": place, "who": who}):
                won.put((claims.name, place, who))
    won.put(("", "", who))


def test_of_several_processes_that_claim_a_key_one_has_it_and_no_row_is_lost(lake: Lake) -> None:
    context = multiprocessing.get_context("spawn")
    together, won = context.Barrier(PROCESSES), context.Queue()
    processes = [context.Process(target=claim, args=(lake.uri, str(i), together, won)) for i in range(PROCESSES)]
    for process in processes:
        process.start()
    told: list[tuple[str, str, str]] = []
    while len([one for one in told if not one[0]]) < PROCESSES:
        told.append(won.get(timeout=120))
    for process in processes:
        process.join()
        assert process.exitcode == 0
    for number in range(ROUNDS):
        table = AppendOnly(lake, f"table{number}", CLAIMS)
        rows = sorted((row["place"], row["who"]) for row in table.rows())
        assert rows == sorted((place, who) for name, place, who in told if name == table.name)
        assert [place for place, _ in rows] == ["first", *(f"my own, {i}" for i in range(PROCESSES)), "second"]
