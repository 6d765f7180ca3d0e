"""A tuned model is not asked what it was trained on, though questions change their part later."""

import json
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from llmops_pipelines.evaluation.contamination import LEARNED_QUESTION
from llmops_pipelines.orchestration.corpus import Corpus
from llmops_pipelines.orchestration.serving import evaluate_part, model_searcher
from llmops_pipelines.storage import Lake
from tests.dagster_runs import metadata, run_job
from tests.orchestration.tunable import PARTS, RECIPE, tunable
from tests.tuning.threads import one_thread


@pytest.fixture(autouse=True, scope="module")
def single_threaded() -> Iterator[None]:
    with one_thread():
        yield


def move_learned_questions(corpus: Corpus) -> None:
    """q0 goes to dev and q1 to test; q2 is asked again, negated, of a document that nobody learned from."""
    file = corpus.folder / "questions.jsonl"
    lines = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    lines[0]["part"], lines[1]["part"] = "dev", "test"
    again = {"id": "again", "question": f"not {lines[2]['question']}?", "answers": ["d59.md"], "part": "dev"}
    file.write_text("\n".join(json.dumps(line) for line in [*lines, again]), "utf-8")


def reasons(corpus: Corpus, lake: Lake, key: str) -> dict[str, str]:
    """Why which questions are unmeasured under a model."""
    table = lake.published(corpus.table("evaluation", key))
    assert table is not None
    return {row["question_id"]: row["unmeasured"] for row in table.rows() if row["unmeasured"]}


def test_learned_questions_that_are_moved_are_asked_of_the_base_alone(
    instance: dg.DagsterInstance, lake: Lake, tmp_path: Path
) -> None:
    moons = tunable(tmp_path / "moons", fine_tuned_model={**RECIPE, "retrain_share": 1.0})
    assert run_job(moons, instance, lake.uri).success
    [entry] = moons.registry(lake).entries()
    candidate = run_job(moons, instance, lake.uri, "candidate", entry.key)
    assert candidate.success
    assert metadata(candidate)["evaluation"]["unmeasured"] == 0
    assert metadata(candidate)["evaluation_report"]["questions compared"] == PARTS["dev"]

    move_learned_questions(moons)
    life = run_job(moons, instance, lake.uri)
    assert life.success
    assert metadata(life)["fine_tuned_model"]["done"].startswith("nothing")
    found = metadata(life)["evaluation"]
    assert (found["questions"], found["unmeasured"]) == (PARTS["dev"] + 2, 0)
    candidate = run_job(moons, instance, lake.uri, "candidate", entry.key)
    assert candidate.success
    found = metadata(candidate)["evaluation"]
    # The suite changed, so that the gate looks at its test part anew.
    assert (found["questions"], found["unmeasured"]) == (PARTS["dev"] + 2 + PARTS["test"] + 1, 3)
    assert reasons(moons, lake, moons.base_model.key) == {}
    assert reasons(moons, lake, entry.key) == dict.fromkeys(("q0", "q1", "again"), LEARNED_QUESTION)
    assert metadata(candidate)["evaluation_report"]["questions compared"] == PARTS["dev"]

    test = {
        key: {
            row["question_id"]: row["unmeasured"]
            for row in evaluate_part(moons, lake, key, model_searcher(moons, lake, key), "test")
        }
        for key in (moons.base_model.key, entry.key)
    }
    assert len(test[entry.key]) == PARTS["test"] + 1
    assert set(test[moons.base_model.key].values()) == {None}
    assert {name for name, reason in test[entry.key].items() if reason} == {"q1"}
