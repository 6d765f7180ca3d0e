"""From a training set to a registered model, or to the reason why the base was kept."""

import importlib.metadata
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from llmops_pipelines.embedding.model_folder import ModelFolder
from llmops_pipelines.embedding.registry import Entry, Registry
from llmops_pipelines.evaluation.contamination import Learned
from llmops_pipelines.evaluation.intervals import Estimate, clustered_mean
from llmops_pipelines.quality.gates import GateResult
from llmops_pipelines.tuning.dev_score import encode, mean_score
from llmops_pipelines.tuning.general_ability import MIN_PASSAGES, Sample, neighbours_kept
from llmops_pipelines.tuning.model_card import model_card
from llmops_pipelines.tuning.recipe import Recipe
from llmops_pipelines.tuning.trainer import Training, train

GATES = {
    "dev_gain": "The tuned model finds more than the base on the dev part of the training set.",
    "general_ability": "Passages that were near each other under the base still are.",
}
LIBRARIES = ("sentence-transformers", "transformers", "torch")


@dataclass
class Tuned:
    """What came of a training. `entry` is None where the base was kept; `outcome` says which, and why."""

    outcome: str
    entry: Entry | None = None
    gates: list[GateResult] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)


def tune(
    corpus: str,
    base: ModelFolder,
    rows: Sequence[Mapping[str, Any]],
    training_set: str,
    recipe: Recipe,
    sample: Sample,
    registry: Registry,
    identity: str,
    progress: Callable[[int, int], None] = lambda done, total: None,
    log: Callable[[str], None] = lambda line: None,
) -> Tuned:
    """Tune `base` on `rows` (of the training set with identity `training_set`) and register what is better than it.

    `identity` names the training: after a kill, a call with the same one goes on where the last one was.
    """
    parts = Counter(row["part"] for row in rows)
    dev_questions = len({row["question_id"] for row in rows if row["part"] == "dev"})
    facts: dict[str, Any] = {
        "corpus": corpus,
        "training_set": training_set,
        "recipe": asdict(recipe),
        "sources": dict(sorted(Counter(row["source"] for row in rows).items())),
        "train": parts["train"],
        "dev": dev_questions,
    }
    if recipe.epochs == 0:
        return _kept("the recipe has no epochs", facts)
    if not parts["train"]:
        return _kept("the training set holds no pairs to learn from", facts)
    if dev_questions < recipe.min_dev:
        return _kept(f"{dev_questions} dev questions are too few to choose on, {recipe.min_dev} are needed", facts)
    folder = registry.workspace(identity)
    training = train(base, rows, recipe, folder, progress, log)
    gain = _gain(training, rows)
    kept = neighbours_kept(sample.vectors, encode(training.model, sample.texts, base.prompt("document")))
    facts |= {
        "before": mean_score(training.before),
        "after": mean_score(training.after),
        "gain": asdict(gain),
        "neighbours_kept": kept,
        "history": training.history,
        "best_step": training.best_step,
        "steps": training.steps,
        "seconds": training.seconds,
        "resumed_at": training.resumed_at,
        "libraries": {library: importlib.metadata.version(library) for library in LIBRARIES},
    }
    gates = [
        _gate("dev_gain", gain.mean > recipe.min_gain, gain=gain.mean, low=gain.low, high=gain.high, dev=gain.n),
        _gate("general_ability", True, reason=f"not measured: fewer than {MIN_PASSAGES} passages")
        if kept is None
        else _gate("general_ability", kept >= recipe.min_neighbours, neighbours_kept=kept, floor=recipe.min_neighbours),
    ]
    if not gates[0].passed:
        tuned = _kept(f"the gain on dev is {gain.mean:+.4f}, more than {recipe.min_gain} is asked", facts, gates)
    elif not gates[1].passed:
        tuned = _kept(f"{kept:.2f} of neighbours are kept, at least {recipe.min_neighbours} is asked", facts, gates)
    else:
        entry = _register(training, base, rows, recipe, facts, registry, folder / "model")
        tuned = Tuned(f"tuned: {entry.key}", entry, gates, facts)
    shutil.rmtree(folder)
    return tuned


def _register(
    training: Training,
    base: ModelFolder,
    rows: Sequence[Mapping[str, Any]],
    recipe: Recipe,
    facts: Mapping[str, Any],
    registry: Registry,
    folder: Path,
) -> Entry:
    from llmops_pipelines.tuning.training_loop import written

    name = f"{base.name}-tuned"
    if base.query_prompt is not None or base.document_prompt is not None:  # it was tuned with these, not with its own
        own = {use: prompt for use, prompt in training.model.prompts.items() if use not in ("passage", "corpus")}
        training.model.prompts = {**own, "query": base.prompt("query"), "document": base.prompt("document")}
        training.model.default_prompt_name = None
    learned = Learned.of_rows(rows).and_of(Learned.of(base.folder))
    with written("the tuned model", folder):
        training.model.save_pretrained(str(folder), create_model_card=False)
        (folder / "README.md").write_text(model_card(base, name, recipe, facts), "utf-8")
        learned.write(folder)
    details = {fact: value for fact, value in facts.items() if fact != "history"}
    return registry.add(ModelFolder(name, folder), {**details, "base": base.key})


def _gain(training: Training, rows: Sequence[Mapping[str, Any]]) -> Estimate:
    """The mean difference of dev nDCG@10, questions about one document taken together."""
    document = {row["question_id"]: row["doc_id"] for row in rows}
    differences = [training.after[question] - score for question, score in training.before.items()]
    return clustered_mean(differences, [document[question] for question in training.before], bounds=(-1.0, 1.0))


def _kept(reason: str, facts: dict[str, Any], gates: list[GateResult] | None = None) -> Tuned:
    untrained = [_gate(name, True, reason=f"nothing was tuned: {reason}") for name in GATES]
    return Tuned(f"kept the base: {reason}", None, untrained if gates is None else gates, facts)


def _gate(name: str, passed: bool, **metadata: Any) -> GateResult:
    return GateResult(name, passed, metadata, GATES[name], blocking=False)
