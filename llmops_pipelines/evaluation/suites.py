"""An evaluation suite: what is asked, by which metrics a candidate is judged, and how much worse it may be.

`suite_files` reads suites from YAML; what they lead to is decided elsewhere.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from operator import itemgetter
from pathlib import Path

from llmops_pipelines.evaluation.known_items import KNOWN_ITEMS
from llmops_pipelines.evaluation.question_files import load_questions
from llmops_pipelines.evaluation.questions import Question
from llmops_pipelines.evaluation.split import with_dev
from llmops_pipelines.storage.identity import value_hash

PRIMARY_ROLE, GUARD, REPORTED = "primary", "guard", "reported"
DAILY_PART = "dev"  # measured in every evaluation, and shown question by question


@dataclass(frozen=True)
class SuiteMetric:
    """A metric, the `direction` that is good (`higher` or `lower`), and its `role`: `primary`, `guard` or `reported`.

    `margin` is the loss that counts as none, in units of the metric; where it is None the metric is only reported.
    `floor` is the least that a candidate must reach, whatever production reaches.
    """

    name: str
    direction: str
    role: str = REPORTED
    margin: float | None = None
    floor: float | None = None


@dataclass(frozen=True)
class SuiteSlice:
    """Some of the questions: those that a document of `collection` answers, or those that carry `tag`."""

    name: str
    collection: str | None = None
    tag: str | None = None

    def holds(self, question: Question, collections: Mapping[str, str]) -> bool:
        """Whether `question` is in it; `collections` has the collection of every doc_id."""
        if self.tag is not None:
            return self.tag in question.tags
        return any(collections.get(answer) == self.collection for answer in question.answers)


@dataclass(frozen=True)
class Suite:
    """A suite as declared. Its questions are in `file`, or are at most `known_items` a part, made from the corpus.

    `system` is what is judged. With fewer than `min_questions` measured nothing can be told. At most `max_looks` new
    configurations are judged on its test part. A release does not depend on a suite that does not gate.
    """

    name: str
    version: int
    metrics: tuple[SuiteMetric, ...]
    file: Path | None = None
    known_items: int | None = None
    description: str = ""
    system: str = "hybrid"
    slices: tuple[SuiteSlice, ...] = ()
    min_questions: int = 50
    data_margin: float | None = None
    max_looks: int = 20
    gates: bool = True

    @property
    def synthetic(self) -> bool:
        """Whether its questions are known items."""
        return self.file is None

    @property
    def primary(self) -> SuiteMetric:
        """The metric that decides."""
        return next(metric for metric in self.metrics if metric.role == PRIMARY_ROLE)

    @property
    def guards(self) -> tuple[SuiteMetric, ...]:
        """The metrics that may not be worse."""
        return tuple(metric for metric in self.metrics if metric.role == GUARD)

    def margin(self, metric: SuiteMetric, data_only: bool = False) -> float:
        """The margin of the primary metric or of a guard; `data_margin`, if declared, where only the data changed."""
        if metric.margin is None:
            raise ValueError(f"suite {self.name}: {metric.name} is only reported: it has no margin")
        return self.data_margin if data_only and self.data_margin is not None else metric.margin

    @cached_property
    def loaded(self) -> list[Question]:
        """The questions as they stand in its file, answers by the names that are used there; none of a synthetic suite.

        Read once: every run loads its suites anew. Raises QuestionError where the file cannot be used.
        """
        return load_questions(self.file, self.name) if self.file else []

    @cached_property
    def questions(self) -> list[Question]:
        """`loaded`, with a fifth of the train questions in dev where there is no dev question."""
        return with_dev(self.loaded)

    @property
    def gate_part(self) -> str:
        """The part that the gate judges: test where there are test questions, else dev."""
        return "test" if self.synthetic or any(question.part == "test" for question in self.loaded) else DAILY_PART

    @cached_property
    def questions_hash(self) -> str:
        """Differs where any question differs; the order of them does not count. Raises QuestionError."""
        return value_hash(sorted((vars(question) for question in self.loaded), key=itemgetter("id")))

    @property
    def identity(self) -> str:
        """Differs where what is declared, the description aside, or any question differs. Raises QuestionError."""
        return value_hash([asdict(replace(self, file=None, description="")), self.questions_hash])

    @cached_property
    def test_hash(self) -> str:
        """Of what is asked and answered in `gate_part` alone: nothing else that is edited gives looks back.

        Known items are made anew of every corpus version, by one rule: their looks count together. Raises QuestionError.
        """
        if self.synthetic:
            return value_hash(KNOWN_ITEMS)
        return value_hash(
            sorted(([q.id, q.text, q.answers] for q in self.questions if q.part == self.gate_part), key=itemgetter(0))
        )


def identities(suites: Sequence[Suite]) -> dict[str, str]:
    """The identity of each suite, by its name."""
    return {suite.name: suite.identity for suite in suites}


def gating_identity(suites: Sequence[Suite]) -> str:
    """What a verdict is given by: the suites that gate, as they are. Verdicts of another one are of another measure."""
    return value_hash([suite.identity for suite in suites if suite.gates])
