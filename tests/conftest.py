"""Fixtures that all tests share: a lake of their own, the bundled model loaded once, and a small real corpus."""

import os
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from pytest_httpserver import HTTPServer

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
if "PYTEST_XDIST_WORKER" in os.environ:  # a worker a core: more threads would only wait for each other
    os.environ.setdefault("OMP_NUM_THREADS", "1")

from llmops_pipelines.embedding.model_folder import ModelFolder, bundled_model
from llmops_pipelines.embedding.torch_embedder import TorchEmbedder
from llmops_pipelines.orchestration.corpus import Corpus
from llmops_pipelines.orchestration.settings import CorpusSettings
from llmops_pipelines.storage import Lake
from tests.suite_files import write_suite

PROJECT = Path(__file__).resolve().parent.parent
# Files that take minutes. They begin first, or the last of them would be waited for by idle workers.
LONG = (
    *("test_documented_commands", "test_gate_in_the_browser", "test_tuning", "test_life_in_the_browser"),
    *("test_drift_end_to_end", "test_promotion", "test_drift", "test_upstream_component", "test_trainer", "test_kills"),
    *("test_lifecycle", "test_release", "test_evaluation_report", "test_model_settings", "test_scaffold"),
)
MOST_WORKERS = 4


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: daemons, browsers and databases are often waited for."""
    return min(MOST_WORKERS, 1 + len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long files first, in the order of LONG; the others stay in theirs."""
    places = {name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: places.get(item.path.stem, len(LONG)))


ARTICLES = {
    "bees.md": "# Bees\n\nHoney bees live in colonies of many thousand workers and one queen.\n\n"
    "## Dance\n\nA forager tells the others where flowers are by a waggle dance on the comb.\n",
    "bread.md": "# Bread\n\nBread rises because yeast turns sugar into carbon dioxide.\n\n"
    "## Sourdough\n\nSourdough is leavened by wild yeast and lactic acid bacteria that live in the starter.\n",
    "tides.md": "# Tides\n\nThe moon pulls the sea, so that most coasts see two high waters a day.\n\n"
    "## Spring tides\n\nWhen sun and moon pull in one line, the tides are highest.\n",
    "rails/gauge.md": "# Gauge\n\nThe distance between the rails is 1,435 mm on most of the world's railways.\n",
    "rails/signals.txt": "Railway signals keep two trains from being in the same section of track at once.\n",
}

QUESTIONS = """\
{"id": "q1", "question": "how do insects tell their nest mates about food?", "answers": ["bees.md"], "part": "dev"}
{"id": "q2", "question": "what makes dough grow?", "answers": ["bread.md"], "part": "dev"}
{"id": "q3", "question": "why does the ocean come and go?", "answers": ["tides.md"], "part": "test"}
{"id": "q4", "question": "how wide apart is a train's track?", "answers": ["rails/gauge.md"], "part": "dev"}
{"id": "q5", "question": "what lives in a sourdough starter?", "answers": ["bread.md"], "part": "test"}
"""


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake"))


@pytest.fixture(scope="session")
def model() -> ModelFolder:
    return bundled_model()


@pytest.fixture(scope="session")
def embedder(model: ModelFolder) -> TorchEmbedder:
    return TorchEmbedder(model)


@pytest.fixture
def articles(tmp_path: Path) -> Path:
    """A corpus folder: `documents/` with five small articles, beside it `questions.jsonl` and a suite that asks them."""
    folder = tmp_path / "corpus"
    for name, text in ARTICLES.items():
        (folder / "documents" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "documents" / name).write_text(text, "utf-8")
    (folder / "questions.jsonl").write_text(QUESTIONS, "utf-8")
    # A margin that two questions pass where nothing differs: what is released is not what these tests are about.
    write_suite(folder, metrics={"nDCG@10": {"direction": "higher", "role": "primary", "margin": 0.98}})
    return folder


@pytest.fixture
def corpus(articles: Path) -> Corpus:
    """The articles as a configured corpus with every default."""
    settings = CorpusSettings.model_validate(
        {
            "name": "articles",
            "source": {"type": "directory", "uri": "documents"},
            "evaluation": {"suites": ["written.yaml"]},
        }
    )
    return Corpus(settings, articles)


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """A Dagster instance on SQLite, as the project's dagster.yaml makes one."""
    home = tmp_path / "dagster_home"
    home.mkdir()
    (home / "dagster.yaml").write_text((PROJECT / "dagster.yaml").read_text("utf-8"), "utf-8")
    with dg.DagsterInstance.from_config(str(home)) as made:
        yield made


@pytest.fixture(scope="session")
def labelled_data() -> Path:
    """The folder of labelled public data that LLMOPS_DATA names; tests that need it skip, and say so, without it."""
    folder = os.environ.get("LLMOPS_DATA")
    if not folder:
        pytest.skip("LLMOPS_DATA is not set: it names the folder with labelled public data")
    return Path(folder)


@pytest.fixture(scope="session")
def http_server() -> Iterator[HTTPServer]:
    """A server on a free port of 127.0.0.1 that answers several requests at a time; who uses it clears it first."""
    with HTTPServer("127.0.0.1", threaded=True) as started:
        yield started
