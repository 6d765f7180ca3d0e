"""The lake: LanceDB tables with a declared key, written in batches and published as a named version. No Dagster here."""

from llmops_pipelines.storage.errors import LakeError as LakeError
from llmops_pipelines.storage.lake import Lake as Lake
from llmops_pipelines.storage.snapshot import Snapshot as Snapshot
from llmops_pipelines.storage.sync import Sync as Sync
from llmops_pipelines.storage.sync import SyncCounts as SyncCounts
from llmops_pipelines.storage.writer import Writer as Writer
