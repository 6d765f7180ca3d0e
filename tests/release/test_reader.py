"""Readers: no YAML and no Dagster, the release in force at each query, and one release for as long as it is held."""

import json
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from llmops_pipelines import release as module
from llmops_pipelines.embedding.model_folder import ModelError, ModelFolder
from llmops_pipelines.embedding.references import reference, registered_reference
from llmops_pipelines.embedding.registry import Registry
from llmops_pipelines.embedding.torch_embedder import TorchEmbedder
from llmops_pipelines.index.build import IndexSettings
from llmops_pipelines.release.manifest import Manifest, ReleaseError, search_json
from llmops_pipelines.release.reader import Reader, ReleaseWarning
from llmops_pipelines.release.releases import Releases
from llmops_pipelines.storage import Lake
from tests.embedding.tiny_models import tiny_model
from tests.index.hand_made import HandMade
from tests.release.made import ONE, THREE, TWO, change_row, manifest, promoted

HEAVY = ("torch", "transformers", "sentence_transformers", "lancedb", "lance", "openai", "dagster", "yaml")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    return ModelFolder("tiny", tiny_model(tmp_path_factory.mktemp("models") / "tiny", window=48))


class Library:
    """Releases of hand-made indexes under a real model."""

    def __init__(self, lake: Lake, model: ModelFolder) -> None:
        embedder = TorchEmbedder(model, "fp32")

        def vector(text: str) -> np.ndarray:
            return embedder.embed([text], "document").vectors[0]

        self.model = model
        self.made = HandMade(lake, fingerprint=model.fingerprint, vector_of=vector)
        self.releases = Releases(lake, "c")

    def manifest(self, passages: dict[str, list[str]], settings: IndexSettings | None = None) -> Manifest:
        found = {"found": reference(self.model), "precision": "fp32", "engine": "torch"}
        index = self.made.build(passages, settings)[1]
        return manifest(index, fingerprint=self.model.fingerprint, model_key=self.model.key, model=json.dumps(found))

    def release(self, passages: dict[str, list[str]]) -> None:
        promoted(self.releases, self.manifest(passages))


@pytest.fixture
def library(lake: Lake, tiny: ModelFolder) -> Library:
    made = Library(lake, tiny)
    made.release(ONE)
    return made


def found(search: Callable[..., list[module.Hit]], text: str = "the moon") -> list[str]:
    return [hit.doc_id for hit in search(text, "dense")]


def test_importing_it_loads_nothing_heavy() -> None:
    code = "import sys; import llmops_pipelines.release; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "llmops_pipelines.release" in loaded
    assert [name for name in HEAVY if name in loaded] == []


def test_a_program_needs_the_name_of_the_corpus_and_the_lake_only(library: Library, tmp_path: Path) -> None:
    code = (
        "import os, sys; from llmops_pipelines import release\n"
        "print(release.open('c').search('colonies', limit=1)[0].doc_id, 'dagster' in sys.modules)"
    )
    program = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"LLMOPS_LAKE": library.releases.lake.uri, "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert program.stdout.split() == ["bees", "False"]


@pytest.mark.parametrize("kind", ["dense", "full_text", "hybrid"])
def test_every_kind_of_search_answers_from_what_is_in_force(library: Library, kind: module.SearchKind) -> None:
    reader = module.open("c", library.releases.lake.uri)
    assert [hit.doc_id for hit in reader.search("bees in colonies", kind)] == ["bees"]
    assert reader.search("bees in colonies", kind, where="collection = 'none'") == []


def test_each_query_looks_up_what_is_in_force_and_what_is_held_stays(library: Library, lake: Lake) -> None:
    reader = module.open("c", lake)
    with reader.held() as held:
        assert found(reader.search) == found(held.search) == ["bees"]
        library.release(TWO)
        assert found(reader.search) == ["bread"]
        library.release(THREE)
        assert found(reader.search) == ["tides"]
        library.releases.rollback("me", "back")
        assert found(reader.search) == ["bread"]
        library.releases.withdraw("me", "wrong")
        assert found(reader.search) == ["tides"]
        assert found(held.search) == ["bees"]
        assert held.release.release_id == "r0001"


def test_model_and_index_stay_loaded_until_something_else_is_in_force(library: Library, lake: Lake) -> None:
    reader = Reader(lake, "c")
    with reader.held() as one, reader.held() as same:
        assert one is same
    library.release(TWO)
    with reader.held() as other:
        assert other is not one
        assert other.searcher.embedder is one.searcher.embedder


def test_how_the_index_is_searched_belongs_to_the_release(library: Library, lake: Lake) -> None:
    settings = IndexSettings(probes=7, refine=3)
    promoted(library.releases, library.manifest(TWO, settings))
    with module.open("c", lake).held() as held:
        assert held.searcher.index.settings == settings
        assert held.release.manifest.search == search_json(settings)


def test_settings_that_this_package_does_not_know_are_an_error_that_says_so(library: Library, lake: Lake) -> None:
    unknown = json.dumps({"depth": 9})
    promoted(library.releases, Manifest(**{**vars(library.manifest(TWO)), "search": unknown}))
    with pytest.raises(ReleaseError, match=r"cannot search the index of tiny-.* as it was released"):
        module.open("c", lake).search("yeast")


def test_a_tuned_model_is_found_beside_the_lake(library: Library, lake: Lake) -> None:
    entry = Registry.beside(lake, "c").add(library.model, {})
    tuned = json.dumps({"found": registered_reference(entry), "precision": "fp32"})
    promoted(library.releases, Manifest(**{**vars(library.manifest(TWO)), "model": tuned}))
    with module.open("c", lake).held() as held:
        assert held.searcher.embedder.model.folder.is_relative_to(lake.uri)  # type: ignore[attr-defined]
        assert found(held.search) == ["bread"]


def test_a_model_that_was_changed_is_not_asked(lake: Lake, tmp_path: Path) -> None:
    model = ModelFolder("tiny", tiny_model(tmp_path / "tiny", window=48))
    Library(lake, model).release(ONE)
    tiny_model(tmp_path / "tiny", window=48, seed=1)
    with pytest.raises(ReleaseError, match=r"was released as the model .* go back by `llmops rollback c`"):
        module.open("c", lake).search("bees")
    (tmp_path / "tiny" / "modules.json").unlink()
    with pytest.raises(ModelError, match="there is no file"):
        module.open("c", lake).search("bees")


def test_before_the_first_release_and_without_a_valid_one_the_error_says_what_to_do(
    library: Library, lake: Lake
) -> None:
    with pytest.raises(ReleaseError, match=r"corpus other has no release in force .*: run `llmops run other`"):
        module.open("other", lake).search("bees")
    change_row(lake, "r0001", reason="'another'")
    with pytest.warns(ReleaseWarning), pytest.raises(ReleaseError, match=r"\(r0001 is not valid: the row was changed"):
        module.open("c", lake).search("bees")


def test_a_row_that_becomes_invalid_is_warned_of_once_and_not_served(library: Library, lake: Lake) -> None:
    reader = module.open("c", lake)
    library.release(TWO)
    assert found(reader.search) == ["bread"]
    change_row(lake, "r0002", reason="'another'")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert found(reader.search) == found(reader.search) == ["bees"]
    assert [w.category for w in caught] == [ReleaseWarning]


def test_a_version_that_is_cleaned_away_under_a_reader_is_served_no_more(library: Library, lake: Lake) -> None:
    library.release(TWO)
    reader = module.open("c", lake)
    assert found(reader.search) == ["bread"]
    version = library.releases.history()[1].manifest.index_version
    library.made.build(ONE)
    lake.untag("c.index", f"release-{version}")
    lake.database.open_table("c.index").to_lance().cleanup_old_versions(versions=[version])  # type: ignore[call-arg]
    with pytest.warns(ReleaseWarning, match=f"r0002 is not valid: version {version} of table c.index is no longer"):
        assert found(reader.search) == ["bees"]


def test_threads_that_share_a_reader_are_each_answered_by_one_release(library: Library, lake: Lake) -> None:
    reader = module.open("c", lake)
    right = {"r0001": ["bees"], "r0002": ["bread"], "r0003": ["bees"], "r0004": ["bread"], "r0005": ["bees"]}
    stop = threading.Event()

    def read() -> list[tuple[str, list[str], list[str]]]:
        seen = []
        while not stop.is_set():
            with reader.held() as held:
                seen.append((held.release.release_id, found(held.search), found(held.search, "bread and bees")))
        return seen

    with ThreadPoolExecutor() as pool:
        reading = [pool.submit(read) for _ in range(3)]
        library.release(TWO)
        for release_id in ("r0001", "r0002", "r0001"):
            back = library.releases.rollback("me", "back", release_id)
            assert found(reader.search) == right[back.release_id]
        stop.set()
        seen = [one for future in reading for one in future.result()]
    assert {release_id for release_id, _, _ in seen} <= right.keys()
    assert all(one == other == right[release_id] for release_id, one, other in seen)
