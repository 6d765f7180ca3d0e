"""The default IO manager: what an engineer's own asset returns becomes a table of the lake. Nothing is pickled."""

import dagster as dg
import pandas as pd
import pyarrow as pa

from llmops_pipelines.orchestration.metadata import column_schema
from llmops_pipelines.resources.lake import LakeResource
from llmops_pipelines.storage.frames import read_frame, write_frame


class LakeIOManager(dg.ConfigurableIOManager):
    """Writes a pandas DataFrame or an Arrow table to the table named by the asset key; reads it as what is annotated.

    A partitioned asset has a table a partition. The table is replaced as a whole, and published when it is complete.
    """

    lake: dg.ResourceDependency[LakeResource]

    def handle_output(self, context: dg.OutputContext, obj: pd.DataFrame | pa.Table) -> None:
        if obj is None:
            return  # an asset that wrote for itself and returned nothing
        if not isinstance(obj, pd.DataFrame | pa.Table):
            raise dg.Failure(
                f"asset {context.asset_key.to_user_string()} returned a {type(obj).__name__}: the lake stores pandas "
                "DataFrames and pyarrow Tables. Return one of them, a MaterializeResult without a value, or None",
                allow_retries=False,
            )
        frame = obj if isinstance(obj, pa.Table) else pa.Table.from_pandas(obj, preserve_index=False)
        snapshot = write_frame(self.lake.open(), _table(context), frame)
        context.add_output_metadata(
            {
                "dagster/row_count": len(frame),
                "dagster/column_schema": column_schema(snapshot.schema),
                "table": snapshot.name,
                "table_version": snapshot.version,
            }
        )

    def load_input(self, context: dg.InputContext) -> pd.DataFrame | pa.Table:
        wanted = context.dagster_type.typing_type
        frame = read_frame(self.lake.open(), _table(context))
        return frame if wanted is pa.Table else frame.to_pandas()


def _table(context: dg.OutputContext | dg.InputContext) -> str:
    partition = [context.partition_key] if context.has_asset_partitions else []
    return ".".join([*context.asset_key.path, *partition])
