"""An engineer's own assets through the LakeIOManager: frames in, lake tables out, read back as annotated."""

import dagster as dg
import pandas as pd
import pyarrow as pa
import pytest

from llmops_pipelines.orchestration.io_manager import LakeIOManager
from llmops_pipelines.orchestration.serving import corpus_status
from llmops_pipelines.resources.lake import LakeResource
from llmops_pipelines.storage import Lake

LETTERS = dg.StaticPartitionsDefinition(["a", "b|c"])


@dg.asset(key=["own", "numbers"])
def numbers() -> pd.DataFrame:
    return pd.DataFrame({"n": [1, 2, 3]})


@dg.asset(key=["own", "squares"], ins={"numbers": dg.AssetIn(key=["own", "numbers"])})
def squares(numbers: pa.Table) -> pa.Table:
    assert isinstance(numbers, pa.Table)
    return pa.table({"n2": [n * n for n in numbers["n"].to_pylist()]})


@dg.asset(key=["own", "letters"], partitions_def=LETTERS)
def letters(context: dg.AssetExecutionContext) -> pd.DataFrame:
    return pd.DataFrame({"letter": [context.partition_key]})


@dg.asset(key=["own", "alphabet"], ins={"letters": dg.AssetIn(key=["own", "letters"])})
def alphabet(letters: pd.DataFrame) -> pd.DataFrame:
    return letters.sort_values("letter")


@dg.asset(key=["own", "wrong"])
def wrong() -> dict[str, int]:
    return {"n": 1}


@dg.asset(key=["own", "releases"])
def releases() -> pd.DataFrame:
    return pd.DataFrame({"n": [1]})


def materialise(lake: Lake, instance: dg.DagsterInstance, *assets: dg.AssetsDefinition, **options: object) -> None:
    resource = LakeResource(uri=lake.uri)
    manager = {"io_manager": LakeIOManager(lake=resource)}
    assert dg.materialize(list(assets), instance=instance, resources=manager, **options).success  # type: ignore[arg-type]


def test_a_frame_becomes_a_published_table_and_is_read_as_annotated(lake: Lake, instance: dg.DagsterInstance) -> None:
    materialise(lake, instance, numbers, squares)
    table = lake.published("own.squares")
    assert table is not None
    assert table.arrow()["n2"].to_pylist() == [1, 4, 9]
    assert len(table.data_version) == 64
    event = instance.get_latest_materialization_event(dg.AssetKey(["own", "squares"]))
    assert event is not None and event.asset_materialization is not None
    assert event.asset_materialization.metadata["dagster/row_count"].value == 3


def test_a_partitioned_asset_has_a_table_a_partition_and_is_read_as_one(
    lake: Lake, instance: dg.DagsterInstance
) -> None:
    for key in LETTERS.get_partition_keys():
        materialise(lake, instance, letters, partition_key=key)
    assert lake.names() == ["own.letters.a", "own.letters.b_x7c_c"]
    materialise(lake, instance, letters.to_source_asset(), alphabet, selection=[alphabet])
    table = lake.published("own.alphabet")
    assert table is not None
    assert table.arrow()["letter"].to_pylist() == ["a", "b|c"]


def test_what_is_no_frame_is_refused_and_named(lake: Lake, instance: dg.DagsterInstance) -> None:
    with pytest.raises(dg.Failure, match="own/wrong returned a dict"):
        materialise(lake, instance, wrong)
    with pytest.raises(dg.Failure, match="releases is a table of the corpus itself"):
        materialise(lake, instance, releases)
    assert lake.names() == []


def test_status_shows_tables_of_engineers_beside_those_of_the_corpus(
    lake: Lake, instance: dg.DagsterInstance, corpus: object
) -> None:
    materialise(lake, instance, numbers)
    from llmops_pipelines.orchestration.corpus import Corpus

    assert isinstance(corpus, Corpus)
    own = Corpus(corpus.settings.model_copy(update={"name": "own"}), corpus.folder)
    (shown,) = corpus_status(own, lake)["tables"]
    assert (shown["table"], shown["rows"]) == ("own.numbers", 3)
