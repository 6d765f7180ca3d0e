"""Two processes that merge the same keys at the same time leave one row a key."""

import multiprocessing
from multiprocessing.synchronize import Barrier

from llmops_pipelines.storage import Lake
from tests.storage.notes import NOTES

KEYS = [f"key {number}" for number in range(40)]
BATCH = 10


def write_all(uri: str, text: str, together: Barrier) -> None:
    writer = Lake(uri).writer("notes", NOTES)
    together.wait(timeout=120)
    for start in range(0, len(KEYS), BATCH):
        writer.upsert_rows([{"note": key, "text": text, "row_hash": text} for key in KEYS[start : start + BATCH]])


def test_two_processes_leave_one_row_a_key(lake: Lake):
    lake.writer("notes", NOTES)
    context = multiprocessing.get_context("spawn")
    together = context.Barrier(2)
    processes = [context.Process(target=write_all, args=(lake.uri, text, together)) for text in ("one", "two")]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=120)
    assert [process.exitcode for process in processes] == [0, 0]

    rows = list(lake.writer("notes", NOTES).staged().rows())
    assert sorted(row["note"] for row in rows) == sorted(KEYS)
    assert {row["text"] for row in rows} <= {"one", "two"}
    assert all(row["row_hash"] == row["text"] for row in rows)
