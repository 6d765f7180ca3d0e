"""What the SciFact benchmark works out itself: splits, figures of steps, and models that are trained once."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.scifact.models import Rows, tuned_models
from benchmarks.scifact.splits import splits
from benchmarks.scifact.steps import Measured, Step, as_markdown, reciprocal_rank, step_table
from llmops_pipelines.embedding.model_folder import ModelFolder
from llmops_pipelines.evaluation.questions import Question
from llmops_pipelines.tuning.recipe import Recipe
from tests.embedding.tiny_models import tiny_model
from tests.tuning.pairs import training_rows


def claim(name: str, text: str, *answers: str, part: str = "train") -> Question:
    return Question(name, text, dict.fromkeys(answers, 1), "claims", part)


TEST = [
    claim("t1", "Aspirin lowers the risk of stroke in old mice", "d1", part="test"),
    claim("t2", "Vitamin D prevents rickets among children", "d2", part="test"),
]
TRAIN = {
    "t1": claim("t1", "Ferritin binds iron inside living cells", "d9"),
    "text": claim("text", "aspirin lowers the risk of STROKE in old mice!", "d8"),
    "negated": claim("negated", "Aspirin does not lower the risk of stroke in old mice", "d7"),
    "near": claim("near", "Aspirin lowers the risk of stroke in young rats", "d6"),
    "answer": claim("answer", "Sunlight makes bones of infants strong", "d2", "d5"),
    "apart": claim("apart", "Yeast ferments sugar without oxygen", "d4"),
}


def test_the_official_split_lacks_the_test_claims_and_says_what_it_shares() -> None:
    official = splits(list(TRAIN.values()), TEST)["official"]
    # Negations do not count: a claim and its negation have the same text.
    assert [question.id for question in official.questions] == ["near", "answer", "apart"]
    assert official.held_out.questions == []
    assert official.overlap == {"test_claims_in_train": 3, "near_test_claims": 0.5, "relevant_documents": 0.5}


def test_the_clean_split_has_nothing_that_tells_of_the_test_part() -> None:
    clean = splits(list(TRAIN.values()), TEST)["clean"]
    assert [question.id for question in clean.questions] == ["apart"]
    assert clean.held_out.answers == {"d1", "d2"}


def rows(system: str, scores: Mapping[str, float], clusters: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {"question_id": name, "system": system, "cluster": cluster, "nDCG@10": score, "recall@100": score / 2}
        for (name, score), cluster in zip(scores.items(), clusters, strict=True)
    ]


CLUSTERS = ("a", "a", "b", "c")
BEFORE = rows("dense", dict(zip("wxyz", (0.2, 0.4, 0.6, 0.8), strict=True)), CLUSTERS)
SEEDS = [
    rows("dense", dict(zip("wxyz", (0.3, 0.5, 0.7, 0.9), strict=True)), CLUSTERS),
    rows("dense", dict(zip("wxyz", (0.5, 0.7, 0.9, 1.0), strict=True)), CLUSTERS),
]


def test_of_several_seeds_the_mean_of_each_question_counts() -> None:
    found = Measured.of(SEEDS, "dense").as_dict()
    assert (found["ndcg10"], found["recall100"]) == (0.6875, 0.3438)
    assert found["seeds"] == [0.6, 0.775]
    assert found["ndcg10_interval"][0] < 0.6875 < found["ndcg10_interval"][1]
    assert "seeds" not in Measured.of(SEEDS[:1], "dense").as_dict()


def test_what_a_step_brings_is_the_paired_difference_in_clusters() -> None:
    before, after = Measured.of([BEFORE], "dense"), Measured.of(SEEDS[:1], "dense")
    table = step_table([Step("before", before), Step("after", after, "before")])
    assert [row["step"] for row in table] == ["before", "after"]
    assert "over" not in table[0]
    # Every question gains the same: nothing is left to chance, however wide the intervals of the figures are.
    assert table[1]["brings"] == 0.1
    assert table[1]["brings_interval"] == [0.1, 0.1]
    assert before.estimate().clusters == 3
    assert "| after | 0.600 [" in as_markdown(table)
    assert "| +0.100 [+0.100, +0.100] | before |" in as_markdown(table)


def test_reciprocal_ranks_are_added_over_both_rankings() -> None:
    common = {"question_id": "q", "cluster": "q", "answers": ["d3"], "grades": [1]}
    found = reciprocal_rank(
        [
            {**common, "system": "bm25", "retrieved": ["d1", "d3", "d2"]},
            {**common, "system": "dense", "retrieved": ["d2", "d3", "d4"]},
            {**common, "system": "hybrid", "retrieved": ["d4"]},
        ]
    )
    # d2: 1/61 + 1/63 is more than d3: 2/62; d1 and d4 are in one ranking only.
    assert len(found) == 1
    assert found[0]["system"] == "reciprocal_rank"
    assert found[0]["MRR@10"] == 0.5


def test_a_model_is_trained_once_for_each_split_recipe_training_set_and_seed(tmp_path: Path) -> None:
    tiny = ModelFolder("tiny", tiny_model(tmp_path / "tiny"))
    recipe = Recipe(loss="multiple_negatives_ranking", batch=4, learning_rate=1e-2, evaluations=1, precision="fp32")
    pairs = [{**row, "row_hash": row["pair_id"]} for row in training_rows(12, 4)]
    work = tmp_path / "work"

    def run(recipe: Recipe, split: str, rows: Rows, *seeds: int) -> dict[tuple[str, int], ModelFolder]:
        return {(name, seed): model for name, seed, model in tuned_models(tiny, {split: rows}, recipe, seeds, work, 1)}

    found = run(recipe, "clean", pairs, 1, 2)
    assert list(found) == [("clean", 1), ("clean", 2)]
    assert len({model.fingerprint for model in found.values()} | {tiny.fingerprint}) == 3
    times = {folder: folder.stat().st_mtime_ns for folder in (work / "models").rglob("*")}
    again = run(recipe, "clean", pairs, 1, 2)
    assert {key: model.folder for key, model in again.items()} == {key: model.folder for key, model in found.items()}
    assert {folder: folder.stat().st_mtime_ns for folder in (work / "models").rglob("*")} == times
    assert list((work / "trainings").iterdir()) == []
    others = [*run(replace(recipe, epochs=2), "clean", pairs, 1).values(), *run(recipe, "clean", pairs[1:], 1).values()]
    assert len({model.folder for model in (*others, *found.values())}) == 4
