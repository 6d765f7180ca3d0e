"""The models of a corpus: any folder or hub name is a key; one that cannot be used stops none of the others."""

import shutil
from pathlib import Path

import dagster as dg
import pytest
from pydantic import ValidationError
from pytest_httpserver import HTTPServer

from llmops_pipelines.embedding.model_folder import ModelError, ModelFolder
from llmops_pipelines.orchestration.automation import register_sensor
from llmops_pipelines.orchestration.corpus import Corpus
from llmops_pipelines.orchestration.partitions import download_models, production_key, register_keys
from llmops_pipelines.orchestration.settings import CorpusSettings
from llmops_pipelines.resources.lake import LakeResource
from llmops_pipelines.storage import Lake
from tests.dagster_runs import checks, metadata, run_job
from tests.embedding.fake_hub import REPOSITORY, FakeHub, use_hub
from tests.embedding.tiny_models import tiny_model

HUB = {"name": "hubbed", "hub": REPOSITORY}


def corpus_of(folder: Path, *models: dict[str, object] | str) -> Corpus:
    settings = {
        "name": "articles",
        "source": {"type": "directory", "uri": "documents"},
        "embeddings": {"models": models, "precision": "fp32"},
        "evaluation": {"suites": ["written.yaml"]},
    }
    return Corpus(CorpusSettings.model_validate(settings), folder)


@pytest.fixture
def tiny(articles: Path) -> dict[str, object]:
    """A model in a folder beside the corpus's YAML."""
    tiny_model(articles / "models" / "tiny", window=32, seed=3)
    return {"name": "tiny", "folder": "models/tiny"}


@pytest.fixture
def hub(httpserver: HTTPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeHub:
    fake = FakeHub(httpserver, tiny_model(tmp_path / "served", window=48))
    use_hub(monkeypatch, fake.url, tmp_path / "cache")
    return fake


def evaluate_sensor(corpus: Corpus, instance: dg.DagsterInstance, lake: Lake) -> tuple[list[str], str | None]:
    """The keys that the sensor asks to register, and the reason that it gives. What it observes is reported."""
    context = dg.build_sensor_context(instance=instance)
    result = register_sensor(corpus)(context, lake=LakeResource(uri=lake.uri))
    if isinstance(result, dg.SkipReason):
        return [], result.skip_message
    assert isinstance(result, dg.SensorResult)
    for event in result.asset_events or []:
        assert isinstance(event, dg.AssetObservation)
        instance.report_runless_asset_event(event)
    keys = [key for request in result.dynamic_partitions_requests or [] for key in request.partition_keys]
    reason = result.skip_reason
    return keys, reason.skip_message if isinstance(reason, dg.SkipReason) else reason


def test_folder_and_hub_are_keys_and_run(
    articles: Path, tiny: dict[str, object], hub: FakeHub, instance: dg.DagsterInstance, lake: Lake
) -> None:
    card = "---\nlicense: mit\n---\n"
    (articles / "models" / "tiny" / "README.md").write_text(card, "utf-8")
    prompted = {**HUB, "prompts": {"query": "query: ", "document": "passage: "}}
    corpus = corpus_of(articles, tiny, prompted)
    told: list[str] = []
    download_models(corpus, told.append)
    assert told == [f"model hubbed: downloading {REPOSITORY} from {hub.url}"]
    keys = register_keys(corpus, instance, lake)
    assert keys == corpus.model_keys() == [model.key for model in corpus.usable_models().by_key.values()]
    asked = hub.requests
    for key, licence, window, query, document in (
        (keys[0], "mit", 32, "none", "none"),
        (keys[1], "unknown", 48, '"query: "', '"passage: "'),
    ):
        for done in ("published", "nothing: inputs are unchanged"):
            result = run_job(corpus, instance, lake.uri, "life" if key == keys[0] else "candidate", key)
            shown = metadata(result)["embeddings"]
            assert shown["done"] == done
            assert (shown["licence"], shown["dimension"], shown["max_tokens"]) == (licence, 16, window)
            assert (shown["query_prompt"], shown["document_prompt"]) == (query, document)
            assert shown["fingerprint"] == corpus.model(key, lake).fingerprint
    assert hub.requests == asked


def test_the_bundled_model_can_be_named_beside_others(
    articles: Path, tiny: dict[str, object], model: ModelFolder
) -> None:
    assert corpus_of(articles, "bundled", tiny).model_keys()[0] == model.key
    assert corpus_of(articles, "bundled", tiny).key_of("bundled") == model.key
    assert corpus_of(articles, tiny, "bundled").usable_models().by_key[model.key] == model


def test_prompts_in_yaml_are_another_model(articles: Path, tiny: dict[str, object]) -> None:
    plain, prompted = (corpus_of(articles, model) for model in (tiny, {**tiny, "prompts": {"query": "query: "}}))
    assert plain.model_keys() != prompted.model_keys()
    assert prompted.base_model.prompt("query") == "query: "


def test_a_prompt_before_passages_leaves_them_less_of_the_window(
    articles: Path, tiny: dict[str, object], instance: dg.DagsterInstance, lake: Lake
) -> None:
    corpus = corpus_of(articles, {**tiny, "prompts": {"document": "passage: "}})
    base = corpus.base_model
    assert (base.max_tokens, base.text_tokens) == (32, 30)  # "passage" and ":"
    result = run_job(corpus, instance, lake.uri)
    assert 24 < metadata(result)["chunks"]["longest_tokens"] <= 30
    assert checks(result)["embeddings:within_window"]


def test_a_bad_model_stops_none_of_the_others(
    articles: Path, tiny: dict[str, object], hub: FakeHub, instance: dg.DagsterInstance, lake: Lake
) -> None:
    pickled = tiny_model(articles / "models" / "pickled")
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    missing = {"name": "missing", "folder": "nowhere"}
    other = {"name": "other", "hub": "someone/else"}
    malformed = {"name": "malformed", "hub": "someone/el--se"}
    corpus = corpus_of(articles, tiny, missing, other, malformed, {"name": "pickled", "folder": "models/pickled"}, HUB)
    told: list[str] = []
    download_models(corpus, told.append)
    problems = [line for line in told if "downloading" not in line]
    assert [line.split(":")[0] for line in problems] == [
        *("model missing", "model other", "model malformed", "model pickled")
    ]
    assert "someone/el--se is no name on a hub" in problems[2]
    assert "pickled weights are not loaded" in problems[3]
    keys, reason = evaluate_sensor(corpus, instance, lake)
    assert [key.rpartition("-")[0] for key in keys] == ["tiny", "hubbed"]
    for name in ("missing", "other", "pickled"):
        assert f"model {name}: " in (reason or "")
    assert register_keys(corpus, instance, lake) == keys == corpus.model_keys()
    assert [corpus.key_of(name) for name in ("tiny", "hubbed", keys[1], "unknown")] == [*keys, keys[1], "unknown"]
    with pytest.raises(ModelError, match="pickled weights are not loaded"):
        corpus.key_of("pickled")
    assert "model missing: " in (evaluate_sensor(corpus, instance, lake)[1] or "")


def test_a_base_model_that_cannot_be_used_is_an_error_and_the_others_are_registered(
    articles: Path, tiny: dict[str, object], instance: dg.DagsterInstance, lake: Lake
) -> None:
    corpus = corpus_of(articles, {"name": "missing", "folder": "nowhere"}, tiny)
    for use in (corpus.model_keys, lambda: download_models(corpus, print), lambda: production_key(corpus, lake)):
        with pytest.raises(ModelError, match="model missing: there is no file"):
            use()
    assert [key.rpartition("-")[0] for key in register_keys(corpus, instance, lake)] == ["tiny"]


def test_the_sensor_downloads_nothing_and_says_what_to_do(
    articles: Path, tiny: dict[str, object], hub: FakeHub, instance: dg.DagsterInstance, lake: Lake
) -> None:
    corpus = corpus_of(articles, tiny, HUB)
    keys, reason = evaluate_sensor(corpus, instance, lake)
    assert [key.rpartition("-")[0] for key in keys] == ["tiny"]
    assert f"`hf download {REPOSITORY}`" in (reason or "")
    assert hub.requests == 0
    download_models(corpus, print)
    register_keys(corpus, instance, lake)
    evaluate_sensor(corpus, instance, lake)  # what the new key is judged by is observed
    assert evaluate_sensor(corpus, instance, lake) == (
        [],
        "every model is registered, suites and production are what they were",
    )


def test_one_key_for_two_models_is_refused_naming_both(articles: Path, tiny: dict[str, object]) -> None:
    shutil.copytree(articles / "models" / "tiny", articles / "models" / "copy")
    again = {"name": "tiny", "folder": "models/copy"}
    usable = corpus_of(articles, tiny, again).usable_models()
    ((position, problem),) = usable.problems.items()
    assert position == 1
    for folder in ("models/tiny", "models/copy"):
        assert str(articles / folder) in str(problem)
    (kept,) = usable.by_key.values()
    assert kept.folder == articles / "models" / "tiny"
    assert not corpus_of(articles, tiny, {**again, "name": "tiny-2"}).usable_models().problems


def test_the_released_model_is_not_replaced_by_another_while_it_cannot_be_used(
    articles: Path, tiny: dict[str, object], instance: dg.DagsterInstance, lake: Lake
) -> None:
    tiny_model(articles / "models" / "other", window=32, seed=4)
    other = {"name": "other", "folder": "models/other"}
    assert run_job(corpus_of(articles, other), instance, lake.uri).success
    corpus = corpus_of(articles, tiny, other)
    assert production_key(corpus, lake).startswith("other-")
    (articles / "models" / "other" / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="model other: "):
        production_key(corpus_of(articles, tiny, other), lake)
    assert production_key(corpus_of(articles, tiny), lake).startswith("tiny-")


@pytest.mark.parametrize(
    "model", [{}, {"folder": "a", "hub": "a/b"}, {"folder": "a", "revision": "main"}, {"hub": "b"}]
)
def test_a_model_is_a_folder_or_of_a_hub(model: dict[str, object], tmp_path: Path) -> None:
    with pytest.raises(ValidationError):
        corpus_of(tmp_path, {"name": "mine", **model})
