"""`llmops releases`, `llmops rollback` and `llmops withdraw`, for people and as JSON."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from llmops_pipelines import project
from llmops_pipelines.cli import app
from llmops_pipelines.cli.application import out
from llmops_pipelines.orchestration.corpus import Corpus
from llmops_pipelines.orchestration.settings import CorpusSettings
from llmops_pipelines.release.releases import Releases
from llmops_pipelines.resources.lake import LakeResource
from llmops_pipelines.storage import Lake
from tests.index.hand_made import HandMade
from tests.release.made import ONE, THREE, TWO, change_row, release, texts


@pytest.fixture
def releases(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Releases:
    """Three releases of the corpus that the commands find."""
    settings = CorpusSettings.model_validate({"name": "c", "source": {"type": "directory", "uri": "documents"}})
    corpus = Corpus(settings, tmp_path)
    monkeypatch.setattr(project, "corpus", lambda name: corpus)
    monkeypatch.setattr(project, "lake", lambda: LakeResource(uri=lake.uri))
    monkeypatch.setattr(out, "width", 200)
    made, found = HandMade(lake), Releases(lake, "c")
    for passages in (ONE, TWO, THREE):
        release(made, found, passages)
    return found


def llmops(*arguments: str, status: int = 0) -> str:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == status, result.output
    return result.stderr if status else result.stdout


def test_the_list_says_what_is_in_force_and_what_is_not_valid_and_why(releases: Releases, lake: Lake) -> None:
    releases.withdraw("me", "it is wrong")
    change_row(lake, "r0001", reason="'another'")
    rows = {row["release_id"]: row for row in json.loads(llmops("releases", "c", "--json"))["releases"]}
    assert [(row["in_force"], row["nameable"]) for row in rows.values()] == [
        (False, False),
        (True, True),
        (False, False),
        (False, False),
    ]
    assert rows["r0001"]["invalid"] == "the row was changed after it was appended"
    assert rows["r0003"]["withdrawn_by"] == "r0004"
    assert rows["r0002"]["verdict"] == "better"
    shown = " ".join(llmops("releases", "c").split())
    for said in (
        "in force",
        "withdrawn by r0004",
        "invalid: the row was changed",
        "r0001 is not valid",
        "better",
        "none",
    ):
        assert said in shown, said


def test_before_the_first_release_the_list_says_what_to_run(releases: Releases, lake: Lake) -> None:
    lake.database.drop_table("c.releases")
    assert "nothing is released yet: `llmops run c`" in llmops("releases", "c")
    assert json.loads(llmops("releases", "c", "--json"))["releases"] == []


def test_rollback_goes_back_and_says_what_is_in_force(releases: Releases) -> None:
    shown = llmops("rollback", "c", "--reason", "three is wrong")
    assert "r0004: rollback (three is wrong)" in shown
    assert "in force: r0004, model-ffffffff" in shown
    assert texts(releases) == TWO["bread"]
    assert json.loads(llmops("rollback", "c", "r0001", "--json")) == {"appended": "r0005", "in_force": "r0005"}
    assert texts(releases) == ONE["bees"]
    assert releases.history()[-1].requested_by.startswith("llmops rollback, ")


def test_withdrawal_wants_a_reason_and_restores_what_was_valid(releases: Releases) -> None:
    assert "--reason" in llmops("withdraw", "c", status=2)
    assert "in force: r0002" in llmops("withdraw", "c", "--reason", "it names a customer")
    llmops("withdraw", "c", "r0001", "--reason", "this as well")
    shown = llmops("withdraw", "c", "--reason", "all of it")
    assert "in force: nothing: searches fail until a release" in shown
    assert releases.in_force() is None


def test_what_cannot_be_done_is_an_error_that_says_what_can(releases: Releases) -> None:
    assert "no earlier release r0009 to go back to; those that it has are r0001, r0002" in llmops(
        "rollback", "c", "r0009", status=1
    )
    assert "no release r0009 that is not withdrawn" in llmops("withdraw", "c", "r0009", "--reason", "why", status=1)
    assert len(releases.history()) == 3
