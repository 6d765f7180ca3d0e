"""What blocks the vectors of a fingerprint: each upstream model that has it speaks for itself."""

from llmops_pipelines.release.blocks import Blocks
from llmops_pipelines.storage import Lake


def test_a_fingerprint_is_blocked_until_all_who_blocked_it_free_it(lake: Lake) -> None:
    blocks = Blocks(lake)
    assert blocks.reason("f") == ""
    blocks.block("f", "us", "us has changed")
    blocks.block("f", "us", "again")
    blocks.free("f", "eu", "eu is as it was")
    assert Blocks(lake).reason("f") == "us has changed", "another model with the same vectors does not free it"
    assert blocks.reason("other") == ""
    blocks.block("f", "eu", "eu has changed")
    blocks.free("f", "us", "us is as it was")
    assert blocks.reason("f") == "eu has changed"
    blocks.free("f", "eu", "eu is as it was")
    assert blocks.reason("f") == Blocks(lake).reason("f") == ""
