"""All definitions of one corpus."""

import dagster as dg

from llmops_pipelines.orchestration.automation import (
    data_drift_schedule,
    maintenance_schedule,
    nightly_schedule,
    register_sensor,
)
from llmops_pipelines.orchestration.candidates import automated, candidate_sensor
from llmops_pipelines.orchestration.corpus import Corpus
from llmops_pipelines.orchestration.jobs import (
    candidate_job,
    data_drift_job,
    life_job,
    maintenance_job,
    promote_job,
    reevaluation_job,
    repair_job,
    rollback_job,
    withdraw_job,
)
from llmops_pipelines.orchestration.observed import observed_assets
from llmops_pipelines.orchestration.reevaluation import reevaluation_sensor
from llmops_pipelines.orchestration.source_sensor import source_sensor
from llmops_pipelines.orchestration.stages.chunks import chunks_asset
from llmops_pipelines.orchestration.stages.clean_documents import clean_documents_asset
from llmops_pipelines.orchestration.stages.data_drift import data_drift_asset
from llmops_pipelines.orchestration.stages.documents import documents_asset
from llmops_pipelines.orchestration.stages.embeddings import embeddings_asset
from llmops_pipelines.orchestration.stages.evaluation import evaluation_asset
from llmops_pipelines.orchestration.stages.evaluation_report import evaluation_report_asset
from llmops_pipelines.orchestration.stages.fine_tuned_model import fine_tuned_model_asset
from llmops_pipelines.orchestration.stages.maintenance import maintenance_asset
from llmops_pipelines.orchestration.stages.release import release_asset
from llmops_pipelines.orchestration.stages.training_set import training_set_asset
from llmops_pipelines.orchestration.stages.vector_index import vector_index_asset

STAGES = (
    documents_asset,
    clean_documents_asset,
    chunks_asset,
    embeddings_asset,
    vector_index_asset,
    training_set_asset,
    fine_tuned_model_asset,
    evaluation_asset,
    evaluation_report_asset,
    release_asset,
)
JOBS = (life_job, candidate_job, promote_job, rollback_job, withdraw_job, repair_job, maintenance_job, data_drift_job)


def lifecycle(corpus: Corpus) -> dg.Definitions:
    """The assets, jobs, schedules and sensors of `corpus`."""
    return dg.Definitions(
        assets=[
            *observed_assets(corpus),
            *(automated(corpus, stage(corpus)) for stage in STAGES),
            maintenance_asset(corpus),
            data_drift_asset(corpus),
        ],
        jobs=[job(corpus) for job in (*JOBS, *((reevaluation_job,) if corpus.upstreams else ()))],
        schedules=[nightly_schedule(corpus), maintenance_schedule(corpus), data_drift_schedule(corpus)],
        sensors=[
            register_sensor(corpus),
            candidate_sensor(corpus),
            source_sensor(corpus),
            *([reevaluation_sensor(corpus)] if corpus.upstreams else []),
        ],
    )
