"""Tuning from a training set to a registered model with its card, or to the reason why the base was kept."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from llmops_pipelines.embedding.model_folder import ModelFolder
from llmops_pipelines.embedding.registry import Registry
from llmops_pipelines.embedding.torch_embedder import TorchEmbedder
from llmops_pipelines.evaluation.contamination import Learned
from llmops_pipelines.tuning.general_ability import Sample
from llmops_pipelines.tuning.plots import training_plot
from llmops_pipelines.tuning.recipe import Recipe
from llmops_pipelines.tuning.tune import GATES, Tuned, tune
from tests.embedding.tiny_models import tiny_model
from tests.tuning.pairs import training_rows

RECIPE = Recipe(
    epochs=4, batch=8, learning_rate=1e-2, evaluations=2, precision="fp32", min_dev=4, min_neighbours=0.2, negatives=1
)
IDENTITY = "1" * 64
TEXTS = [f"{i} the moon sea passage {i * 7}" for i in range(60)]
README = "---\nlicense: apache-2.0\n---\n\n# tiny\n"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    """The tiny model with a licence."""
    folder = tiny_model(tmp_path_factory.mktemp("base") / "tiny")
    (folder / "README.md").write_text(README, "utf-8")
    return ModelFolder("tiny", folder)


@pytest.fixture(scope="module")
def sample(base: ModelFolder) -> Sample:
    return Sample(TEXTS, TorchEmbedder(base, "fp32").embed(TEXTS, "document").vectors)


@dataclass
class Run:
    tuned: Tuned
    registry: Registry
    progress: list[tuple[int, int]]


def run(base: ModelFolder, sample: Sample, folder: Path, rows: list[dict[str, Any]], recipe: Recipe = RECIPE) -> Run:
    registry = Registry(str(folder / "models"))
    seen: list[tuple[int, int]] = []

    def progress(done: int, total: int) -> None:
        seen.append((done, total))

    return Run(tune("articles", base, rows, "ts-version", recipe, sample, registry, IDENTITY, progress), registry, seen)


@pytest.fixture(scope="module")
def success(base: ModelFolder, sample: Sample, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run(base, sample, tmp_path_factory.mktemp("success"), training_rows())


@pytest.fixture
def attempt(base: ModelFolder, sample: Sample, tmp_path: Path) -> Callable[..., Run]:
    """A tuning in a registry of its own, with settings of the recipe changed."""

    def attempted(rows: list[dict[str, Any]], **changed: Any) -> Run:
        return run(base, sample, tmp_path, rows, replace(RECIPE, **changed))

    return attempted


def kept(attempted: Run) -> str:
    """Why the base was kept; nothing is registered and nothing is left of the training."""
    tuned = attempted.tuned
    assert tuned.entry is None
    assert attempted.registry.entries() == []
    assert not list(Path(attempted.registry.uri).glob("training/*"))
    assert [gate.name for gate in tuned.gates] == list(GATES)
    assert not any(gate.blocking for gate in tuned.gates)
    json.dumps(tuned.facts)
    assert tuned.outcome.startswith("kept the base: ")
    return tuned.outcome.removeprefix("kept the base: ")


def test_a_model_that_is_better_on_dev_is_registered(success: Run, base: ModelFolder) -> None:
    tuned, registry = success.tuned, success.registry
    assert tuned.entry is not None
    assert tuned.outcome == f"tuned: {tuned.entry.key}"
    assert registry.entries() == [tuned.entry]
    model = registry.model(tuned.entry)
    assert model.key == tuned.entry.key == f"tiny-tuned-{model.fingerprint[:8]}"
    assert model.fingerprint != base.fingerprint
    assert (model.dimension, model.max_tokens, model.prompts) == (base.dimension, base.max_tokens, base.prompts)
    vectors = TorchEmbedder(model, "fp32").embed(["the moon", "the sea"], "document").vectors
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_the_facts_and_gates_say_what_happened(success: Run, base: ModelFolder) -> None:
    facts, gates = success.tuned.facts, success.tuned.gates
    assert success.tuned.entry is not None
    assert (facts["corpus"], facts["training_set"], facts["train"], facts["dev"]) == ("articles", "ts-version", 24, 8)
    assert (facts["sources"], facts["recipe"], facts["steps"]) == ({"written": 32}, asdict(RECIPE), 12)
    assert facts["gain"]["mean"] == pytest.approx(facts["after"] - facts["before"])
    assert facts["gain"]["mean"] > 0
    assert facts["gain"]["n"] == 8
    assert 0.2 <= facts["neighbours_kept"] < 1
    assert [(gate.name, gate.passed, gate.blocking) for gate in gates] == [
        ("dev_gain", True, False),
        ("general_ability", True, False),
    ]
    assert success.progress[-1] == (12, 12)
    details = success.tuned.entry.details
    assert details == {**{k: v for k, v in json.loads(json.dumps(facts)).items() if k != "history"}, "base": base.key}
    dev_steps = [entry["step"] for entry in facts["history"] if "dev" in entry]
    assert dev_steps == [0, 6, 12]
    assert "moon" not in json.dumps(training_plot(facts["history"]).to_dict())


def test_nothing_is_left_of_a_training_that_is_over(success: Run) -> None:
    assert list(Path(success.registry.uri).glob("training/*")) == []


def test_the_model_has_a_card_with_licence_base_recipe_figures_and_limits(success: Run, base: ModelFolder) -> None:
    assert success.tuned.entry is not None
    model = success.registry.model(success.tuned.entry)
    card = (model.folder / "README.md").read_text("utf-8")
    facts = success.tuned.facts
    assert model.licence == base.licence == "apache-2.0"
    header, _, text = card.removeprefix("---\n").partition("---\n")
    assert "base_model: tiny\n" in header
    assert text.startswith("\n# tiny-tuned\n")
    for heading in ("Base", "Data", "Recipe", "Figures", "Limits"):
        assert f"\n## {heading}\n" in text
    assert f"fingerprint `{base.fingerprint}`" in text
    assert "at most 24 tokens to vectors of length 16" in text
    assert "Training set `ts-version` of corpus articles: 24 pairs of question and passage to learn from, 8 dev" in text
    assert json.loads(text.partition("```json\n")[2].partition("```")[0]) == asdict(RECIPE)
    assert f"| {facts['before']:.4f} | {facts['after']:.4f} |" in text
    assert f"| 1 | {facts['neighbours_kept']:.3f} |" in text
    assert f"checkpoint of step {facts['best_step']} " in text
    assert f"sentence-transformers {facts['libraries']['sentence-transformers']}, transformers " in text
    assert "{" not in text.replace(text.partition("```json\n")[2].partition("```")[0], "")


def test_the_same_training_again_gives_the_same_model_and_registers_it_once(
    success: Run, base, sample, tmp_path
) -> None:
    again = tune("articles", base, training_rows(), "ts-version", RECIPE, sample, success.registry, IDENTITY)
    assert again.entry == success.tuned.entry
    assert success.registry.entries() == [success.tuned.entry]
    assert list(Path(success.registry.uri).glob("training/*")) == []


def test_the_folder_says_what_was_learned_and_its_fingerprint_does_not_depend_on_it(success: Run) -> None:
    assert success.tuned.entry is not None
    folder = success.registry.model(success.tuned.entry).folder
    learned = Learned.of(folder)
    assert learned is not None
    rows = training_rows()
    assert list(learned.questions) == sorted(row["question"] for row in rows)
    assert list(learned.documents) == sorted(row["doc_id"] for row in rows)
    Learned([], []).write(folder)
    assert ModelFolder("tiny-tuned", folder).fingerprint == success.tuned.entry.fingerprint
    learned.write(folder)


def test_in_a_sample_of_a_few_passages_neighbours_are_not_measured(
    base: ModelFolder, sample: Sample, tmp_path: Path
) -> None:
    few = Sample(sample.texts[:11], sample.vectors[:11])
    attempted = run(base, few, tmp_path, training_rows(), replace(RECIPE, epochs=1, min_gain=-1.0, min_neighbours=1.0))
    tuned = attempted.tuned
    assert tuned.entry is not None
    assert tuned.facts["neighbours_kept"] is None
    assert (tuned.gates[1].passed, tuned.gates[1].metadata) == (
        True,
        {"reason": "not measured: fewer than 12 passages"},
    )
    card = (attempted.registry.model(tuned.entry).folder / "README.md").read_text("utf-8")
    assert "| ten nearest neighbours of a passage kept | 1 | not measured |" in card


def test_a_gain_that_is_too_small_keeps_the_base(attempt: Callable[..., Run]) -> None:
    attempted = attempt(training_rows(), min_gain=1.0, epochs=1)
    assert kept(attempted).endswith(" more than 1.0 is asked")
    assert [gate.passed for gate in attempted.tuned.gates] == [False, True]
    assert attempted.tuned.gates[0].metadata["dev"] == 8


def test_a_model_that_has_collapsed_keeps_the_base_however_good_it_is_on_dev(
    attempt: Callable[..., Run], sample: Sample, base: ModelFolder, tmp_path: Path
) -> None:
    elsewhere = np.random.default_rng(0).normal(size=sample.vectors.shape)
    moved = replace(sample, vectors=elsewhere / np.linalg.norm(elsewhere, axis=1, keepdims=True))
    attempted = run(
        base, moved, tmp_path, training_rows(), replace(RECIPE, epochs=1, min_gain=-1.0, min_neighbours=0.5)
    )
    assert kept(attempted).endswith("of neighbours are kept, at least 0.5 is asked")
    assert [gate.passed for gate in attempted.tuned.gates] == [True, False]
    assert attempted.tuned.gates[1].metadata["floor"] == 0.5


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([], "the training set holds no pairs to learn from"),
        (training_rows(0, 8), "the training set holds no pairs to learn from"),
        (training_rows(24, 0), "0 dev questions are too few to choose on, 4 are needed"),
        (training_rows(24, 3), "3 dev questions are too few to choose on, 4 are needed"),
        (training_rows(24, 1) * 9, "1 dev questions are too few to choose on, 4 are needed"),
    ],
)
def test_what_cannot_be_learned_from_keeps_the_base_untrained(
    rows: list[dict[str, Any]], reason: str, attempt: Callable[..., Run]
) -> None:
    attempted = attempt(rows)
    assert kept(attempted) == reason
    assert attempted.progress == []
    assert "steps" not in attempted.tuned.facts
    for gate in attempted.tuned.gates:
        assert gate.passed
        assert gate.metadata == {"reason": f"nothing was tuned: {reason}"}
    assert not Path(attempted.registry.uri).exists()


def test_pairs_that_are_all_identical_teach_nothing_and_keep_the_base(attempt: Callable[..., Run]) -> None:
    same = {"question": "moon ?", "positive": "the moon is so", "negatives": []}
    reason = kept(attempt([{**row, **same} for row in training_rows()], epochs=1))
    assert reason == "the gain on dev is +0.0000, more than 0.0 is asked"


def test_one_pair_and_one_document_are_no_fault(attempt: Callable[..., Run]) -> None:
    rows = [{**row, "doc_id": "d", "negatives": []} for row in training_rows(1, 4)]
    attempted = attempt(rows, epochs=1, min_gain=1.0)
    assert kept(attempted)
    assert attempted.tuned.facts["gain"]["clusters"] == 1


def test_a_training_that_is_stopped_goes_on_where_it_was(success: Run, base, sample: Sample, tmp_path: Path) -> None:
    registry = Registry(str(tmp_path / "models"))

    def stop(done: int, total: int) -> None:
        if done == 8:
            raise KeyboardInterrupt

    arguments = ("articles", base, training_rows(), "ts-version", RECIPE, sample, registry, IDENTITY)
    with pytest.raises(KeyboardInterrupt):
        tune(*arguments, stop)
    assert registry.entries() == []
    resumed = tune(*arguments)
    assert resumed.facts["resumed_at"] == 6
    assert resumed.entry is not None
    assert success.tuned.entry is not None
    assert resumed.entry.fingerprint == success.tuned.entry.fingerprint
    assert list(Path(registry.uri).glob("training/*")) == []


@pytest.mark.parametrize(
    ("query", "document", "expected"),
    [("query: ", "passage: ", ("query: ", "passage: ")), (None, "", ("moon: ", ""))],
)
def test_prompts_that_are_configured_for_the_base_are_those_of_the_tuned_model(
    query: str | None, document: str, expected: tuple[str, str], sample: Sample, tmp_path: Path
) -> None:
    """It was tuned with them: whoever loads it must put them before texts as well."""
    own = {"query": "moon: ", "passage": "sea: ", "topic": "the: "}
    base = ModelFolder("tiny", tiny_model(tmp_path / "prompted", prompts=own), None, query, document)
    recipe = replace(RECIPE, epochs=1, min_gain=-1.0, min_neighbours=0.0)
    tuned = run(base, sample, tmp_path, training_rows(), recipe).tuned
    assert tuned.entry is not None, tuned.outcome
    model = Registry(str(tmp_path / "models")).model(tuned.entry)
    assert (model.prompt("query"), model.prompt("document")) == expected
    assert model.prompts["topic"] == "the: "


def test_every_setting_is_part_of_what_names_a_recipe() -> None:
    identities = {RECIPE.identity}
    other = {"loss": "multiple_negatives_ranking", "precision": "bf16"}
    for name, value in vars(RECIPE).items():
        identities.add(replace(RECIPE, **{name: other.get(name) or value + 1}).identity)
    assert len(identities) == 1 + len(vars(RECIPE))
    assert replace(RECIPE).identity == RECIPE.identity
