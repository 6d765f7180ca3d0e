"""The default IO manager: what an engineer's own asset returns becomes a table of the lake. Nothing is pickled."""

import re

import dagster as dg
import pandas as pd
import pyarrow as pa

from llmops_pipelines.orchestration.metadata import column_schema
from llmops_pipelines.resources.lake import LakeResource
from llmops_pipelines.storage.frames import read_frame, write_frame

# Tables of a corpus that are no assets.
RESERVED = ("releases", "verdicts", "question_embeddings")


class LakeIOManager(dg.ConfigurableIOManager):
    """Writes a pandas DataFrame or an Arrow table to the table named by the asset key; reads it as what is annotated.

    A partitioned asset has a table a partition; a reader of several partitions gets their rows together. A table is
    replaced as a whole, and published when it is complete.
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
        (table,) = _tables(context)
        frame = obj if isinstance(obj, pa.Table) else pa.Table.from_pandas(obj, preserve_index=False)
        snapshot = write_frame(self.lake.open(), table, frame)
        context.add_output_metadata(
            {
                "dagster/row_count": len(frame),
                "dagster/column_schema": column_schema(snapshot.schema),
                "table": snapshot.name,
                "table_version": snapshot.version,
            }
        )

    def load_input(self, context: dg.InputContext) -> pd.DataFrame | pa.Table:
        lake = self.lake.open()
        frame = pa.concat_tables([read_frame(lake, table) for table in _tables(context)])
        return frame if context.dagster_type.typing_type is pa.Table else frame.to_pandas()


def _tables(context: dg.OutputContext | dg.InputContext) -> list[str]:
    """The table of the asset; of a partitioned one the table of each partition that is written or read."""
    *prefix, name = context.asset_key.path
    if name in RESERVED:
        raise dg.Failure(f"{name} is a table of the corpus itself: give the asset another name", allow_retries=False)
    partitions = context.asset_partition_keys if context.has_asset_partitions else [None]
    return [".".join(map(_escaped, [*prefix, name, *([key] if key is not None else [])])) for key in partitions]


def _escaped(part: str) -> str:
    """`part` with what a table name cannot hold written as `_x7c_`."""
    return re.sub(r"[^A-Za-z0-9_.-]", lambda found: f"_x{ord(found[0]):x}_", part)
