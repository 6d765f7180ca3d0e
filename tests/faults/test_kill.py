"""SIGKILL while a corpus is embedded: the next run goes on from the last committed batch, and nothing is half-written."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from llmops_pipelines.storage import Lake
from llmops_pipelines.storage.schemas import embeddings

# 3,000 different texts are three batches of commits; the process kills itself when the given batch begins.
PROGRAM = """
import json, os, signal, sys
from llmops_pipelines.embedding.missing import embed_missing
from llmops_pipelines.embedding.model_folder import bundled_model
from llmops_pipelines.embedding.torch_embedder import TorchEmbedder
from llmops_pipelines.storage import Lake
from llmops_pipelines.storage.identity import text_hash
from llmops_pipelines.storage.schemas import embeddings

uri, kill_after = sys.argv[1], int(sys.argv[2])
embedder = TorchEmbedder(bundled_model())
words = [f"note {number}" for number in range(3000)]
writer = Lake(uri).writer("notes.embeddings", embeddings(embedder.dimension))

def progress(done, total):
    if kill_after and done > kill_after:
        os.kill(os.getpid(), signal.SIGKILL)

report = embed_missing(embedder, {text_hash(text): text for text in words}, writer, progress=progress)
writer.publish(report.data_version, "inputs", report.as_dict())
print(json.dumps(report.as_dict()))
"""


def run(uri: str, kill_after: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, uri, str(kill_after)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ,
    )


def test_a_killed_run_goes_on_where_its_last_commit_was(tmp_path: Path, lake: Lake) -> None:
    first = run(lake.uri, 1_500)
    assert first.returncode == -signal.SIGKILL
    assert lake.published("notes.embeddings") is None
    stored = lake.writer("notes.embeddings", embeddings(384)).staged()
    assert stored.count() == 1_024

    second = run(lake.uri, 0)
    assert second.returncode == 0, second.stderr
    report = json.loads(second.stdout)
    assert (report["reused"], report["embedded"]) == (1_024, 1_976)

    undisturbed = run(str(tmp_path / "undisturbed"), 0)
    assert json.loads(undisturbed.stdout)["data_version"] == report["data_version"]
    rows, others = lake.published("notes.embeddings"), Lake(str(tmp_path / "undisturbed")).published("notes.embeddings")
    assert rows is not None and others is not None
    assert rows.count() == others.count() == 3_000
    assert sorted(rows.arrow(["content_hash"])["content_hash"].to_pylist()) == sorted(
        others.arrow(["content_hash"])["content_hash"].to_pylist()
    )
