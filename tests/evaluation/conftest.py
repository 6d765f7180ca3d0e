"""One evaluated index for all tests of this folder that only read it."""

import pytest

from llmops_pipelines.embedding.torch_embedder import TorchEmbedder
from llmops_pipelines.storage import Lake
from tests.evaluation.measured import Measured, measured


@pytest.fixture(scope="session")
def evaluated(tmp_path_factory: pytest.TempPathFactory, embedder: TorchEmbedder) -> Measured:
    return measured(Lake(str(tmp_path_factory.mktemp("evaluated") / "lake")), embedder)
