"""Manifests of indexes that are made by hand, and releases of them by verdicts that are made by hand."""

import json
from dataclasses import replace

from llmops_pipelines.index.search import SearchIndex
from llmops_pipelines.release.manifest import Manifest, Release, search_json
from llmops_pipelines.release.releases import Releases
from llmops_pipelines.storage import Lake
from tests.index.hand_made import FINGERPRINT, HandMade
from tests.verdicts import judge

ONE = {"bees": ["Honey bees live in colonies."]}
TWO = {"bread": ["Bread rises because of yeast."]}
THREE = {"tides": ["The moon pulls the sea."]}


def manifest(index: SearchIndex, **changed: object) -> Manifest:
    made = Manifest(
        model_key="model-ffffffff",
        fingerprint=FINGERPRINT,
        model=json.dumps({"found": {"kind": "bundled"}}),
        index_table=index.snapshot.name,
        index_version=index.snapshot.version,
        index_identity=index.snapshot.data_version,
        search=search_json(index.settings),
        corpus_version="corpus",
        cleaner="cleaner",
        chunker="chunker",
        configuration="{}",
    )
    return replace(made, **changed)  # type: ignore[arg-type]


def promoted(releases: Releases, wanted: Manifest, reason: str = "because") -> Release:
    """`wanted` released, by a verdict that is made for it where there is something to be judged against."""
    if releases.history():
        judge(releases, wanted, by=f"verdict {len(releases.verdicts.history())}")
    return releases.release(wanted, "me", reason)


def release(made: HandMade, releases: Releases, passages: dict[str, list[str]]) -> Release:
    return promoted(releases, manifest(made.build(passages)[1]))


def texts(releases: Releases) -> list[str]:
    """What readers of the release in force see."""
    current = releases.in_force()
    assert current is not None
    return releases.open_index(current).arrow(["text"])["text"].to_pylist()


def names(releases: Releases) -> list[str]:
    return [f"{entry.release_id} {entry.action}" for entry in releases.history()]


def change_row(lake: Lake, release_id: str, table: str = "c.releases", **sql: str) -> None:
    """Change columns of a stored row, as somebody with a console would."""
    lake.database.open_table(table).update(f"release_id = '{release_id}'", values_sql=sql)
