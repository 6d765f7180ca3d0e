"""Training sets of small real corpora: what is learned from, what is left out, and how it is split."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import pytest

from llmops_pipelines.embedding.torch_embedder import TorchEmbedder
from llmops_pipelines.evaluation.contamination import HeldOut
from llmops_pipelines.evaluation.near_questions import near_questions
from llmops_pipelines.evaluation.questions import Question
from llmops_pipelines.index.search import SearchIndex
from llmops_pipelines.storage import Lake, schemas
from llmops_pipelines.tuning.gates import training_set_gates
from llmops_pipelines.tuning.training_set import TrainingSetSettings, build_training_set
from llmops_pipelines.tuning.training_set_report import TrainingSetReport
from tests.index.hand_made import HandMade
from tests.tuning.corpora import ask, document_rows

SUBJECTS = ["bees", "bread", "tides", "rails", "wine", "paper", "stone", "glass", "clocks", "salt", "wool", "cocoa"]
PASSAGES = {
    f"{subject}.md": [
        f"# On {subject}\n\nPeople have known {subject} for a very long time and still do, says the book.",
        f"The trade in {subject} made the harbour rich. Ships came every spring to fetch it from the quay.",
    ]
    for subject in SUBJECTS
}
QUESTIONS = [ask(f"q-{subject}", f"trading {subject}: riches?", f"{subject}.md") for subject in SUBJECTS]
TEST = [
    ask("t1", "Does vitamin D inhibit the growth of bone cells?", "bones.md", part="test"),
    ask("d1", "how far away is the farthest galaxy?", "stars.md", part="dev"),
]


@dataclass
class Built:
    """A corpus with its index, on which training sets are built one after the other."""

    lake: Lake
    embedder: TorchEmbedder
    passages: Mapping[str, Sequence[str]]

    def __post_init__(self) -> None:
        texts = [text for found in self.passages.values() for text in found]
        vectors = dict(zip(texts, self.embedder.embed(texts, "document").vectors, strict=True))
        made = HandMade(self.lake, 384, self.embedder.fingerprint, vectors.__getitem__)
        self.index: SearchIndex = made.build(self.passages)[1]
        self.made = made
        self.writer = self.lake.writer("c.training_set", schemas.TRAINING_SET)

    def __call__(
        self,
        questions: Sequence[Question],
        held_out: Sequence[Question] = TEST,
        usable: set[str] | None = None,
        passages: Mapping[str, Sequence[str]] | None = None,
        **settings: Any,
    ) -> TrainingSetReport:
        """Build and publish; `passages` are those of the chunks where they are not those of the index."""
        passages = passages or self.passages
        self.held_out = HeldOut(held_out)
        report = build_training_set(
            questions,
            self.held_out,
            set(passages) if usable is None else usable,
            document_rows(passages),
            self.made.chunks(passages),
            self.index,
            self.embedder,
            TrainingSetSettings(**settings),
            self.lake.writer("c.questions", schemas.embeddings(384)),
            self.lake.writer("c.passages", schemas.embeddings(384)),
            self.writer,
            self.lake.published("c.training_set"),
        )
        self.gates = training_set_gates(self.writer.staged(), self.held_out)
        self.writer.publish(report.data_version, "by hand", report.as_dict())
        return report

    def cosines(self, question: str, texts: Sequence[str]) -> list[float]:
        asked = self.embedder.embed([question], "query").vectors[0]
        return (self.embedder.embed(texts, "document").vectors @ asked).tolist()

    @property
    def rows(self) -> list[dict[str, Any]]:
        return sorted(self.writer.staged().rows(), key=lambda row: row["question_id"])

    @property
    def failed(self) -> list[str]:
        return [gate.name for gate in self.gates if not gate.passed]


class OtherModel(TorchEmbedder):
    """The same vectors under another name."""

    fingerprint = "f" * 64  # type: ignore[assignment]


@pytest.fixture
def build(lake: Lake, embedder: TorchEmbedder) -> Built:
    return Built(lake, embedder, PASSAGES)


def test_every_question_gets_its_nearest_passage_and_hard_negatives_of_other_documents(build: Built) -> None:
    report = build(QUESTIONS)
    rows = build.rows
    assert [row["question_id"] for row in rows] == sorted(question.id for question in QUESTIONS)
    texts = {f"{doc_id}#{i}": text for doc_id, found in PASSAGES.items() for i, text in enumerate(found)}
    for row in rows:
        assert row["doc_id"] == f"{row['question_id'][2:]}.md"
        assert row["positive"] == texts[row["chunk_id"]]
        assert row["score"] == pytest.approx(max(build.cosines(row["question"], PASSAGES[row["doc_id"]])), abs=1e-3)
        assert 1 <= len(row["negatives"]) <= 3
        assert [texts[chunk_id] for chunk_id in row["negative_ids"]] == row["negatives"]
        assert row["doc_id"] not in row["negative_doc_ids"]
        assert row["negative_scores"] == sorted(row["negative_scores"], reverse=True)
        assert max(row["negative_scores"]) <= 0.95 * row["score"]
    assert report.pairs == report.questions == {"dev": 2, "train": 10}
    assert (report.sources, report.documents, report.dropped) == ({"written": 12}, 12, {})
    assert report.hard_negatives == sum(len(row["negatives"]) for row in rows)
    assert report.counts.added == report.questions_embedded == 12
    assert len(report.examples) == 3
    assert build.failed == []


def test_a_second_build_changes_nothing_in_whatever_order(build: Built) -> None:
    first = build(QUESTIONS)
    again = build(QUESTIONS[::-1])
    assert again.data_version == first.data_version
    assert (again.counts.unchanged, again.counts.added, again.counts.changed, again.counts.deleted) == (12, 0, 0, 0)
    assert again.questions_embedded == 0
    build.embedder = OtherModel(build.embedder.model, "fp32")
    assert build(QUESTIONS).counts.changed == 12, "their scores are those of another base"
    fewer = build(QUESTIONS[1:])
    assert fewer.counts.deleted == 1
    assert fewer.data_version != first.data_version


@pytest.mark.parametrize(
    ("planted", "rule"),
    [
        (ask("t1", "who is rich?", "bees.md"), "same id"),
        (ask("n", "Does vitamin D inhibit the growth of bone cells?", "bees.md"), "same text"),
        (ask("n", "does VITAMIN-D inhibit ... the growth of bone cells", "bees.md"), "same text"),
        (ask("n", "Vitamin D doesn't inhibit the growth of bone cells.", "bees.md"), "same text"),
        (ask("n", "bone cells: does the growth of them inhibit vitamin D?", "bees.md"), "near text"),
        (ask("n", f"{'so ' * 30} how far away is the farthest galaxy", "bees.md"), "near text"),
        (
            ask(
                "n",
                "tell us please, for we wonder: how far away is the farthest galaxy of all that were seen?",
                "bees.md",
            ),
            "",
        ),
    ],
)
def test_a_planted_test_question_is_dropped_and_named(planted: Question, rule: str, build: Built) -> None:
    report = build([*QUESTIONS, planted])
    assert planted.text not in {row["question"] for row in build.rows}
    assert report.questions_embedded == len(build.rows) == 12
    ((reason, count),) = report.dropped.items()
    assert reason.startswith("question like a held-out one: ")
    assert rule in reason
    assert count == 1
    held_out = "t1" if "bone" in planted.text or planted.id == "t1" else "d1"
    assert report.dropped_examples[reason] == f"{planted.text} (held out: {held_out})"
    assert build.failed == []


def test_a_passage_that_holds_a_test_question_is_neither_positive_nor_negative(
    lake: Lake, embedder: TorchEmbedder
) -> None:
    asked = (
        "Who became rich by trade? Does vitamin D INHIBIT the growth of bone-cells? So many ask on the quay of bees."
    )
    passages = {**PASSAGES, "bees.md": [*PASSAGES["bees.md"], asked], "faq.md": [f"{asked} Others ask it of bread."]}
    build = Built(lake, embedder, passages)
    report = build(
        [*QUESTIONS, ask("q-faq", "who asks of bread and trade?", "faq.md")], positives=9, negatives=99, margin=1.0
    )
    texts = [text for row in build.rows for text in (row["positive"], *row["negatives"])]
    assert len(texts) > 200
    assert not any("vitamin" in text for text in texts)
    assert report.dropped == {"passage: holds a held-out question": 2}
    assert "held out: t1" in report.dropped_examples["passage: holds a held-out question"]
    assert "q-faq" not in {row["question_id"] for row in build.rows}
    assert build.failed == []


def test_documents_that_answer_a_held_out_question_are_never_learned(build: Built) -> None:
    held_out = [*TEST, ask("t2", "what hangs on the wall and strikes?", "clocks.md", part="dev")]
    report = build(QUESTIONS, held_out, negatives=99, margin=1.0)
    assert report.dropped["question: its answer answers a held-out question too"] == 1
    assert "q-clocks" not in {row["question_id"] for row in build.rows}
    assert not any("clocks.md" in [row["doc_id"], *row["negative_doc_ids"]] for row in build.rows)
    assert build.failed == []


def test_documents_that_are_not_usable_are_neither_positives_nor_negatives(build: Built) -> None:
    usable = {"bees.md", "bread.md", "tides.md"}
    build(QUESTIONS, usable=usable, negatives=99, margin=1.0)
    assert {row["doc_id"] for row in build.rows} == usable
    assert {doc_id for row in build.rows for doc_id in row["negative_doc_ids"]} == usable


def test_the_parts_share_no_document_and_no_nearly_equal_question(build: Built) -> None:
    both = [
        ask(f"b{i}", f"what of {a} and {b} is older?", f"{a}.md", f"{b}.md")
        for i, (a, b) in enumerate(zip(SUBJECTS[:8:2], SUBJECTS[1:8:2], strict=True))
    ]
    reworded = [
        ask("w1", "Riches by trading salt", "wine.md"),
        ask("w2", "is wool not warm", "cocoa.md"),
        ask("w3", "Is wool warm?", "stone.md"),
    ]
    report = build([*QUESTIONS, *both, *reworded], dev_share=0.3, positives=2)
    rows = build.rows
    assert len({row["question_id"] for row in rows}) == 19
    assert set(report.questions) == {"train", "dev"}
    for a, b in combinations(rows, 2):
        if a["doc_id"] == b["doc_id"] or list(near_questions([a["question"]], [b["question"]])):
            assert a["part"] == b["part"], (a["question"], b["question"])
    assert build.failed == []


def test_without_questions_pairs_are_made_from_headings_and_first_sentences(build: Built) -> None:
    report = build([])
    rows = build.rows
    assert report.sources == {"generated": len(rows)}
    assert {row["question"] for row in rows} >= {f"On {subject}" for subject in SUBJECTS}
    for row in rows:
        assert row["question"].casefold() not in row["positive"].casefold()
    made = rows[0]
    whole = next(text for text in PASSAGES[made["doc_id"]] if made["positive"] in text)
    own, stored = build.cosines(made["question"], [made["positive"], whole])
    assert abs(own - stored) > 0.01
    assert made["score"] == pytest.approx(own, abs=1e-3), "not that of the passage with its heading"
    assert report.passages_embedded > 0
    assert build([]).passages_embedded == 0
    assert build.failed == []


def test_a_made_question_that_is_a_test_question_is_dropped(build: Built) -> None:
    report = build([], [ask("t1", "ON BEES!", part="test")])
    assert "On bees" not in {row["question"] for row in build.rows}
    assert report.dropped["question like a held-out one: same text"] == 1


def test_a_corpus_of_which_nothing_can_be_learned_gives_an_empty_set(build: Built) -> None:
    build(QUESTIONS)
    report = build(QUESTIONS, usable=set())
    assert (report.pairs, report.questions, report.hard_negatives, report.lengths) == ({}, {}, 0, {})
    assert report.counts.deleted == 12
    assert build.rows == []
    assert build.failed == []


def test_one_document_gives_pairs_without_negatives_all_in_one_part(lake: Lake, embedder: TorchEmbedder) -> None:
    build = Built(lake, embedder, {"bees.md": PASSAGES["bees.md"]})
    report = build([ask(f"q{i}", f"who is {name}?", "bees.md") for i, name in enumerate(SUBJECTS)])
    assert report.pairs == {"train": 12}
    assert report.hard_negatives == 0


def test_pairs_that_are_all_identical_stay_together_and_are_no_negatives(lake: Lake, embedder: TorchEmbedder) -> None:
    same = {f"d{i}.md": ["The same words stand in every one of them."] for i in range(8)}
    build = Built(lake, embedder, same)
    report = build([ask(f"q{i}", "what stands in them?", f"d{i}.md") for i in range(8)], margin=1.0, positives=3)
    assert report.pairs == {"train": 8}
    assert report.hard_negatives == 0
    assert build.failed == []


def test_a_passage_that_stands_in_two_answers_is_one_row(lake: Lake, embedder: TorchEmbedder) -> None:
    """Both pairs have one key."""
    passages = {**PASSAGES, "copy.md": PASSAGES["bees.md"]}
    build = Built(lake, embedder, passages)
    report = build([*QUESTIONS[1:], ask("q-bees", "trading bees: riches?", "copy.md", "bees.md")], positives=4)
    assert [row["doc_id"] for row in build.rows if row["question_id"] == "q-bees"] == ["bees.md"] * 2
    assert report.pairs["train"] + report.pairs["dev"] == 24


def test_at_most_so_many_questions_are_taken_and_the_same_ones_of_a_larger_set(build: Built) -> None:
    report = build(QUESTIONS, max_questions=5)
    taken = {row["question_id"] for row in build.rows}
    assert len(taken) == 5
    assert report.dropped == {"question: beyond max_questions": 7}
    assert report.questions_embedded == 5
    build([question for question in QUESTIONS if question.id in taken or question.id > "q-p"], max_questions=5)
    assert {row["question_id"] for row in build.rows} == taken


def test_passages_that_the_base_has_not_indexed_are_left_out_and_named(build: Built) -> None:
    newer = {**PASSAGES, "new.md": ["The trade in amber made nobody rich until the spring."]}
    report = build([*QUESTIONS, ask("q-new", "trading amber: riches?", "new.md")], passages=newer)
    assert "q-new" not in {row["question_id"] for row in build.rows}
    assert report.dropped_examples == {"not in the base model's index yet": "new.md#0"}


def test_a_passage_whose_text_has_changed_since_it_was_indexed_is_scored_as_it_is(build: Built) -> None:
    changed = "By honey the bees made their keepers rich."
    build(QUESTIONS, passages={**PASSAGES, "bees.md": [changed]})
    (row,) = [row for row in build.rows if row["question_id"] == "q-bees"]
    assert row["positive"] == changed
    assert row["score"] == pytest.approx(*build.cosines(row["question"], [changed]), abs=1e-3)


def test_excluded_passages_are_not_the_positive(build: Built) -> None:
    build([ask("q-bees", "trading bees: riches?", "bees.md", excluded=["bees.md#1"])])
    (row,) = build.rows
    assert row["chunk_id"] == "bees.md#0"


def test_no_negatives_are_mined_where_none_are_asked_for(build: Built) -> None:
    assert build(QUESTIONS, negatives=0).hard_negatives == 0
    assert len(build.rows) == 12
