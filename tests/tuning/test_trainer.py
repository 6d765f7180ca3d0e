"""Training: seeded, chosen on dev, resumed to the same weights, stopped where it goes wrong."""

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest
import torch
from safetensors import SafetensorError

from llmops_pipelines.embedding.model_folder import ModelFolder
from llmops_pipelines.tuning.recipe import Loss, Recipe
from llmops_pipelines.tuning.trainer import Training, train
from llmops_pipelines.tuning.training_loop import TrainingError, newest_checkpoint, written
from tests.project_copy import PROJECT
from tests.tuning.pairs import training_rows

RECIPE = Recipe(epochs=4, batch=4, learning_rate=1e-2, evaluations=6, precision="fp32")
ONE_THREAD = {**os.environ, "OMP_NUM_THREADS": "1"}
KILLED = """
import os, signal, sys
from pathlib import Path
from llmops_pipelines.embedding.model_folder import ModelFolder
from llmops_pipelines.tuning.recipe import Loss, Recipe
from llmops_pipelines.tuning.trainer import train
from tests.tuning.pairs import training_rows

def progress(done, total):
    if done == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)

recipe = Recipe(epochs=4, batch=4, learning_rate=1e-2, evaluations=6, precision="fp32", lora_rank=int(sys.argv[4]))
train(ModelFolder("tiny", Path(sys.argv[1])), training_rows(), recipe, Path(sys.argv[2]), progress)
"""


def weights(training: Training) -> dict[str, torch.Tensor]:
    return training.model.state_dict()


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def kill_at(step: int, tiny: ModelFolder, folder: Path, lora_rank: int = 0) -> None:
    command = [sys.executable, "-c", KILLED, str(tiny.folder), str(folder), str(step), str(lora_rank)]
    ended = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False, env=ONE_THREAD)
    assert ended.returncode == -signal.SIGKILL, ended.stderr


@pytest.fixture(scope="module")
def undisturbed(tiny: ModelFolder, tmp_path_factory: pytest.TempPathFactory) -> Training:
    return train(tiny, training_rows(), RECIPE, tmp_path_factory.mktemp("undisturbed"))


def test_tuning_changes_the_weights_and_keeps_window_and_dimension(tiny: ModelFolder, undisturbed: Training, tmp_path):
    undisturbed.model.save_pretrained(str(tmp_path))
    tuned = ModelFolder("tuned", tmp_path)
    assert tuned.fingerprint != tiny.fingerprint
    assert (tuned.max_tokens, tuned.dimension, tuned.prompts) == (tiny.max_tokens, tiny.dimension, tiny.prompts)


def test_the_checkpoint_that_is_best_on_dev_is_the_one_that_is_kept(undisturbed: Training):
    scored = [(entry["dev"], entry["step"]) for entry in undisturbed.history if "dev" in entry and entry["step"]]
    best = max(score for score, _ in scored)
    assert undisturbed.best_step == min(step for score, step in scored if score == best)
    assert sum(undisturbed.after.values()) / len(undisturbed.after) == pytest.approx(best)
    assert {entry["step"] for entry in undisturbed.history if "dev" in entry} == {0, 4, 8, 12, 16, 20, 24}


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(tiny, undisturbed: Training, tmp_path: Path):
    again = train(tiny, list(reversed(training_rows())), RECIPE, tmp_path / "again")
    other = train(tiny, training_rows(), Recipe(**{**vars(RECIPE), "seed": 7}), tmp_path / "other")
    assert same(weights(again), weights(undisturbed))
    assert not same(weights(other), weights(undisturbed))


@pytest.mark.parametrize("step", [2, 4, 13])
def test_a_killed_training_goes_on_to_the_same_weights(step: int, tiny, undisturbed: Training, tmp_path: Path):
    kill_at(step, tiny, tmp_path)
    newest = newest_checkpoint(tmp_path)
    resumed = train(tiny, training_rows(), RECIPE, tmp_path)
    assert resumed.resumed_at == (int(newest.name.rpartition("-")[2]) if newest else 0)
    assert resumed.resumed_at == (step - 1) // 4 * 4
    assert same(weights(resumed), weights(undisturbed))
    assert resumed.best_step == undisturbed.best_step
    assert resumed.history == undisturbed.history


def test_a_checkpoint_that_was_cut_short_is_passed_over(tiny: ModelFolder, undisturbed: Training, tmp_path: Path):
    kill_at(10, tiny, tmp_path)
    whole = newest_checkpoint(tmp_path)
    assert whole is not None
    assert whole.name == "checkpoint-8"
    torn = tmp_path / "checkpoint-12"
    torn.mkdir()
    (torn / "trainer_state.json").write_text("{", "utf-8")
    resumed = train(tiny, training_rows(), RECIPE, tmp_path)
    assert resumed.resumed_at == 8
    assert same(weights(resumed), weights(undisturbed))


def test_a_lora_adapter_is_merged_into_plain_weights_and_resumes(tiny: ModelFolder, tmp_path: Path):
    recipe = Recipe(**{**vars(RECIPE), "lora_rank": 4})
    whole = train(tiny, training_rows(), recipe, tmp_path / "whole")
    kill_at(13, tiny, tmp_path / "killed", lora_rank=4)
    resumed = train(tiny, training_rows(), recipe, tmp_path / "killed")
    assert resumed.resumed_at == 12
    assert same(weights(resumed), weights(whole))
    whole.model.save_pretrained(str(tmp_path / "saved"))
    saved = ModelFolder("saved", tmp_path / "saved")
    assert saved.fingerprint != tiny.fingerprint
    assert not list((tmp_path / "saved").glob("adapter*"))
    assert weights(whole).keys() == weights(train(tiny, training_rows(), RECIPE, tmp_path / "full")).keys()


@pytest.mark.parametrize("loss", [loss for loss in get_args(Loss) if loss != Recipe.loss])
def test_every_loss_trains(loss, tiny: ModelFolder, undisturbed: Training, tmp_path: Path):
    training = train(tiny, training_rows(), Recipe(**{**vars(RECIPE), "loss": loss, "epochs": 1}), tmp_path)
    assert training.steps == 6
    assert not same(weights(training), weights(undisturbed))


def test_pairs_without_hard_negatives_are_enough(tiny: ModelFolder, tmp_path: Path):
    training = train(tiny, training_rows(negatives=0), Recipe(**{**vars(RECIPE), "epochs": 1}), tmp_path)
    assert training.steps == 6


def test_a_loss_that_is_no_number_stops_the_training_and_says_so(tiny: ModelFolder, tmp_path: Path):
    recipe = Recipe(**{**vars(RECIPE), "learning_rate": 1e30, "warmup": 0.0})
    with pytest.raises(TrainingError, match=r"diverged.*Lower fine_tuned_model.learning_rate"):
        train(tiny, training_rows(), recipe, tmp_path)


def test_a_disk_that_fills_during_a_checkpoint_loses_no_whole_one(tiny: ModelFolder, undisturbed: Training, tmp_path):
    kill_at(5, tiny, tmp_path)
    script = KILLED.replace("if done == int(sys.argv[3]):\n        os.kill(os.getpid(), signal.SIGKILL)", "pass")
    size = max(file.stat().st_size for file in (tmp_path / "checkpoint-4").iterdir())

    def full() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size // 2, size // 2))

    command = [sys.executable, "-c", script, str(tiny.folder), str(tmp_path), "0", "0"]
    ended = subprocess.run(
        command, cwd=PROJECT, capture_output=True, text=True, check=False, preexec_fn=full, env=ONE_THREAD
    )
    assert ended.returncode == 1
    assert "TrainingError: a checkpoint could not be written" in ended.stderr
    assert "make room" in ended.stderr
    resumed = train(tiny, training_rows(), RECIPE, tmp_path)
    assert resumed.resumed_at == 4
    assert same(weights(resumed), weights(undisturbed))


def test_what_training_leaves_in_a_checkpoint_is_readable_state(tiny: ModelFolder, tmp_path: Path):
    kill_at(5, tiny, tmp_path)
    state = json.loads((tmp_path / "checkpoint-4" / "trainer_state.json").read_text("utf-8"))
    assert state["global_step"] == 4


def test_a_checkpoint_that_lost_files_is_not_whole(tiny: ModelFolder, undisturbed: Training, tmp_path: Path):
    kill_at(10, tiny, tmp_path)
    (tmp_path / "checkpoint-8" / "model.safetensors").unlink()  # as where a removal was cut short
    resumed = train(tiny, training_rows(), RECIPE, tmp_path)
    assert resumed.resumed_at == 4
    assert same(weights(resumed), weights(undisturbed))


def test_a_training_whose_folder_was_moved_goes_on_to_the_same_weights(
    tiny: ModelFolder, undisturbed: Training, tmp_path: Path
):
    kill_at(10, tiny, tmp_path / "before")
    (tmp_path / "before").rename(tmp_path / "after")
    resumed = train(tiny, training_rows(), RECIPE, tmp_path / "after")
    assert resumed.resumed_at == 8
    assert same(weights(resumed), weights(undisturbed))
    assert resumed.best_step == undisturbed.best_step


def test_pairs_that_share_the_only_negative_are_learned(tiny: ModelFolder, tmp_path: Path):
    rows = training_rows()
    for row in rows[1:]:
        row["negatives"] = [rows[0]["positive"]]
    rows[0]["negatives"] = []  # and nothing else to fill it up with
    assert train(tiny, rows, Recipe(**{**vars(RECIPE), "epochs": 1}), tmp_path).steps == 6


def test_what_cannot_be_written_says_what_to_do():
    expected = "the model could not be written to /full: no space left. .*make room"
    with pytest.raises(TrainingError, match=expected), written("the model", "/full"):
        raise SafetensorError("no space left")


def test_a_pair_with_fewer_negatives_than_most_is_learned_too(tiny: ModelFolder, tmp_path: Path):
    rows = training_rows()
    rows[0]["negatives"] = []
    training = train(tiny, rows, Recipe(**{**vars(RECIPE), "epochs": 1}), tmp_path)
    assert training.steps == 6
