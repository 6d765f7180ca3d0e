"""The Arrow schemas of the tables about an upstream model: append-only, a row is never changed."""

import pyarrow as pa

from llmops_pipelines.storage.schemas import key_field

UPSTREAM = "upstream"  # first part of the tables' names, and of the assets' keys: no corpus may have this name

REFERENCES = pa.schema(
    [
        key_field("reference_id"),
        pa.field("sequence", pa.int64(), nullable=False),
        pa.field("at", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("identity", pa.string(), nullable=False),  # JSON
        pa.field("probes", pa.string(), nullable=False),  # identity of the probe file
        pa.field("answers", pa.large_binary(), nullable=False),  # of all its calls
        pa.field("calls", pa.int64(), nullable=False),
        pa.field("failed", pa.int64(), nullable=False),
        pa.field("tokens", pa.int64(), nullable=False),
        pa.field("usd", pa.float64(), nullable=False),
        pa.field("fingerprint", pa.string()),  # of an embedder as it was configured
        pa.field("accepts", pa.int64()),  # the number of what the model does now; null where it does what it did
        pa.field("corpus", pa.string()),  # whose evaluation accepted it; null where a person did
        pa.field("requested_by", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
    ]
)

OBSERVATIONS = pa.schema(
    [
        key_field("observation_id"),
        pa.field("sequence", pa.int64(), nullable=False),
        pa.field("at", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("reference_id", pa.string()),  # what it was compared with; null where there was nothing
        pa.field("tiers", pa.string(), nullable=False),
        pa.field("began_after", pa.int64(), nullable=False),  # the newest observation when the look began
        pa.field("verdict", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("identity", pa.string()),  # JSON; null where nothing answered
        pa.field("episode", pa.int64()),  # the change that it belongs to; null where there is none
        pa.field("opens", pa.bool_(), nullable=False),  # whether the episode begins with it
        pa.field(
            "quiet", pa.string(), nullable=False
        ),  # JSON: families of the open change that both looks show no more
        pa.field("renamed", pa.bool_(), nullable=False),  # whether it still says, or hides, that it is another one
        pa.field("gone", pa.bool_(), nullable=False),  # the endpoint has no such model any more
        pa.field("alarms", pa.string(), nullable=False),  # JSON: names of the families that changed
        pa.field("families", pa.string(), nullable=False),  # JSON: the tests of the look that decided
        pa.field("examples", pa.string(), nullable=False),  # JSON
        pa.field("fingerprint", pa.string()),  # of an embedder as it was configured
        pa.field("answers", pa.large_binary()),  # of the first look at a change that was measured
        pa.field("calls", pa.int64(), nullable=False),
        pa.field("failed", pa.int64(), nullable=False),
        pa.field("tokens", pa.int64(), nullable=False),
        pa.field("usd", pa.float64(), nullable=False),
        pa.field("seconds", pa.float64(), nullable=False),
        pa.field("requested_by", pa.string(), nullable=False),
    ]
)

BLOCKS = pa.schema(
    [
        key_field("block_id"),
        pa.field("fingerprint", pa.string(), nullable=False),
        pa.field("upstream", pa.string(), nullable=False),  # the upstream model that has it
        pa.field("sequence", pa.int64(), nullable=False),
        pa.field("blocked", pa.bool_(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("at", pa.timestamp("us", tz="UTC"), nullable=False),
    ]
)
