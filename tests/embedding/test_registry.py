"""The registry: whole models, each once by fingerprint, immutable, on a folder and on a file system by URI."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pyarrow.fs
import pytest

from llmops_pipelines.embedding.model_folder import ModelError, ModelFolder
from llmops_pipelines.embedding.registry import ENTRY, Entry, Registry
from llmops_pipelines.storage.errors import LakeError
from tests.embedding.tiny_models import tiny_model

DETAILS = {"corpus": "articles", "gain": {"mean": 0.1}, "steps": 3}


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> list[ModelFolder]:
    """Two models of one name with other weights."""
    made = tmp_path_factory.mktemp("made")
    return [ModelFolder("tuned", tiny_model(made / str(seed), seed=seed)) for seed in (1, 2)]


@pytest.fixture
def models(saved: list[ModelFolder], tmp_path: Path) -> list[ModelFolder]:
    """The same models in folders that a test may change."""
    return [
        ModelFolder(model.name, Path(shutil.copytree(model.folder, tmp_path / "models" / model.folder.name)))
        for model in saved
    ]


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(f"{tmp_path}/lake/models/articles/")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home directory of its own, with the cache of models that the registry makes in it."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path / "home" / ".cache" / "llmops-pipelines" / "models"


def content(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_registry_without_models_is_empty(registry: Registry) -> None:
    assert registry.entries() == []
    assert not Path(registry.uri).exists()


def test_a_model_is_kept_whole_and_read_back(registry: Registry, models: list[ModelFolder]) -> None:
    entry = registry.add(models[0], DETAILS)
    assert entry == Entry(models[0].key, "tuned", models[0].fingerprint, 1, DETAILS)
    assert Registry(registry.uri).entries() == [entry]
    expected = content(models[0].folder)
    shutil.rmtree(models[0].folder)
    kept = registry.model(entry)
    assert (kept.key, kept.folder) == (entry.key, Path(registry.uri) / entry.fingerprint)
    assert {name: found for name, found in content(kept.folder).items() if name != ENTRY} == expected


def test_a_model_is_registered_once(registry: Registry, models: list[ModelFolder]) -> None:
    first = registry.add(models[0], DETAILS)
    before = {path: path.stat().st_mtime_ns for path in Path(registry.uri).rglob("*")}
    assert registry.add(models[0], {"corpus": "of another telling"}) == first
    assert {path: path.stat().st_mtime_ns for path in Path(registry.uri).rglob("*")} == before


def test_a_model_that_is_registered_keeps_its_key_when_it_comes_under_another_name(
    registry: Registry, models: list[ModelFolder]
) -> None:
    first = registry.add(models[0], DETAILS)
    assert registry.add(replace(models[0], name="renamed"), {}) == first
    assert registry.entries() == [first]
    assert registry.model(first).key == first.key


def test_models_are_listed_oldest_first(registry: Registry, models: list[ModelFolder]) -> None:
    added = [registry.add(model, {}) for model in sorted(models, key=lambda model: model.fingerprint, reverse=True)]
    assert [entry.sequence for entry in added] == [1, 2]
    assert registry.entries() == added
    assert len({entry.key for entry in added}) == 2


def test_two_models_with_one_key_are_not_both_registered(registry: Registry, models: list[ModelFolder]) -> None:
    """Keys have eight digits of the fingerprint: the other is one that shares them and nothing else."""
    entry = registry.add(models[0], {})
    other = models[0].fingerprint[:8] + "0" * 56
    folder = Path(registry.uri) / entry.fingerprint
    (folder / ENTRY).write_text(json.dumps({**vars(entry), "fingerprint": other}), "utf-8")
    before = content(folder)
    with pytest.raises(ModelError, match=rf"the key {entry.key} is .* {other}, this one has {models[0].fingerprint}"):
        registry.add(models[0], {})
    assert content(folder) == before


def test_a_copy_that_was_cut_short_is_not_listed_and_is_replaced(
    registry: Registry, models: list[ModelFolder], monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_short(source: str, destination: str, **options) -> None:
        (Path(destination) / "model.safetensors").write_bytes(b"half")
        (Path(destination) / "left.over").write_bytes(b"")
        raise OSError("No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(pyarrow.fs, "copy_files", cut_short)
        with pytest.raises(LakeError, match=r"cannot register model tuned-.*No space left"):
            registry.add(models[0], {})
    assert registry.entries() == []
    assert (Path(registry.uri) / models[0].fingerprint / "left.over").exists()
    entry = registry.add(models[0], {})
    assert registry.entries() == [entry]
    assert content(registry.model(entry).folder).keys() == {*content(models[0].folder), ENTRY}


def test_an_entry_that_was_cut_short_does_not_hide_the_other_models(
    registry: Registry, models: list[ModelFolder], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed while the entry is written: it stands under another name until it is whole."""
    first = registry.add(models[0], {})
    dumps = json.dumps

    def killed(value, indent: int | None = None, **options) -> str:
        if indent:
            raise KeyboardInterrupt
        return dumps(value, **options)

    monkeypatch.setattr(json, "dumps", killed)
    with pytest.raises(KeyboardInterrupt):
        registry.add(models[1], {})
    monkeypatch.undo()
    (Path(registry.uri) / models[1].fingerprint / f"{ENTRY}.part").write_text('{"key": "tun', "utf-8")
    assert registry.entries() == [first]
    second = registry.add(models[1], {})
    assert registry.entries() == [first, second]
    assert not (registry.model(second).folder / f"{ENTRY}.part").exists()


@pytest.mark.parametrize("changed", ["model.safetensors", "tokenizer.json", "config.json", "1_Pooling/config.json"])
def test_a_model_whose_files_have_changed_is_not_used(
    changed: str, registry: Registry, models: list[ModelFolder]
) -> None:
    entry = registry.add(models[0], {})
    path = Path(registry.uri) / entry.fingerprint / changed
    text = path.read_bytes()
    edits = {
        "model.safetensors": text[:-1] + bytes([text[-1] ^ 1]),
        "tokenizer.json": text.replace(b'"moon"', b'"noom"'),
        "config.json": text.replace(b'"num_attention_heads": 2', b'"num_attention_heads": 4'),
        "1_Pooling/config.json": text.replace(b"mean", b"max"),
    }
    assert edits[changed] != text
    path.write_bytes(edits[changed])
    with pytest.raises(ModelError, match=rf"{entry.key} in .*{entry.fingerprint} has been changed.*Restore the folder"):
        registry.model(entry)
    path.write_bytes(text)
    assert registry.model(entry).key == entry.key


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("model.safetensors", "holds no safetensors weights"),
        ("tokenizer.json", "no file .*tokenizer.json"),
        ("modules.json", "no file .*modules.json"),
    ],
)
def test_a_model_with_a_file_missing_is_not_used(missing: str, message: str, registry: Registry, models) -> None:
    entry = registry.add(models[0], {})
    (Path(registry.uri) / entry.fingerprint / missing).unlink()
    with pytest.raises(ModelError, match=message):
        registry.model(entry)


def test_the_registries_of_two_corpora_are_apart(tmp_path: Path, models: list[ModelFolder]) -> None:
    one, two = (Registry(f"{tmp_path}/lake/models/{corpus}") for corpus in ("articles", "articles2"))
    first = one.add(models[0], {"corpus": "articles"})
    assert two.entries() == []
    second = two.add(models[0], {"corpus": "articles2"})
    assert (one.entries(), two.entries()) == ([first], [second])
    assert one.model(first).folder != two.model(second).folder
    shutil.rmtree(one.uri)
    assert two.model(second).key == second.key


def test_the_workspace_of_a_training_is_its_own_and_no_model(registry: Registry, models: list[ModelFolder]) -> None:
    folder = registry.workspace("a" * 64)
    (folder / "checkpoint-1").mkdir()
    assert registry.workspace("a" * 64) == folder
    assert (registry.workspace("a" * 64) / "checkpoint-1").is_dir()
    assert registry.workspace("b" * 64) != folder
    assert registry.entries() == []
    entry = registry.add(models[0], {})
    assert registry.entries() == [entry]


def test_an_entry_that_is_no_json_is_explained(registry: Registry, models: list[ModelFolder]) -> None:
    entry = registry.add(models[0], {})
    (Path(registry.uri) / entry.fingerprint / ENTRY).write_text("{", "utf-8")
    with pytest.raises(LakeError, match="cannot list the registered models"):
        registry.entries()


@pytest.fixture
def remote(tmp_path: Path, home: Path) -> Registry:
    """Reached by URI as an object store is: models are fetched to the cache before they are used."""
    return Registry(f"file://{tmp_path}/store/models/articles")


def test_a_model_of_a_store_is_fetched_once(
    remote: Registry, home: Path, models: list[ModelFolder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert remote.entries() == []
    entry = remote.add(models[0], DETAILS)
    assert Registry(remote.uri).entries() == [entry]
    fetched = remote.model(entry)
    assert fetched.folder == home / entry.fingerprint
    assert content(fetched.folder) == content(tmp_path / "store" / "models" / "articles" / entry.fingerprint)
    assert [path.name for path in home.iterdir()] == [entry.fingerprint], "nothing else is left in the cache"
    monkeypatch.setattr(pyarrow.fs, "copy_files", None)
    assert remote.model(entry).key == entry.key


@pytest.mark.parametrize("leftover", [("config.json",), ("config.json", "model.safetensors"), ()])
def test_a_fetch_that_was_cut_short_is_done_again(
    leftover: tuple[str, ...], remote: Registry, home: Path, models: list[ModelFolder]
) -> None:
    entry = remote.add(models[0], {})
    (home / entry.fingerprint).mkdir(parents=True)
    for name in leftover:
        (home / entry.fingerprint / name).write_text("{", "utf-8")
    assert remote.model(entry).fingerprint == entry.fingerprint


def test_a_fetch_that_fails_leaves_nothing_behind(
    remote: Registry, home: Path, models: list[ModelFolder], monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = remote.add(models[0], {})

    def cut_short(source: str, destination: str, **options) -> None:
        Path(destination).mkdir(parents=True, exist_ok=True)
        (Path(destination) / ENTRY).write_text("{}", "utf-8")
        raise OSError("connection reset")

    with monkeypatch.context() as patched:
        patched.setattr(pyarrow.fs, "copy_files", cut_short)
        with pytest.raises(LakeError, match=r"cannot fetch model tuned-.*connection reset"):
            remote.model(entry)
    assert list(home.iterdir()) == []
    assert remote.model(entry).fingerprint == entry.fingerprint


def test_a_changed_model_in_a_store_is_not_used(remote: Registry, models: list[ModelFolder], tmp_path: Path) -> None:
    entry = remote.add(models[0], {})
    weights = tmp_path / "store" / "models" / "articles" / entry.fingerprint / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    with pytest.raises(ModelError, match="has been changed"):
        remote.model(entry)


def test_the_workspace_beside_a_store_is_on_this_machine(remote: Registry, home: Path) -> None:
    workspace = remote.workspace("c" * 64)
    assert (workspace.name, workspace.parent.name) == ("cccccccccccccccc", "training")
    assert workspace.is_dir()
    assert home in workspace.parents
    assert workspace != Registry(remote.uri + "2").workspace("c" * 64)


def test_what_an_earlier_training_left_behind_is_removed(remote: Registry) -> None:
    abandoned = remote.workspace("a" * 64)
    (abandoned / "checkpoint-1").mkdir()
    kept = remote.workspace("b" * 64)
    assert not abandoned.exists()
    (kept / "checkpoint-1").mkdir()
    assert (remote.workspace("b" * 64) / "checkpoint-1").is_dir()
