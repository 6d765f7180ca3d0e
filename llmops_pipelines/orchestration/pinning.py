"""Which questions of a corpus are stale: its suites read against the documents of the source."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from llmops_pipelines.evaluation.source_documents import SourceDocuments
from llmops_pipelines.evaluation.stale import pin_new_questions, stale_questions
from llmops_pipelines.evaluation.suites import Suite
from llmops_pipelines.storage import schemas
from llmops_pipelines.storage.lake import Lake
from llmops_pipelines.storage.snapshot import Snapshot

if TYPE_CHECKING:
    from llmops_pipelines.orchestration.corpus import Corpus


def pinned_stale(corpus: "Corpus", lake: Lake, suites: Sequence[Suite], source: Snapshot) -> dict[str, str]:
    """Why questions, by their id, are stale in `source`, a version of the table documents; new ones are pinned to it."""
    documents = SourceDocuments.of(source)
    questions = [question for suite in suites for question in suite.questions]
    pins = pin_new_questions(questions, documents, lake.writer(corpus.table("question_pins"), schemas.QUESTION_PINS))
    return stale_questions(questions, pins, documents)
