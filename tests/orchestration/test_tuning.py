"""The way of a tuned model: trained once, registered, a candidate like any other, released, and never its own cause."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from typer.testing import CliRunner

from llmops_pipelines import project
from llmops_pipelines.cli import app
from llmops_pipelines.embedding.registry import Entry
from llmops_pipelines.orchestration.corpus import Corpus
from llmops_pipelines.orchestration.life import PlannedRun, candidate_run, life_runs
from llmops_pipelines.orchestration.partitions import production_key, register_keys
from llmops_pipelines.orchestration.serving import released_searcher
from llmops_pipelines.orchestration.stages import STAGE_NAMES
from llmops_pipelines.release.releases import Releases
from llmops_pipelines.resources.lake import LakeResource
from llmops_pipelines.storage import Lake
from tests.dagster_runs import checks, definitions, metadata, promote, run_job
from tests.orchestration.tunable import PARTS, RECIPE, tunable
from tests.tuning.threads import one_thread

EXPECTED_TO_DIFFER = dict.fromkeys(
    ["seconds", "table_version", "dagster/row_count"]
)  # between a training and its return


@pytest.fixture(autouse=True, scope="module")
def single_threaded() -> Iterator[None]:
    with one_thread():
        yield


@pytest.fixture
def moons(tmp_path: Path) -> Corpus:
    return tunable(tmp_path / "moons")


def keys(corpus: Corpus, instance: dg.DagsterInstance) -> list[str]:
    assert corpus.embedding_model.name
    return list(instance.get_dynamic_partitions(corpus.embedding_model.name))


def tuned_entry(corpus: Corpus, lake: Lake) -> Entry:
    [entry] = corpus.registry(lake).entries()
    return entry


def life(corpus: Corpus, instance: dg.DagsterInstance, lake: Lake, key: str | None = None) -> dict[str, Any]:
    result = run_job(corpus, instance, lake.uri, model_key=key)
    assert result.success
    return metadata(result)


def test_the_first_life_releases_the_base_and_leaves_the_tuned_model_as_a_missing_partition(
    moons: Corpus, instance: dg.DagsterInstance, lake: Lake
) -> None:
    found = life(moons, instance, lake)
    entry = tuned_entry(moons, lake)
    base = moons.base_model
    assert entry.key == f"tiny-tuned-{entry.fingerprint[:8]}"
    assert keys(moons, instance) == [base.key, entry.key]
    assert production_key(moons, lake) == base.key
    assert lake.published(moons.table("embeddings", entry.key)) is None
    tuning = found["fine_tuned_model"]
    assert tuning["outcome"] == f"tuned: {entry.key}"
    assert tuning["dev nDCG@10 after"] > tuning["dev nDCG@10 before"]
    assert tuning["training"].startswith("![loss and dev nDCG@10 by step](data:image/png;base64,")
    assert found["training_set"]["train_pairs"] + found["training_set"]["dev_pairs"] == 48
    model = moons.model(entry.key, lake)
    assert (model.folder / "README.md").read_text("utf-8").startswith("---\nlibrary_name: sentence-transformers\n")
    assert (model.max_tokens, model.dimension) == (base.max_tokens, base.dimension)
    assert not list(Path(moons.registry(lake).uri).glob("training/*"))


def test_a_second_life_trains_nothing_and_embeds_nothing(
    moons: Corpus, instance: dg.DagsterInstance, lake: Lake
) -> None:
    first = life(moons, instance, lake)
    again = life(moons, instance, lake)
    assert again["fine_tuned_model"]["done"].startswith("nothing")
    assert again["fine_tuned_model"]["outcome"] == first["fine_tuned_model"]["outcome"]
    assert again["training_set"]["questions_embedded"] == again["embeddings"]["embedded"] == 0
    assert len(moons.registry(lake).entries()) == 1


def test_a_key_is_registered_again_in_a_new_home(moons: Corpus, instance: dg.DagsterInstance, lake: Lake) -> None:
    life(moons, instance, lake)
    with dg.DagsterInstance.ephemeral() as other:
        assert register_keys(moons, other, lake) == keys(moons, instance)


def test_a_candidate_is_compared_with_the_base_and_promoted_by_its_release(
    moons: Corpus, instance: dg.DagsterInstance, lake: Lake
) -> None:
    life(moons, instance, lake)
    entry = tuned_entry(moons, lake)
    assert candidate_run(moons, lake) == PlannedRun("candidate", entry.key)
    candidate = run_job(moons, instance, lake.uri, "candidate", entry.key)
    assert candidate.success
    report = metadata(candidate)["evaluation_report"]
    assert report["compared with"] == moons.base_model.key
    assert report["nDCG@10"] - report["nDCG@10 before"] == pytest.approx(report["nDCG@10 difference"])
    assert released_searcher(moons, lake)[0].manifest.model_key == moons.base_model.key  # a candidate releases nothing

    assert promote(moons, instance, lake.uri, entry.key).success
    release, searcher = released_searcher(moons, lake)
    assert release.manifest.model_key == production_key(moons, lake) == entry.key
    assert searcher.embedder.fingerprint == entry.fingerprint
    assert searcher.search("7 sea")
    assert candidate_run(moons, lake) is None


def test_a_candidate_can_be_looked_at_on_the_test_part_against_the_released_model(
    moons: Corpus, instance: dg.DagsterInstance, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    life(moons, instance, lake)
    key = tuned_entry(moons, lake).key
    monkeypatch.setattr(project, "corpus", lambda name: moons)
    monkeypatch.setattr(project, "lake", lambda: LakeResource(uri=lake.uri))
    early = CliRunner().invoke(app, ["evaluate", "moons", "--model", key])
    assert early.exit_code == 1
    assert "run the job moons_candidate for this key" in early.stderr
    assert run_job(moons, instance, lake.uri, "candidate", key).success
    found = CliRunner().invoke(app, ["evaluate", "moons", "--test", "--model", key, "--json"])
    shown = json.loads(found.stdout)
    assert shown["model"] == key
    [of_set], [difference] = shown["sets"], shown["differences"]
    assert (of_set["part"], of_set["questions"], difference["questions"]) == ("test", PARTS["test"], PARTS["test"])
    headline = difference["differences"]["hybrid"]["nDCG@10"]
    assert headline["after"] == of_set["estimates"]["hybrid"]["nDCG@10"]["mean"]
    assert headline["after"] - headline["before"] == pytest.approx(headline["change"]["mean"])
    printed = CliRunner().invoke(app, ["evaluate", "moons", "--model", key]).stdout
    assert f"difference to {moons.base_model.key}" in " ".join(printed.split())
    (moons.folder / "documents" / "new.md").write_text("a new moon 999", "utf-8")
    life(moons, instance, lake)
    apart = CliRunner().invoke(app, ["evaluate", "moons", "--model", key, "--json"])
    assert json.loads(apart.stdout)["differences"] == []
    assert "different versions of the corpus" in apart.stderr


def test_a_tuned_model_in_production_never_causes_another_tuning_and_the_base_is_kept_fresh(
    moons: Corpus, instance: dg.DagsterInstance, lake: Lake
) -> None:
    life(moons, instance, lake)
    key = tuned_entry(moons, lake).key
    assert run_job(moons, instance, lake.uri, "candidate", key).success
    assert promote(moons, instance, lake.uri, key).success
    base, production = life_runs(moons, lake)
    assert (base.key, production.key) == (moons.base_model.key, key)
    assert base.without == ("release",)
    assert production.without == ("training_set", "fine_tuned_model")

    # By the UI's "Materialize all" with the tuned key: training reads the base's partition, which has not changed.
    found = life(moons, instance, lake, key)
    assert found["training_set"]["done"].startswith("nothing")
    assert found["fine_tuned_model"]["done"].startswith("nothing")
    (moons.folder / "documents" / "new.md").write_text("a new moon 999", "utf-8")
    found = life(moons, instance, lake, key)
    assert found["training_set"]["done"].startswith("nothing")
    assert promote(moons, instance, lake.uri, key).success
    assert len(moons.registry(lake).entries()) == 1
    assert [r.manifest.model_key for r in Releases(lake, moons.name).history()][-2:] == [key, key]


def test_few_new_pairs_are_no_reason_to_train_again_and_many_are(
    moons: Corpus, instance: dg.DagsterInstance, lake: Lake
) -> None:
    def add(number: int) -> None:
        (moons.folder / "documents" / f"n{number}.md").write_text(f"moons {number} of the sea {number}", "utf-8")
        line = (
            f'\n{{"id": "n{number}", "question": "{number} {number}?", "answers": ["n{number}.md"], "part": "train"}}'
        )
        with (moons.folder / "questions.jsonl").open("a", encoding="utf-8") as file:
            file.write(line)

    life(moons, instance, lake)
    add(1000)
    found = life(moons, instance, lake)
    assert found["training_set"]["done"] == "published"
    assert found["fine_tuned_model"]["done"].startswith("nothing")
    for number in range(2000, 2005):
        add(number)
    found = life(moons, instance, lake)
    assert found["fine_tuned_model"]["done"] == "published"
    assert len(moons.registry(lake).entries()) == 2
    assert found["fine_tuned_model"]["model"] == moons.registry(lake).entries()[-1].key


@pytest.mark.parametrize(
    ("recipe", "reason", "passed"),
    [
        ({"min_gain": 0.99}, "the gain on dev is", {"dev_gain": False, "general_ability": True}),
        ({"min_neighbours": 1.0}, "of neighbours are kept", {"dev_gain": True, "general_ability": False}),
        ({"min_dev": 40}, "are too few to choose on", {"dev_gain": True, "general_ability": True}),
        ({"epochs": 0}, "the recipe has no epochs", {"dev_gain": True, "general_ability": True}),
    ],
)
def test_the_base_is_kept_and_the_reason_is_recorded(
    recipe: dict[str, Any], reason: str, passed: dict[str, bool], instance: dg.DagsterInstance, lake: Lake, tmp_path
) -> None:
    corpus = tunable(tmp_path / "moons", fine_tuned_model={**RECIPE, **recipe})
    result = run_job(corpus, instance, lake.uri)
    assert result.success
    assert metadata(result)["fine_tuned_model"]["outcome"].startswith("kept the base: ")
    assert reason in metadata(result)["fine_tuned_model"]["outcome"]
    assert {name: checks(result)[f"fine_tuned_model:{name}"] for name in passed} == passed
    assert corpus.registry(lake).entries() == []
    assert keys(corpus, instance) == [corpus.base_model.key]
    assert candidate_run(corpus, lake) is None
    assert life(corpus, instance, lake)["fine_tuned_model"]["done"].startswith("nothing")  # not tried every night


def test_other_settings_of_the_training_set_and_a_lost_model_call_for_a_training(
    moons: Corpus, instance: dg.DagsterInstance, lake: Lake
) -> None:
    life(moons, instance, lake)
    first = tuned_entry(moons, lake)
    other = tunable(moons.folder, training_set={"dev_share": 0.4})
    assert life(other, instance, lake)["fine_tuned_model"]["done"] == "published"
    [_, second] = other.registry(lake).entries()
    assert candidate_run(other, lake) == PlannedRun("candidate", second.key)
    assert first.key != second.key

    shutil.rmtree(Path(other.registry(lake).uri) / second.fingerprint)
    again = life(other, instance, lake)["fine_tuned_model"]
    assert (again["done"], again["model"]) == ("published", second.key)  # to the same weights
    assert life(other, instance, lake)["fine_tuned_model"]["done"].startswith("nothing")


def test_a_tuned_model_in_production_that_is_lost_is_no_reason_to_release_the_base(
    moons: Corpus, instance: dg.DagsterInstance, lake: Lake
) -> None:
    life(moons, instance, lake)
    entry = tuned_entry(moons, lake)
    assert run_job(moons, instance, lake.uri, "candidate", entry.key).success
    assert promote(moons, instance, lake.uri, entry.key).success
    shutil.rmtree(Path(moons.registry(lake).uri) / entry.fingerprint)
    with pytest.raises(RuntimeError, match=f"{entry.key} is in production and no longer in .*: restore its folder"):
        production_key(moons, lake)


def test_engineers_own_assets_run_with_the_base_and_with_production(moons: Corpus, lake: Lake) -> None:
    @dg.asset(key=["moons", "sizes"], group_name="moons")
    def sizes() -> None:
        """Somebody's own."""

    both = dg.Definitions.merge(definitions(moons, lake.uri), dg.Definitions(assets=[sizes]))
    job = both.resolve_job_def("moons_life")
    assert PlannedRun("life", "any").selection(moons, job) is None
    chosen = PlannedRun("life", "any", ("release",)).selection(moons, job)
    assert chosen is not None
    assert dg.AssetKey(["moons", "sizes"]) in chosen
    assert {key.path[-1] for key in chosen} == {*STAGE_NAMES, "sizes"} - {"release"}


def test_a_later_training_that_keeps_the_base_leaves_no_candidate_and_the_earlier_one_is_not_done_again(
    moons: Corpus, instance: dg.DagsterInstance, lake: Lake
) -> None:
    first = life(moons, instance, lake)["fine_tuned_model"]
    candidate = candidate_run(moons, lake)
    assert candidate
    stricter = tunable(moons.folder, fine_tuned_model={**RECIPE, "min_gain": 0.99})
    assert life(stricter, instance, lake)["fine_tuned_model"]["outcome"].startswith("kept the base")
    assert candidate_run(stricter, lake) is None
    assert tuned_entry(stricter, lake)  # what was registered stays

    back = life(moons, instance, lake)["fine_tuned_model"]
    assert (back["done"], back["seconds"]) == ("published", 0.0)
    assert {**back, **EXPECTED_TO_DIFFER} == {**first, **EXPECTED_TO_DIFFER}
    assert candidate_run(moons, lake) == candidate
    assert life(moons, instance, lake)["fine_tuned_model"]["done"].startswith("nothing")


def test_two_corpora_side_by_side_never_cross(instance: dg.DagsterInstance, lake: Lake, tmp_path: Path) -> None:
    one = tunable(tmp_path / "one", "moons")
    two = tunable(tmp_path / "two", "suns", fine_tuned_model={**RECIPE, "seed": 7})
    shutil.rmtree(two.folder / "tiny")
    shutil.copytree(one.folder / "tiny", two.folder / "tiny")
    for corpus in (one, two):
        life(corpus, instance, lake)
    assert one.base_model.key == two.base_model.key
    first, second = tuned_entry(one, lake), tuned_entry(two, lake)
    assert first.key != second.key
    assert keys(one, instance) == [one.base_model.key, first.key]
    assert keys(two, instance) == [two.base_model.key, second.key]
    assert run_job(one, instance, lake.uri, "candidate", first.key).success
    assert promote(one, instance, lake.uri, first.key).success
    assert production_key(one, lake) == first.key
    assert production_key(two, lake) == two.base_model.key
    assert len(Releases(lake, "suns").history()) == 1
    with pytest.raises(RuntimeError, match=f"no configured or tuned model has the name or key '{first.key}'"):
        two.model(first.key, lake)


def test_a_planted_test_question_never_reaches_the_training_set(
    instance: dg.DagsterInstance, lake: Lake, tmp_path: Path
) -> None:
    corpus = tunable(tmp_path / "moons")
    file = corpus.folder / "questions.jsonl"
    lines = file.read_text("utf-8").splitlines()
    test = '"question": "what does a new moon do to the sea?", "answers": ["d59.md"], "part": "test"'
    planted = [
        "What does a new moon do to the SEA",
        "what doesn't a new moon do to the sea?",
        "to the sea, what does a new moon do?",
    ]
    lines = [*lines[:-1], f'{{"id": "q59", {test}}}']
    lines += [
        f'{{"id": "p{i}", "question": "{text}", "answers": ["d0{i}.md"], "part": "train"}}'
        for i, text in enumerate(planted)
    ]
    file.write_text("\n".join(lines), "utf-8")
    found = life(corpus, instance, lake)
    assert found["training_set"]["dropped"] == len(planted)
    rows = list(lake.published(corpus.table("training_set")).rows(["question_id"]))  # type: ignore[union-attr]
    assert not {"p0", "p1", "p2"} & {row["question_id"] for row in rows}
