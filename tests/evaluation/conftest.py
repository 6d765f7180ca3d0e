"""One evaluated index for all tests of this folder that only read it."""

import pytest

from llmops_pipelines.embedding.torch_embedder import TorchEmbedder
from llmops_pipelines.storage import Lake
from tests.evaluation.measured import PASSAGES, Measured, measured


@pytest.fixture(scope="session")
def evaluated(tmp_path_factory: pytest.TempPathFactory, embedder: TorchEmbedder) -> Measured:
    return measured(Lake(str(tmp_path_factory.mktemp("evaluated") / "lake")), embedder)


@pytest.fixture(scope="session")
def evaluated_before(tmp_path_factory: pytest.TempPathFactory, embedder: TorchEmbedder) -> Measured:
    """The same questions on an index whose passages have other texts, so that rankings and passages differ."""
    passages = {
        **PASSAGES,
        "bees.md": ["insects of old", "mates in their nest"],
        "tides.md": [
            "how do <i>insects</i> tell their nest mates about food & ocean? <script>alert('before')</script>"
        ],
    }
    return measured(Lake(str(tmp_path_factory.mktemp("before") / "lake")), embedder, passages=passages)
