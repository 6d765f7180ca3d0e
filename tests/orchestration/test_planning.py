"""A plan before anything is spent: from the source as it is now, by cause, within a budget, and accounted afterwards."""

import json
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from typer.testing import CliRunner

from llmops_pipelines import definitions as definitions_module
from llmops_pipelines import project
from llmops_pipelines.cli import app
from llmops_pipelines.orchestration.corpus import Corpus
from llmops_pipelines.orchestration.serving import released_searcher
from llmops_pipelines.orchestration.settings import CorpusSettings
from llmops_pipelines.resources.lake import LakeResource
from llmops_pipelines.storage import Lake
from llmops_pipelines.storage.schemas import CAUSES
from tests.dagster_runs import checks, definitions, failure, failures, metadata, run_job
from tests.embedding.tiny_models import tiny_model

MODELS = {"models": [{"name": "tiny", "folder": "tiny"}], "precision": "fp32"}
NO_QUESTIONS = {"evaluation": {"known_items": 0}, "fine_tuned_model": {"epochs": 0}}


def notes(folder: Path, **sections: Any) -> Corpus:
    """Four notes under the tiny model."""
    (folder / "documents").mkdir(parents=True, exist_ok=True)
    if not (folder / "tiny").exists():
        tiny_model(folder / "tiny", window=48)
        for i in range(4):
            write(folder, f"note {i}", f"note{i}.md")
    settings = {
        "name": "notes",
        "source": {"type": "directory", "uri": "documents"},
        "documents": {"max_loss": 0.5},
        "clean_documents": {"min_characters": 1},
        "embeddings": {
            "models": [{"name": "tiny", "folder": "tiny"}],
            "precision": "fp32",
            **sections.pop("embeddings", {}),
        },
        **NO_QUESTIONS,
    }
    return Corpus(CorpusSettings.model_validate({**settings, **sections}), folder)


def write(folder: Path, text: str, name: str) -> None:
    (folder / "documents" / name).write_text(text, "utf-8")


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    return notes(tmp_path)


def embedded(corpus: Corpus, instance: dg.DagsterInstance, lake: Lake) -> dict[str, Any]:
    result = run_job(corpus, instance, lake.uri)
    assert result.success, failures(result)
    assert checks(result)["embeddings:accounted"]
    found = metadata(result)["embeddings"]
    assert found["reused"] + found["embedded"] == found["distinct"]
    assert sum(found[f"embedded: {cause}"] for cause in CAUSES) == found["embedded"]
    return found


def by_cause(found: dict[str, Any]) -> dict[str, int]:
    return {cause: found[f"embedded: {cause}"] for cause in CAUSES if found[f"embedded: {cause}"]}


def planned(corpus: Corpus, lake: Lake, monkeypatch: pytest.MonkeyPatch, *options: str) -> dict[str, Any]:
    """What `llmops plan --json` prints."""
    monkeypatch.setattr(project, "corpus", lambda name: corpus)
    monkeypatch.setattr(project, "lake", lambda: LakeResource(uri=lake.uri))
    result = CliRunner().invoke(app, ["plan", corpus.name, "--json", *options])
    return json.loads(result.stdout)


def test_every_run_accounts_for_its_texts_by_cause(corpus: Corpus, instance: dg.DagsterInstance, lake: Lake) -> None:
    first = embedded(corpus, instance, lake)
    assert by_cause(first) == {"new model": 4}
    assert "| new model | 4 |" in first["plan"]
    nothing = embedded(corpus, instance, lake)
    assert (nothing["reused"], nothing["embedded"], nothing["deleted"]) == (4, 0, 0)

    write(corpus.folder, "note 0, written again", "note0.md")
    write(corpus.folder, "another note", "more.md")
    (corpus.folder / "documents" / "note1.md").rename(corpus.folder / "documents" / "renamed.md")
    second = embedded(corpus, instance, lake)
    assert by_cause(second) == {"changed text": 1, "new text": 1}
    assert (second["reused"], second["deleted"]) == (3, 1)

    write(corpus.folder, "note 0", "note0.md")
    back = embedded(corpus, instance, lake)
    assert (back["embedded"], back["deleted"]) == (0, 1), "what comes back costs nothing"
    runs = lake.published(corpus.table("embedding_runs"))
    assert runs is not None
    rows = sorted(runs.rows(), key=lambda row: row["at"])
    assert [(row["reused"], row["embedded"], row["deleted"]) for row in rows] == [(0, 4, 0), (3, 2, 1), (5, 0, 1)]


def test_a_plan_is_of_the_source_and_the_settings_as_they_are_now(
    corpus: Corpus, instance: dg.DagsterInstance, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    [fresh] = planned(corpus, lake, monkeypatch)["plans"]
    assert fresh["by_cause"].keys() == {"new model"}
    assert lake.names() == [], "a plan writes nothing"
    embedded(corpus, instance, lake)
    write(corpus.folder, "note 0, written again", "note0.md")
    before = {name: lake.newest(name).version for name in lake.names()}  # type: ignore[union-attr]
    found = planned(corpus, lake, monkeypatch)
    assert found["documents"] == {"added": 0, "changed": 1, "deleted": 0, "unchanged": 3}
    [one] = found["plans"]
    assert {cause: work["texts"] for cause, work in one["by_cause"].items()} == {"changed text": 1}
    assert (one["distinct"], one["reused"], one["deleted"]) == (4, 3, 1)
    assert {name: lake.newest(name).version for name in lake.names()} == before  # type: ignore[union-attr]
    assert by_cause(embedded(corpus, instance, lake)) == {"changed text": 1}, "exactly that was done"


def test_another_chunker_is_planned_and_done_under_its_cause(
    tmp_path: Path, corpus: Corpus, instance: dg.DagsterInstance, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "one two three four five six seven eight.\n\n" * 8, "long.md")
    embedded(corpus, instance, lake)
    other = notes(tmp_path, chunks={"chunker": "passages", "max_tokens": 20})
    [plan] = planned(other, lake, monkeypatch)["plans"]
    assert plan["by_cause"].keys() == {"new chunker"}
    assert by_cause(embedded(other, instance, lake)) == {"new chunker": plan["total"]["texts"]}


def test_over_the_budget_nothing_is_embedded_and_the_plan_is_the_error(
    tmp_path: Path, instance: dg.DagsterInstance, lake: Lake
) -> None:
    corpus = notes(tmp_path, embeddings={"budget": {"tokens": 10}})
    result = run_job(corpus, instance, lake.uri)
    assert not result.success
    assert "over the budget in embeddings.budget: " in failure(result)
    assert "4 texts to embed (4 by new model)" in failure(result)
    assert lake.published(corpus.table("embeddings", corpus.base_model.key)) is None
    assert corpus.embedder(corpus.base_model.key, lake).count.documents == 0
    assert run_job(notes(tmp_path, embeddings={"budget": {"tokens": 1000, "minutes": 1}}), instance, lake.uri).success


def test_a_run_that_would_fail_says_so_in_its_plan(
    corpus: Corpus, instance: dg.DagsterInstance, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedded(corpus, instance, lake)
    for i in range(3):
        (corpus.folder / "documents" / f"note{i}.md").unlink()
    found = planned(corpus, lake, monkeypatch)
    assert found["plans"] == []
    assert "the source has lost 3 of 4 documents" in found["failures"][0]


def test_a_key_that_is_not_there_is_named(corpus: Corpus, lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(project, "corpus", lambda name: corpus)
    monkeypatch.setattr(project, "lake", lambda: LakeResource(uri=lake.uri))
    result = CliRunner().invoke(app, ["plan", "notes", "--model", "nothing-00000000"])
    assert result.exit_code == 1
    assert f"the keys of corpus notes are {corpus.base_model.key}" in " ".join(result.stderr.split())


def test_reembed_brings_a_model_beside_the_live_index_and_releases_nothing(
    tmp_path: Path, corpus: Corpus, lake: Lake, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny_model(tmp_path / "other", window=48, seed=5)
    both = notes(tmp_path, embeddings={"models": [*MODELS["models"], {"name": "other", "folder": "other"}]})
    assert run_job(both, instance, lake.uri).success
    base, other = both.model_keys()
    monkeypatch.setattr(project, "corpus", lambda name: both)
    monkeypatch.setattr(project, "lake", lambda: LakeResource(uri=lake.uri))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(definitions_module, "defs", lambda: definitions(both, lake.uri))
    result = CliRunner().invoke(app, ["reembed", "notes", "--model", "other", "--json"])
    found = json.loads(result.stdout)
    assert (found["model"], found["embedded"], found["reused"], found["failures"]) == (other, 4, 0, [])
    assert json.loads(CliRunner().invoke(app, ["reembed", "notes", "--model", other, "--json"]).stdout)["embedded"] == 0
    assert released_searcher(both, lake)[0].manifest.model_key == base
    missing = CliRunner().invoke(app, ["reembed", "notes"])
    assert missing.exit_code != 0
    assert "--model" in missing.stderr
