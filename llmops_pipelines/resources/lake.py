"""The lake as a Dagster resource."""

import dagster as dg
from pydantic import Field

from llmops_pipelines.storage.lake import Lake


class LakeResource(dg.ConfigurableResource):
    """The LanceDB database that the assets read and write, and the folder beside it that holds reports."""

    uri: str = Field(description="Folder or object store URI of the lake, for instance `lake` or `s3://bucket/lake`.")
    storage_options: dict[str, str] = Field(default={}, description="Options of the object store; secrets by EnvVar.")

    def open(self) -> Lake:
        """The lake. Cheap: the database is opened when a table is."""
        return Lake(self.uri, self.storage_options or None)

    @property
    def reports(self) -> str:
        """The URI under which reports are written."""
        return f"{self.uri.rstrip('/')}/reports"
