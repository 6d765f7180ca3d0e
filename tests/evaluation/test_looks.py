"""Looks at test questions: a configuration spends one, once, and no more are spent than the suite has."""

import multiprocessing
import os
import signal
import tempfile
from collections import Counter
from dataclasses import replace
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmops_pipelines.evaluation.looks import Looks
from llmops_pipelines.evaluation.suites import Suite, SuiteMetric
from llmops_pipelines.storage import Lake

SUITE = Suite("known_items", 1, (SuiteMetric("nDCG@10", "higher", "primary", 0.03),), known_items=5, max_looks=3)
TIMEOUT = 120


def rows(lake: Lake) -> list[dict]:
    table = lake.newest("c.looks")
    return list(table.rows()) if table else []


def test_a_configuration_spends_one_look_however_often_it_is_judged(lake: Lake) -> None:
    looks = Looks(lake, "c")
    assert (looks.count(SUITE.test_hash), looks.spent(SUITE)) == (0, False)
    assert looks.spend(SUITE, "one", "run 1")
    assert looks.spend(SUITE, "one", "run 2")
    assert looks.count(SUITE.test_hash) == 1
    (row,) = rows(lake)
    assert (row["suite"], row["configuration"], row["requested_by"]) == ("known_items", "one", "run 1")


def test_when_all_are_spent_only_those_that_had_one_are_judged(lake: Lake) -> None:
    looks = Looks(lake, "c")
    assert [looks.spend(SUITE, name, "run") for name in ("one", "two", "three", "four", "two")] == [
        *(True, True, True, False, True)
    ]
    assert looks.spent(SUITE)
    assert looks.count(SUITE.test_hash) == len(rows(lake)) == 3
    assert not looks.spent(replace(SUITE, max_looks=4))  # the suite's own word is asked, a person may change it
    assert not looks.spend(replace(SUITE, max_looks=2), "five", "run")


def test_an_edited_margin_gives_none_back_and_other_questions_have_their_own(lake: Lake, tmp_path: Path) -> None:
    looks = Looks(lake, "c")
    assert looks.spend(replace(SUITE, max_looks=1), "one", "run")
    edited = replace(SUITE, max_looks=1, version=2, metrics=(replace(SUITE.metrics[0], margin=0.5),))
    assert not looks.spend(edited, "two", "run")
    file = tmp_path / "q.jsonl"
    file.write_text('{"id": "q", "question": "why?", "answers": ["a"], "part": "test"}', "utf-8")
    assert looks.spend(replace(edited, name="written", file=file, known_items=None), "two", "run")
    assert Looks(lake, "other").count(SUITE.test_hash) == 0


@settings(deadline=None, max_examples=15, derandomize=True)
@given(st.lists(st.sampled_from("abcdef"), max_size=12), st.integers(1, 4))
def test_the_first_configurations_are_judged_and_no_other(asked: list[str], most: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        looks = Looks(Lake(folder), "c")
        suite = replace(SUITE, max_looks=most)
        allowed = set(list(dict.fromkeys(asked))[:most])
        assert [looks.spend(suite, name, "run") for name in asked] == [name in allowed for name in asked]
        assert looks.count(suite.test_hash) == len(allowed)


def ask(
    uri: str, configurations: list[str], together: Barrier, answers: "multiprocessing.Queue[tuple[str, bool]]"
) -> None:
    looks = Looks(Lake(uri), "c")
    together.wait(TIMEOUT)
    for configuration in configurations:
        answers.put((configuration, looks.spend(SUITE, configuration, f"process {os.getpid()}")))


def test_processes_that_ask_at_once_spend_no_more_than_there_are(lake: Lake) -> None:
    """The table is made by one of them; all ask for the same configuration first, and then for one of their own."""
    context = multiprocessing.get_context("spawn")
    together, answers = context.Barrier(3), context.Queue()
    asked = [["same", f"own {i}", f"more {i}"] for i in range(3)]
    processes = [context.Process(target=ask, args=(lake.uri, names, together, answers)) for names in asked]
    for process in processes:
        process.start()
    said = [answers.get(timeout=TIMEOUT) for _ in range(9)]
    for process in processes:
        process.join(TIMEOUT)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert Counter(said)["same", True] == 3
    allowed = {name for name, judged in said if judged}
    assert len(allowed) == 3
    assert {row["configuration"] for row in rows(lake)} == allowed
    assert len(rows(lake)) == 3


def spend_and_die(uri: str) -> None:
    Looks(Lake(uri), "c").spend(SUITE, "one", "a run that is killed")
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_run_that_is_killed_after_its_look_has_it_and_spends_no_second(lake: Lake) -> None:
    process = multiprocessing.get_context("spawn").Process(target=spend_and_die, args=(lake.uri,))
    process.start()
    process.join(TIMEOUT)
    assert process.exitcode == -signal.SIGKILL
    looks = Looks(lake, "c")
    assert looks.count(SUITE.test_hash) == 1
    assert looks.spend(SUITE, "one", "the run after it")
    assert looks.count(SUITE.test_hash) == 1


def test_a_look_whose_row_was_deleted_by_hand_is_not_in_the_way_of_the_next(lake: Lake) -> None:
    looks = Looks(lake, "c")
    assert looks.spend(SUITE, "one", "run")
    assert looks.spend(SUITE, "two", "run")
    table = lake.newest("c.looks")
    assert table is not None
    table.table.delete("configuration = 'one'")
    assert looks.spend(SUITE, "three", "run")
    assert [row["look_id"].rpartition("/")[2] for row in rows(lake)] == ["0002", "0003"]


@pytest.mark.parametrize("configuration", ["it's", 'a "quoted" one', "ünïcode"])
def test_configurations_of_any_name(lake: Lake, configuration: str) -> None:
    looks = Looks(lake, "c")
    assert looks.spend(SUITE, configuration, "run")
    assert looks.spend(SUITE, configuration, "run")
    assert looks.count(SUITE.test_hash) == 1
