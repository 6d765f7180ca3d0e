"""A replay of what happened: the answers of GPT-4 and GPT-3.5 of March and June 2023 to the same questions.

Chen, Zaharia and Zou, "How is ChatGPT's behavior changing over time?", 2023. One answer a question and month is all there
is: neither repeats, from which a noise floor would come, nor fresh calls that would confirm. What is replayed are the
tests alone.
"""

import gzip
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmops_pipelines.drift.answers import changed_grades
from llmops_pipelines.drift.descriptors import changed_texts
from llmops_pipelines.evaluation.holm import holm

if TYPE_CHECKING:
    import numpy as np

ALPHA = 0.01
SPLITS = 200
MONTHS = {"gpt-4": ("gpt-4-0314", "gpt-4-0613"), "gpt-3.5": ("gpt-3.5-turbo-0301", "gpt-3.5-turbo-0613")}
YES_OR_NO = re.compile(r"\b(yes|no)\b", re.IGNORECASE)

Row = Mapping[str, str]


@dataclass(frozen=True)
class Answers:
    """One model's answers to one task in one month, by question. `grades` are 1 or 0, `parsed` whether there was one."""

    texts: dict[str, str]
    grades: dict[str, float]
    parsed: dict[str, bool]
    classes: dict[str, str]  # what an answer is graded by: the right answer, or the grade where none is known

    @property
    def accuracy(self) -> float:
        return sum(self.grades.values()) / len(self.grades)

    @property
    def unparsed(self) -> float:
        return 1 - sum(self.parsed.values()) / len(self.parsed)


def said(text: str) -> str | None:
    """The last yes or no of an answer to "think step by step and then answer", None where there is none."""
    found = YES_OR_NO.findall(text)
    return found[-1].lower() if found else None


def _prime(row: Row) -> tuple[bool, bool, str]:
    answer, right = said(row["answer"]), row["ref_answer"].lower()
    return answer == right, answer is not None, right


def _by(column: str) -> Callable[[Row], tuple[bool, bool, str]]:
    return lambda row: (float(row[column]) == 1, True, row[column])


TASKS: dict[str, tuple[str, Callable[[Row], tuple[bool, bool, str]]]] = {
    "prime": ("PRIME_FULL_EVAL.csv.gz", _prime),
    "sensitive": ("SENSITIVEQ_EVAL.csv.gz", _by("Response Rate")),
    "leetcode": ("LEETCODE_EASY_EVAL.csv.gz", _by("Directly Usable")),
}


def answers(folder: Path) -> dict[tuple[str, str], tuple[Answers, Answers]]:
    """The answers of March and of June by model and task; `folder` is the `llmdrift` of the labelled data."""
    import csv

    found: dict[tuple[str, str], tuple[Answers, Answers]] = {}
    for task, (file, grade) in TASKS.items():
        with gzip.open(folder / file, "rt", encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines))
        for model, months in MONTHS.items():
            march, june = (_answers([row for row in rows if row["model"].endswith(month)], grade) for month in months)
            found[model, task] = march, june
    return found


def _answers(rows: list[dict[str, str]], grade: Callable[[Row], tuple[bool, bool, str]]) -> Answers:
    graded = {row["id"]: grade(row) for row in rows}
    return Answers(
        texts={row["id"]: row["answer"] for row in rows},
        grades={name: found for name, (found, _, _) in graded.items()},
        parsed={name: found for name, (_, found, _) in graded.items()},
        classes={name: found for name, (_, _, found) in graded.items()},
    )


def control_rate(month: Answers, generator: "np.random.Generator", splits: int = SPLITS) -> float:
    """How often the test of grades finds a change between two random halves of one month, at ALPHA.

    A question of one half is paired with one of the other within its class, as if it had been asked again.
    """
    ids: dict[str, list[str]] = {}
    for name, of in month.classes.items():
        ids.setdefault(of, []).append(name)
    fired = 0
    for _ in range(splits):
        before, after = {}, {}
        for of, members in ids.items():
            shuffled = [members[i] for i in generator.permutation(len(members))]
            half = len(shuffled) // 2
            for i, (one, other) in enumerate(zip(shuffled[:half], shuffled[half : 2 * half], strict=True)):
                before[f"{of} {i}"], after[f"{of} {i}"] = [month.grades[one]], [month.grades[other]]
        fired += changed_grades(before, after).p <= ALPHA
    return fired / splits


def _single(answers: Mapping[str, Any]) -> dict[str, list[Any]]:
    """One call of each."""
    return {name: [answer] for name, answer in answers.items()}


def replay(folder: Path, splits: int = SPLITS, seed: int = 0) -> list[dict[str, Any]]:
    """A row for each of the six pairs of model and task: changed by grade (exact McNemar, Holm over the six at ALPHA),
    changed by text (length and refusals, Holm over the two), and how often the test of grades fires with no change.
    """
    import numpy as np

    generator = np.random.default_rng(seed)
    pairs = answers(folder)
    changes = {pair: changed_grades(*(_single(month.grades) for month in months)) for pair, months in pairs.items()}
    corrected = holm({"/".join(pair): change.p for pair, change in changes.items()})
    rows: list[dict[str, Any]] = []
    for (model, task), (march, june) in pairs.items():
        texts = changed_texts(_single(march.texts), _single(june.texts))
        corrected_texts = holm({name: change.p for name, change in texts.items()})
        lost = sum(march.grades[name] > june.grades[name] for name in june.grades)
        won = sum(march.grades[name] < june.grades[name] for name in june.grades)
        rows.append(
            {
                "model": model,
                "task": task,
                "questions": len(march.grades),
                "before": round(march.accuracy, 3),
                "after": round(june.accuracy, 3),
                "unparsed": [round(march.unparsed, 3), round(june.unparsed, 3)],
                "lost": lost,
                "won": won,
                "p": changes[model, task].p,
                "p_holm": corrected[f"{model}/{task}"],
                "changed_by_grade": corrected[f"{model}/{task}"] <= ALPHA,
                "changed_by_text": any(p <= ALPHA for p in corrected_texts.values()),
                "p_text": corrected_texts,
                "control_rate": max(control_rate(month, generator, splits) for month in (march, june)),
            }
        )
    return rows
