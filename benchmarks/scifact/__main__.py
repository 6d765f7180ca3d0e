"""Retrieval on SciFact through the functions that the assets call: `python -m benchmarks.scifact [--full] [--work DIR]`.

BM25, the untuned model, hybrid search, and models tuned on both splits with three seeds. Settings and recipe were chosen on
dev claims of the train part (docs/tuning.md); the test part is scored once a figure. Needs LLMOPS_DATA. `--untuned` leaves
tuning out: about 15 minutes on two cores, with tuning an hour. `--work` keeps vectors and models, so that a run that was
killed goes on, and scoring again trains nothing.
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
from benchmarks.scifact.models import tuned_models
from benchmarks.scifact.splits import SPLITS, Split, splits
from benchmarks.scifact.steps import Measured, Step, as_markdown, reciprocal_rank, step_table
from llmops_pipelines.corpus.chunking.passages import PassageChunker
from llmops_pipelines.corpus.chunking.tokenizer import ChunkTokenizer
from llmops_pipelines.corpus.chunking.whole_document import WholeDocumentChunker
from llmops_pipelines.embedding.model_folder import bundled_model
from llmops_pipelines.evaluation.metrics import PRIMARY
from llmops_pipelines.evaluation.questions import Question
from llmops_pipelines.tuning.recipe import Recipe
from llmops_pipelines.tuning.training_set import TrainingSetSettings

SEEDS = (42, 43, 44)
RECIPE = Recipe(epochs=2)
WEIGHTS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = parser.add_mutually_exclusive_group()
    parts.add_argument("--full", action="store_true", help="everything, as where nothing is asked for")
    parts.add_argument("--untuned", action="store_true", help="leave tuning out")
    parts.add_argument("--split", choices=SPLITS, help="tuning on this split alone, beside the untuned model")
    parser.add_argument("--work", type=Path, help="folder that keeps vectors and models")
    parser.add_argument("--processes", type=int, default=2, help="trainings at a time (2)")
    arguments = parser.parse_args()
    if not os.environ.get("LLMOPS_DATA"):
        sys.exit("LLMOPS_DATA is not set: it names the folder with labelled public data")
    folder = Path(os.environ["LLMOPS_DATA"]) / "retrieval" / "scifact"
    tuned_on = [] if arguments.untuned else [arguments.split] if arguments.split else list(SPLITS)
    with tempfile.TemporaryDirectory() as temporary:
        work = arguments.work or Path(temporary)
        figures = Figures(folder, work)
        figures.tune(tuned_on, work, arguments.processes)
        if not arguments.split:
            figures.reproduce(work)
        table = step_table(figures.steps)
        print(as_markdown(table), file=sys.stderr)
        report(**figures.found, steps=table)


class Figures:
    """What was measured so far: `found` is reported, `steps` are in the order in which they build on each other."""

    def __init__(self, folder: Path, work: Path) -> None:
        self.folder = folder
        self.base = bundled_model()
        self.tokenizer = ChunkTokenizer(self.base.tokenizer_path)
        self.whole = Collection(work / "whole", folder, WholeDocumentChunker(self.tokenizer))
        self.untuned = self.whole.index(self.base, "bf16")
        self.test = self.whole.questions("test")
        self.splits = splits(self.whole.questions("train"), self.test)
        rows = self.untuned.rows(self.test)
        self.steps = [
            Step("BM25", Measured.of([rows], "bm25")),
            Step("untuned", Measured.of([rows], "dense")),
            Step("hybrid by reciprocal rank", Measured.of([reciprocal_rank(rows)], "reciprocal_rank"), "untuned"),
            Step("weighted hybrid", Measured.of([rows], "hybrid"), "hybrid by reciprocal rank"),
        ]
        keys = ("bm25", "untuned", "reciprocal_rank", "hybrid")
        self.found: dict[str, Any] = {key: s.measured.as_dict() for key, s in zip(keys, self.steps, strict=True)}
        # No claim of `clean` tells anything of the test part, and the untuned model has learned none of them.
        self.found["dev_by_weight"] = by_weight([self.untuned], self.splits["clean"].questions)
        _log(self.found)

    def tune(self, names: Sequence[str], work: Path, processes: int) -> None:
        """Tuned on each split, dense and hybrid: the mean over the seeds, question by question."""
        training_sets = {name: self._training_set(self.splits[name]) for name in names}
        tuned: dict[str, list[Indexed]] = {name: [] for name in names}
        for name, _, model in tuned_models(self.base, training_sets, RECIPE, SEEDS, work, processes):
            tuned[name].append(self.whole.index(model, "bf16"))
        for name, models in tuned.items():
            evaluations = [model.rows(self.test) for model in models]
            steps = [
                Step(f"tuned, {name}", Measured.of(evaluations, "dense"), "untuned"),
                Step(f"tuned hybrid, {name}", Measured.of(evaluations, "hybrid"), "weighted hybrid"),
            ]
            rows = training_sets[name]
            dev = {row["question_id"] for row in rows if row["part"] == "dev"}
            asked = [question for question in self.splits[name].questions if question.id in dev]
            self.steps += steps
            self.found[name] = {
                "tuned": steps[0].measured.as_dict(),
                "tuned_hybrid": steps[1].measured.as_dict(),
                "pairs": sum(row["part"] == "train" for row in rows),
                "dev_claims": len(dev),
                "dev_by_weight": {"untuned": by_weight([self.untuned], asked), "tuned": by_weight(models, asked)},
                **({"overlap": self.splits[name].overlap} if self.splits[name].overlap else {}),
            }
            _log(self.found[name])

    def reproduce(self, work: Path) -> None:
        """Published figures: whole documents in fp32, and what the default chunker's passages give."""
        exact = Collection(work / "fp32", self.folder, WholeDocumentChunker(self.tokenizer)).index(self.base, "fp32")
        passages = Collection(work / "passages", self.folder, PassageChunker(self.tokenizer, self.base.max_tokens))
        rows = passages.index(self.base, "bf16").rows(self.test)
        found = {
            "untuned_fp32": Measured.of([exact.rows(self.test)], "dense").as_dict(),
            "passages": Measured.of([rows], "dense").as_dict(),
            "passages_hybrid": Measured.of([rows], "hybrid").as_dict(),
        }
        _log(found)
        self.found |= found

    def _training_set(self, split: Split) -> list[dict[str, Any]]:
        return self.whole.training_rows(self.untuned, split.questions, split.held_out, TrainingSetSettings())


def by_weight(models: Sequence[Indexed], questions: Sequence[Question]) -> dict[str, float]:
    """nDCG@10 of full text, dense, and hybrid search by the weight of dense scores: the mean over models and questions."""
    found: dict[str, float] = {}
    for weight in WEIGHTS:
        rows = [row for model in models for row in model.rows(questions, weight)]
        for system in ("bm25", "dense", "hybrid"):
            name = f"{weight}" if system == "hybrid" else system
            found[name] = round(fmean(row[PRIMARY] for row in rows if row["system"] == system), 4)
    return found


def _log(found: Any) -> None:
    print(found, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
