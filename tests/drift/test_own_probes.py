"""Probes that are drawn from a corpus: the same ones whatever the order, written as a file that reads as they are."""

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from llmops_pipelines.drift.own_probes import QUERIES, TEXTS, own_probes
from llmops_pipelines.drift.probe_files import load_probes, written
from llmops_pipelines.drift.probes import ProbeError

PASSAGES = [f"Passage {i} tells of one more thing. It has a second sentence." for i in range(300)]
QUESTIONS = [f"What is thing {i}?" for i in range(200)]


def test_they_are_drawn_by_hash_and_not_by_order() -> None:
    made = own_probes("mine", PASSAGES, QUESTIONS)
    assert (len(made.documents), len(made.queries)) == (TEXTS, QUERIES)
    assert set(made.documents) <= set(PASSAGES)
    assert set(made.queries) <= set(QUESTIONS)
    assert own_probes("mine", reversed(PASSAGES + PASSAGES), QUESTIONS[::-1]).identity == made.identity
    more = own_probes("mine", [*PASSAGES, *(f"New {i}" for i in range(30))], QUESTIONS)
    assert len(set(more.documents) & set(made.documents)) > 0.8 * TEXTS, "what came moves few of those that were drawn"


def test_without_questions_first_sentences_of_other_passages_are_asked() -> None:
    made = own_probes("mine", PASSAGES, ["only one?"])
    assert len(made.queries) == QUERIES
    assert "only one?" not in made.queries
    assert not [query for query in made.queries if any(text.startswith(query) for text in made.documents)]


def test_too_few_are_refused_with_their_numbers() -> None:
    with pytest.raises(ProbeError, match="mine has 19 passages and 60 questions"):
        own_probes("mine", [*PASSAGES[:19], " "], QUESTIONS)


@settings(max_examples=30)
@given(st.lists(st.text(min_size=1).filter(str.strip), min_size=40, max_size=60, unique=True))
@example([f"{i}\x85 \u2028\r\n: '#\ufeff\0" for i in range(40)])
def test_the_file_reads_as_what_was_written(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    made = own_probes("mine", texts, texts)
    path: Path = tmp_path_factory.mktemp("probes") / "mine.yaml"
    path.write_text(written(made), "utf-8")
    assert load_probes(path).identity == made.identity
