"""The YAML face of a corpus: a section per stage, each with defaults."""

from typing import Annotated, Any

from pydantic import Field, GetJsonSchemaHandler, StringConstraints
from pydantic_core import CoreSchema

from llmops_pipelines.embedding.model_folder import BUNDLED_MAX_TOKENS
from llmops_pipelines.orchestration.section import Section
from llmops_pipelines.orchestration.sources import SourceSection
from llmops_pipelines.orchestration.stages.chunks import ChunksSection, PassagesSection
from llmops_pipelines.orchestration.stages.clean_documents import CleanDocumentsSection
from llmops_pipelines.orchestration.stages.data_drift import DataDriftSection
from llmops_pipelines.orchestration.stages.documents import DocumentsSection
from llmops_pipelines.orchestration.stages.embeddings import EmbeddingsSection
from llmops_pipelines.orchestration.stages.evaluation import EvaluationSection
from llmops_pipelines.orchestration.stages.fine_tuned_model import FineTunedModelSection
from llmops_pipelines.orchestration.stages.maintenance import MaintenanceSection
from llmops_pipelines.orchestration.stages.release import ReleaseSection
from llmops_pipelines.orchestration.stages.training_set import TrainingSetSection
from llmops_pipelines.orchestration.stages.vector_index import VectorIndexSection

Owner = Annotated[str, StringConstraints(pattern=r"^(team:[A-Za-z0-9_-]+|[^@\s]+@[^@\s]+)$")]


class CorpusSettings(Section):
    """A corpus. Only `name` and `source` are needed."""

    name: str = Field(
        pattern=r"^(?!upstream$)[a-z][a-z0-9_]{0,62}$", description="Key prefix and group of the corpus's assets."
    )
    source: SourceSection = Field(description="Where the documents come from.")
    documents: DocumentsSection = DocumentsSection()
    clean_documents: CleanDocumentsSection = CleanDocumentsSection()
    chunks: ChunksSection = PassagesSection(chunker="passages")
    embeddings: EmbeddingsSection = EmbeddingsSection()
    vector_index: VectorIndexSection = VectorIndexSection()
    training_set: TrainingSetSection = TrainingSetSection()
    fine_tuned_model: FineTunedModelSection = FineTunedModelSection()
    evaluation: EvaluationSection = EvaluationSection()
    release: ReleaseSection = ReleaseSection()
    data_drift: DataDriftSection = DataDriftSection()
    maintenance: MaintenanceSection = MaintenanceSection()
    owners: list[Owner] = Field(default=["team:data"], description="E-mail addresses, or teams as `team:name`.")
    schedule: str = Field(
        default="0 3 * * *",
        pattern=r"^\S+( +\S+){4}$",
        description="Cron of the nightly run (UTC); the schedule ships stopped.",
    )
    fresh_hours: int = Field(default=36, ge=1, description="After how many hours without a run an asset is stale.")

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        schema = super().__get_pydantic_json_schema__(core_schema, handler)
        # A passage longer than the bundled model's window would be cut: impossible where no other model is named.
        other_model = {"required": ["embeddings"], "properties": {"embeddings": {"required": ["models"]}}}
        most = {"maximum": BUNDLED_MAX_TOKENS}
        bounded = {"properties": {"chunks": {"properties": {"max_tokens": most, "preferred_tokens": most}}}}
        return schema | {"if": {"not": other_model}, "then": bounded}
