"""SIGKILL in the life of a corpus: what was released stays, and the next run leaves what an undisturbed one leaves.

`python -m benchmarks.kills` does so a hundred times.
"""

import random

import pytest

from benchmarks.kills import Kills
from llmops_pipelines.embedding.missing import COMMIT_TEXTS
from llmops_pipelines.storage import Lake
from llmops_pipelines.storage.sync import BATCH_ROWS


@pytest.fixture(scope="module")
def kills(tmp_path_factory: pytest.TempPathFactory) -> Kills:
    return Kills(tmp_path_factory.mktemp("kills"))


# Syncing, embedding, indexing and publishing; then any moment.
TABLES = ["documents", "embeddings", "vector_index", "releases", None]


@pytest.mark.parametrize("number", range(len(TABLES)))
def test_a_killed_run_leaves_what_was_released_and_the_next_one_ends_as_if_it_had_not_been(
    kills: Kills, number: int
) -> None:
    seed = random.randrange(1_000_000)
    killed = kills.kill(number, seed, TABLES[number])
    assert killed.wrong == [], f"seed {seed}: {killed}"


def test_each_state_of_the_notes_is_more_than_one_batch(kills: Kills) -> None:
    for start in kills.starts:
        assert start.embedded > COMMIT_TEXTS
        chunks = Lake(str(start.undisturbed)).published(start.corpus.table("chunks"))
        assert chunks is not None
        assert chunks.count() > BATCH_ROWS
