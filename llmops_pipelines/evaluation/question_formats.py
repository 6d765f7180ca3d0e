"""The formats of questions: what stands in JSON lines, in CSV and in a folder in BEIR layout, as entries of one shape."""

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from llmops_pipelines.corpus.document import SourceError
from llmops_pipelines.corpus.sources.beir import BeirEntry, beir_file, beir_lines
from llmops_pipelines.evaluation.questions import PARTS, QuestionError

HIGHEST_GRADE = 100  # the scorer makes room for every grade up to the highest
COLUMNS = ("id", "question", "answers", "part")
OPTIONAL_COLUMNS = ("grades", "rejected", "tags")
QRELS_HEADER = ["query-id", "corpus-id", "score"]

# Where an entry stands (`file:line`), and its fields as a line of JSON has them.
Entries = Iterator[tuple[str, Mapping[str, Any]]]


def json_entries(path: Path) -> Entries:
    """An object a line: `id`, `question`, `answers`, `part` and, where there are any, `rejected`, `tags` and `versions`."""
    # Only a line feed ends a line: a question may hold what else Unicode takes for a line's end.
    for number, line in enumerate(_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise QuestionError(f"{path}:{number}: {type(error).__name__} {error}. A line is a JSON object") from error
        yield f"{path}:{number}", entry


def csv_entries(path: Path) -> Entries:
    """A row a question, under a header; `|` separates what is several in one cell."""
    reader = csv.reader(io.StringIO(_text(path), newline=""), strict=True)
    header: list[str] = []
    end = 0
    try:
        for cells in reader:
            where, end = f"{path}:{end + 1}", reader.line_num
            if not any(cell.strip() for cell in cells):
                continue
            if not header:
                header = _header(where, cells)
                continue
            if len(cells) != len(header):
                raise QuestionError(
                    f"{where}: {len(cells)} cells under {len(header)} columns: quote a cell that holds a comma"
                )
            entry: dict[str, Any] = {name: cell.strip() for name, cell in zip(header, cells, strict=True)}
            answers, grades, rejected, tags = (
                _cell(entry.get(name, "")) for name in ("answers", "grades", "rejected", "tags")
            )
            if "" in answers + rejected + tags or len(set(answers)) < len(answers):
                raise QuestionError(f"{where}: an answer is named twice, or there is nothing between two |")
            if grades and len(grades) != len(answers):
                raise QuestionError(
                    f"{where}: {len(grades)} grades, {len(answers)} answers: give one for each, or none"
                )
            graded = dict(zip(answers, map(_whole, grades or ["1"] * len(answers)), strict=True))
            yield where, {**entry, "answers": graded, "rejected": rejected, "tags": tags}
    except csv.Error as error:
        raise QuestionError(
            f"{path}:{end + 1}: {error}. Quote a cell that holds a comma, a quote or a line's end"
        ) from error


def _header(where: str, cells: list[str]) -> list[str]:
    names = [cell.strip() for cell in cells]
    if missing := [name for name in COLUMNS if name not in names]:
        raise QuestionError(f"{where}: no column {', '.join(missing)}. The header is {','.join(COLUMNS)}, with commas")
    if wrong := [name for i, name in enumerate(names) if name in names[:i] or name not in COLUMNS + OPTIONAL_COLUMNS]:
        known = ", ".join(COLUMNS + OPTIONAL_COLUMNS)
        raise QuestionError(f"{where}: column {wrong[0]!r} is unknown or there twice. The columns are {known}")
    return names


def _cell(text: str) -> list[str]:
    """The entries of a cell, which `|` separates; none of an empty cell."""
    return [part.strip() for part in text.split("|")] if text else []


def _whole(text: str) -> int | str:
    """`text` as a whole number; as it is where it is none, for the error that names it."""
    return int(text) if re.fullmatch(r"-?[0-9]{1,9}", text) else text


def beir_entries(folder: Path) -> Entries:
    """The queries that a file of `qrels/` judges, in the order of `queries.jsonl`; the part is the name of that file."""
    judgements = _judgements(folder)
    path = _queries_file(folder)
    seen: set[str] = set()
    try:
        for number, line in beir_lines(path):
            where = f"{path}:{number}"
            try:
                query = BeirEntry.read(line)
            except ValueError as error:
                raise QuestionError(f"{where}: {error}. A query is a JSON object with _id and text") from error
            if query.id not in judgements:
                continue
            seen.add(query.id)
            _, part, grades = judgements[query.id]
            answers = {name: grade for name, grade in grades.items() if grade > 0}
            rejected = [name for name in grades if name not in answers]
            yield (
                where,
                {"id": query.id, "question": query.text, "answers": answers, "part": part, "rejected": rejected},
            )
    except SourceError as error:
        raise QuestionError(str(error)) from error
    for query_id, (where, _, _) in judgements.items():
        if query_id not in seen:
            raise QuestionError(f"{where}: the query {query_id!r} is not in {path.name}")


def _judgements(folder: Path) -> dict[str, tuple[str, str, dict[str, int]]]:
    """Where each query is judged first, its part, and the grades of its documents, by query id."""
    judged: dict[str, tuple[str, str, dict[str, int]]] = {}
    for file in _qrels_files(folder):
        for number, line in enumerate(_text(file).split("\n"), start=1):
            cells, where = line.rstrip("\r").split("\t"), f"{file}:{number}"
            if not line.strip() or (number == 1 and cells == QRELS_HEADER):
                continue
            if len(cells) != len(QRELS_HEADER) or not isinstance(score := _whole(cells[2]), int):
                raise QuestionError(
                    f"{where}: {line!r} is not {', '.join(QRELS_HEADER)}, separated by tabs, the score a whole number"
                )
            if score > HIGHEST_GRADE:
                raise QuestionError(f"{where}: the score is {score:,}, {HIGHEST_GRADE} is the highest")
            first, part, grades = judged.setdefault(cells[0], (where, file.stem, {}))
            if part != file.stem:
                raise QuestionError(f"{where}: the query {cells[0]!r} is in part {part} too ({first})")
            if grades.setdefault(cells[1], score) != score:
                raise QuestionError(
                    f"{where}: query {cells[0]!r} and document {cells[1]!r} are judged twice, differently"
                )
    return judged


def _queries_file(folder: Path) -> Path:
    """`queries.jsonl` of a folder in BEIR layout, plain or gzipped."""
    try:
        return beir_file(folder, "queries")
    except SourceError as error:
        raise QuestionError(str(error)) from error


def _qrels_files(folder: Path) -> list[Path]:
    """`qrels/train.tsv`, `dev.tsv` and `test.tsv` of a folder in BEIR layout, those there are."""
    files = sorted((folder / "qrels").glob("*.tsv"))
    if not files or any(file.stem not in PARTS for file in files):
        found = ", ".join(file.name for file in files) or "none"
        raise QuestionError(f"{folder / 'qrels'}: found {found}; there can be {', '.join(f'{p}.tsv' for p in PARTS)}")
    return files


def _content(path: Path) -> bytes:
    """The bytes of a file of questions. Raises QuestionError where it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise QuestionError(f"cannot read the questions in {path}: {error}") from error


def _text(path: Path) -> str:
    """The file as text: UTF-8, with or without a byte order mark. Line ends stay as they are."""
    try:
        return _content(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise QuestionError(f"cannot read the questions in {path}: not UTF-8 at byte {error.start:,}") from error
