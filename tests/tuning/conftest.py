"""A model that is tuned in a second."""

from collections.abc import Iterator

import pytest

from llmops_pipelines.embedding.model_folder import ModelFolder
from tests.embedding.tiny_models import tiny_model
from tests.tuning.threads import one_thread


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    """16 dimensions, 24 tokens, random weights."""
    return ModelFolder("tiny", tiny_model(tmp_path_factory.mktemp("models") / "tiny"))


@pytest.fixture(autouse=True, scope="package")
def single_threaded() -> Iterator[None]:
    with one_thread():
        yield
