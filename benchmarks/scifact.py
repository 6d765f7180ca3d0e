"""Published SciFact figures through the functions that the assets call: `python -m benchmarks.scifact [--untuned]`.

Needs LLMOPS_DATA. Without tuning about 8 minutes on two cores, with tuning an hour and a half. `--split official` and
`--split clean` tune on one split each, so that two processes share the work.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmarks.collection import Collection, Indexed
from benchmarks.measuring import report
from llmops_pipelines.corpus.chunking.passages import PassageChunker
from llmops_pipelines.corpus.chunking.tokenizer import ChunkTokenizer
from llmops_pipelines.corpus.chunking.whole_document import WholeDocumentChunker
from llmops_pipelines.embedding.model_folder import ModelFolder, bundled_model
from llmops_pipelines.evaluation.contamination import HeldOut
from llmops_pipelines.evaluation.intervals import clustered_mean
from llmops_pipelines.evaluation.near_questions import near_questions
from llmops_pipelines.evaluation.questions import Question
from llmops_pipelines.tuning.recipe import Recipe
from llmops_pipelines.tuning.trainer import train
from llmops_pipelines.tuning.training_set import TrainingSetSettings

SEEDS = (42, 43, 44)
SPLITS = ("official", "clean")
RECIPES = {
    "in-batch negatives": Recipe(
        loss="multiple_negatives_ranking", length=256, negatives=0, learning_rate=2e-5, epochs=2
    ),
    "guided, one hard negative": Recipe(loss="gist", length=256, negatives=1, learning_rate=2e-5, epochs=2),
}
CLEAN_JACCARD = 0.5  # claims this near to a test claim are not learned from


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parts = parser.add_mutually_exclusive_group()
    parts.add_argument("--untuned", action="store_true", help="leave tuning out")
    parts.add_argument("--split", choices=SPLITS, help="only tuning, on this split (both where none is given)")
    arguments = parser.parse_args()
    if not os.environ.get("LLMOPS_DATA"):
        sys.exit("LLMOPS_DATA is not set: it names the folder with labelled public data")
    folder = Path(os.environ["LLMOPS_DATA"]) / "retrieval" / "scifact"
    base = bundled_model()
    tokenizer = ChunkTokenizer(base.tokenizer_path)
    with tempfile.TemporaryDirectory() as work:
        figures: dict[str, Any] = {}
        whole = Collection(Path(work) / "bf16", folder, WholeDocumentChunker(tokenizer))
        found = whole.index(base, "bf16")
        if not arguments.split:
            figures |= untuned_figures(found, base, folder, Path(work), tokenizer)
            print(figures, file=sys.stderr)
        if not arguments.untuned:
            splits = [arguments.split] if arguments.split else SPLITS
            figures |= tuned_figures(whole, found, base, Path(work), splits)
    report(**{name: round(value, 4) if isinstance(value, float) else value for name, value in figures.items()})


def untuned_figures(
    found: Indexed, base: ModelFolder, folder: Path, work: Path, tokenizer: ChunkTokenizer
) -> dict[str, float]:
    """Of whole documents in both precisions, by BM25 and by hybrid search, and of the default chunker's passages."""
    exact = Collection(work / "fp32", folder, WholeDocumentChunker(tokenizer)).index(base, "fp32")
    chunked = Collection(work / "passages", folder, PassageChunker(tokenizer, base.max_tokens)).index(base, "bf16")
    return {
        "ndcg10_fp32": fmean(exact.scores("dense").values()),
        "ndcg10_bf16": fmean(found.scores("dense").values()),
        "ndcg10_bm25": fmean(found.scores("bm25").values()),
        "ndcg10_hybrid": fmean(found.scores("hybrid").values()),
        "ndcg10_chunked": fmean(chunked.scores("dense").values()),
    }


def tuned_figures(
    collection: Collection, untuned: Indexed, base: ModelFolder, work: Path, splits: Sequence[str]
) -> dict[str, Any]:
    """`official` learns from the train part as it is, `clean` from what of it tells nothing of the test part.

    No test claim itself is learned from in either: by id and by text. `overlap` says what else `official` shares.
    """
    train_part, test_part = collection.questions("train"), collection.questions("test")
    held_out = HeldOut(test_part)
    leaks = held_out.in_questions([q.id for q in train_part], [q.text for q in train_part])
    same = {leak.position for leak in leaks if leak.rule in ("same id", "same text")}
    official = [q for i, q in enumerate(train_part) if i not in same]
    near = {
        i for i, _ in near_questions([q.text for q in official], [q.text for q in test_part], threshold=CLEAN_JACCARD)
    }
    apart = [q for i, q in enumerate(official) if i not in near and not held_out.answers.intersection(q.answers)]
    learned = {document for question in official for document in question.answers}
    alike = {j for _, j in near_questions([q.text for q in official], [q.text for q in test_part])}
    overlap = {
        "test_claims_in_train": len(same),
        "near_test_claims": round(len(alike) / len(test_part), 3),
        "relevant_documents": round(len(learned & held_out.answers) / len(held_out.answers), 3),
    }
    learned_from = {"official": (official, HeldOut([])), "clean": (apart, held_out)}
    found = {split: _tuned(collection, untuned, base, *learned_from[split], work / split) for split in splits}
    if "official" in found:
        found["official"]["overlap"] = overlap
    return found


def _tuned(
    collection: Collection,
    untuned: Indexed,
    base: ModelFolder,
    questions: Sequence[Question],
    held_out: HeldOut,
    folder: Path,
) -> dict[str, Any]:
    """Recipe and checkpoints are chosen on the dev part of the training set; the test part is scored once a seed."""
    rows = collection.training_rows(untuned, questions, held_out, TrainingSetSettings())
    dev: dict[str, float] = {}
    trainings = {}
    for name, recipe in RECIPES.items():
        trainings[name] = train(base, rows, recipe, folder / name, log=_log)
        dev[name] = fmean(trainings[name].after.values())
    chosen = max(dev, key=lambda name: dev[name])
    _log(f"dev nDCG@10 by recipe: {dev}; chosen: {chosen}")
    before = untuned.scores("dense")
    after: list[dict[str, float]] = []
    for seed in SEEDS:
        recipe = Recipe(**{**vars(RECIPES[chosen]), "seed": seed})
        training = trainings[chosen] if seed == RECIPES[chosen].seed else None
        training = training or train(base, rows, recipe, folder / str(seed), log=_log)
        saved = folder / f"model-{seed}"
        training.model.save_pretrained(str(saved))
        after.append(collection.index(ModelFolder(f"tuned-{seed}", saved), "bf16").scores("dense"))
        _log(f"seed {seed}: test nDCG@10 {fmean(after[-1].values()):.4f}")
    gains = [fmean(scores[question] for scores in after) - before[question] for question in before]
    gain = clustered_mean(gains, [untuned.cluster[question] for question in before], bounds=(-1.0, 1.0))
    return {
        "tuned": [round(fmean(scores.values()), 4) for scores in after],
        "gain": round(gain.mean, 4),
        "interval": [round(gain.low, 4), round(gain.high, 4)],
        "recipe": chosen,
        "pairs": sum(row["part"] == "train" for row in rows),
        "dev_questions": len({row["question_id"] for row in rows if row["part"] == "dev"}),
    }


def _log(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
