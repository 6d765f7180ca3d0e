"""The Arrow schema of every table of a corpus. One key a table; `row_hash` covers the other columns."""

import pyarrow as pa

PRIMARY_KEY = b"lance-schema:unenforced-primary-key"


def key_field(name: str) -> pa.Field:
    """The declared primary key: without the declaration, two writers of one key leave two rows."""
    return pa.field(name, pa.string(), nullable=False, metadata={PRIMARY_KEY: b"true"})


def key_column(schema: pa.Schema) -> str:
    """The name of the declared primary key of `schema`."""
    for field in schema:
        if field.metadata and field.metadata.get(PRIMARY_KEY) == b"true":
            return field.name
    raise ValueError(f"no primary key is declared among the columns {schema.names}")


# Why a text has no vector yet.
CAUSES = ("new text", "changed text", "new chunker", "new model", "lost vector")

STRINGS = pa.list_(pa.string())
ROW_HASH = pa.field("row_hash", pa.string(), nullable=False)

DOCUMENTS = pa.schema(
    [
        key_field("doc_id"),
        pa.field("version", pa.string(), nullable=False),  # sha256 of the bytes as ingested
        pa.field("collection", pa.string(), nullable=False),  # package or top folder: what people filter by
        pa.field("parent", pa.string(), nullable=False),  # module or folder: what documents are split by
        pa.field("kind", pa.string(), nullable=False),  # function, class, page, ...
        pa.field("title", pa.string(), nullable=False),
        pa.field("aliases", STRINGS),  # other names under which the source offers the same document
        pa.field("text", pa.large_string(), nullable=False),
        pa.field("bytes", pa.int64(), nullable=False),
        ROW_HASH,
    ]
)

CLEAN_DOCUMENTS = pa.schema(
    [
        key_field("doc_id"),
        pa.field("collection", pa.string(), nullable=False),
        pa.field("parent", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("title", pa.string(), nullable=False),
        pa.field("aliases", STRINGS),
        pa.field("text", pa.large_string(), nullable=False),
        pa.field("language", pa.string(), nullable=False),
        pa.field("repairs", STRINGS),  # the rules that changed the text
        pa.field("dropped", pa.string()),  # the rule that dropped the document; null where it is kept
        pa.field("detail", pa.string()),  # why, in words
        pa.field("input_hash", pa.string(), nullable=False),
        ROW_HASH,
    ]
)

CHUNKS = pa.schema(
    [
        key_field("chunk_id"),
        pa.field("doc_id", pa.string(), nullable=False),
        pa.field("ordinal", pa.int32(), nullable=False),
        pa.field("start", pa.int64(), nullable=False),  # offsets into the clean document's text, in characters
        pa.field("end", pa.int64(), nullable=False),
        pa.field("text", pa.large_string(), nullable=False),
        pa.field("content_hash", pa.string(), nullable=False),
        pa.field("tokens", pa.int32(), nullable=False),  # of the chunker's tokenizer, special tokens included
        pa.field("document_hash", pa.string(), nullable=False),  # sha256 of the clean document's text
        pa.field("chunker", pa.string(), nullable=False),  # identity of what cut it
        ROW_HASH,
    ]
)

# Append-only, as is VERDICTS: a row is never changed, and `digest` says whether it was.
RELEASES = pa.schema(
    [
        key_field("release_id"),
        pa.field("sequence", pa.int64(), nullable=False),
        pa.field("at", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("action", pa.string(), nullable=False),  # release, rollback, repair or withdrawal
        pa.field("about", pa.int64()),  # the sequence of the release that it restores, repairs or withdraws
        pa.field("requested_by", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("model_key", pa.string(), nullable=False),
        pa.field("fingerprint", pa.string(), nullable=False),
        pa.field("model", pa.string(), nullable=False),  # JSON: where the model is found
        pa.field("index_table", pa.string(), nullable=False),
        pa.field("index_version", pa.int64(), nullable=False),
        pa.field("index_identity", pa.string(), nullable=False),
        pa.field("search", pa.string(), nullable=False),  # JSON: how the index is searched
        pa.field("corpus_version", pa.string(), nullable=False),
        pa.field("cleaner", pa.string(), nullable=False),
        pa.field("chunker", pa.string(), nullable=False),
        pa.field("configuration", pa.string(), nullable=False),  # JSON: what cleaner and chunker are made from
        pa.field("evaluation", pa.string()),  # data version of the evaluation that the verdict rests on
        pa.field("suites", pa.string()),
        pa.field("verdict", pa.string()),
        pa.field("verdict_id", pa.string()),  # null where a corpus's first release had none
        pa.field("previous", pa.string(), nullable=False),  # digest of the row before
        pa.field("digest", pa.string(), nullable=False),  # of all other columns
    ]
)

VERDICTS = pa.schema(
    [
        key_field("verdict_id"),  # hash of the other columns but the time
        pa.field("at", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("candidate", pa.string(), nullable=False),  # identity of the manifest that was judged
        pa.field("candidate_key", pa.string(), nullable=False),
        pa.field("production", pa.string()),  # identity of what was in force then; null where nothing was
        pa.field("data_only", pa.bool_(), nullable=False),
        pa.field("suites", pa.string(), nullable=False),
        pa.field("scorer", pa.string(), nullable=False),
        pa.field("evaluation", pa.string(), nullable=False),  # data version
        pa.field("verdict", pa.string(), nullable=False),
        pa.field("promotes", pa.bool_(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("requested_by", pa.string(), nullable=False),
        pa.field("figures", pa.string(), nullable=False),  # JSON
    ]
)


def embeddings(dimension: int) -> pa.Schema:
    """One row a distinct text: its vector (float32, unit length) under one model."""
    return pa.schema(
        [
            key_field("content_hash"),
            pa.field("vector", pa.list_(pa.float32(), dimension), nullable=False),
            pa.field("tokens", pa.int32(), nullable=False),  # of the model's own tokenizer, before truncation
            pa.field("truncated", pa.bool_(), nullable=False),
            pa.field("fingerprint", pa.string(), nullable=False),
            pa.field("numerics", pa.string(), nullable=False),  # engine and precision that made the vector
        ]
    )


EMBEDDING_RUNS = pa.schema(
    [
        key_field("account_id"),  # run, attempt and model
        pa.field("run_id", pa.string(), nullable=False),
        pa.field("model_key", pa.string(), nullable=False),
        pa.field("fingerprint", pa.string(), nullable=False),
        pa.field("at", pa.timestamp("us", tz="UTC"), nullable=False),  # of the last batch
        pa.field("machine", pa.string(), nullable=False),
        pa.field("numerics", pa.string(), nullable=False),
        pa.field("distinct", pa.int64(), nullable=False),  # texts that are wanted
        pa.field("reused", pa.int64(), nullable=False),
        pa.field("embedded", pa.int64(), nullable=False),  # counted at the embedder
        pa.field("deleted", pa.int64(), nullable=False),  # texts that are wanted no longer
        *(pa.field(cause, pa.int64(), nullable=False) for cause in CAUSES),
        pa.field("tokens", pa.int64(), nullable=False),
        pa.field("seconds", pa.float64(), nullable=False),
        pa.field("usd", pa.float64()),  # null where the model has no price
    ]
)


def vector_index(dimension: int) -> pa.Schema:
    """One row a chunk, with all that a search returns or filters by."""
    return pa.schema(
        [
            key_field("chunk_id"),
            pa.field("doc_id", pa.string(), nullable=False),
            pa.field("ordinal", pa.int32(), nullable=False),
            pa.field("start", pa.int64(), nullable=False),
            pa.field("end", pa.int64(), nullable=False),
            pa.field("collection", pa.string(), nullable=False),
            pa.field("kind", pa.string(), nullable=False),
            pa.field("title", pa.string(), nullable=False),
            pa.field("language", pa.string(), nullable=False),
            pa.field("text", pa.string(), nullable=False),
            pa.field("content_hash", pa.string(), nullable=False),
            pa.field("fingerprint", pa.string(), nullable=False),
            pa.field("vector", pa.list_(pa.float32(), dimension), nullable=False),
            ROW_HASH,
        ]
    )


SHOWN = pa.struct([pa.field("title", pa.string()), pa.field("text", pa.string())])

EVALUATION = pa.schema(
    [
        key_field("result_id"),  # role, question set, question and system
        pa.field("role", pa.string(), nullable=False),  # candidate, production, untuned or accepted
        pa.field("question_id", pa.string(), nullable=False),
        pa.field("question_set", pa.string(), nullable=False),
        pa.field("part", pa.string(), nullable=False),
        pa.field("system", pa.string(), nullable=False),
        pa.field("question", pa.string(), nullable=False),
        pa.field("cluster", pa.string(), nullable=False),
        pa.field("answers", STRINGS),  # doc_ids judged relevant that the source has
        pa.field("grades", pa.list_(pa.int32())),  # of each of the answers: 1, or more where judgements are graded
        pa.field("slices", STRINGS),  # the slices of the suite that the question is in
        pa.field("stale", pa.string()),  # which answers changed or went since they were judged; null where none did
        pa.field("unmeasured", pa.string()),  # why there are no scores; null where there are
        pa.field("retrieved", STRINGS),  # doc_ids by rank
        pa.field("passages", STRINGS),  # chunk_ids by rank, the best of each document
        pa.field("shown", pa.list_(SHOWN)),  # the first of the passages, as a report shows them
        pa.field("overlap", pa.float64()),
        pa.field("unjudged_at_10", pa.float64()),
        pa.field("seconds", pa.float64()),
        pa.field("nDCG@10", pa.float64()),
        pa.field("recall@5", pa.float64()),
        pa.field("recall@20", pa.float64()),
        pa.field("recall@100", pa.float64()),
        pa.field("MRR@10", pa.float64()),
        ROW_HASH,
    ]
)


QUESTION_PINS = pa.schema(
    [
        key_field("pin_id"),  # question set and question
        pa.field("question_set", pa.string(), nullable=False),
        pa.field("question_id", pa.string(), nullable=False),
        pa.field(
            "asked", pa.string(), nullable=False
        ),  # hash of the question's text and its answers as the file has them
        pa.field("answers", STRINGS),  # the names in the file
        pa.field("versions", STRINGS),  # of the documents that they named when the question was pinned
        pa.field("at", pa.timestamp("us", tz="UTC"), nullable=False),
    ]
)

LOOKS = pa.schema(
    [
        key_field("look_id"),  # hash of the questions that are looked at, and the number of the look
        pa.field("suite", pa.string(), nullable=False),
        pa.field("test_hash", pa.string(), nullable=False),
        pa.field("configuration", pa.string(), nullable=False),  # identity of what is judged
        pa.field("at", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("requested_by", pa.string(), nullable=False),
    ]
)


TRAINING_SET = pa.schema(
    [
        key_field("pair_id"),
        pa.field("part", pa.string(), nullable=False),  # train or dev
        pa.field("question_id", pa.string(), nullable=False),
        pa.field("question", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),  # question set, or `generated`
        pa.field("doc_id", pa.string(), nullable=False),
        pa.field("chunk_id", pa.string(), nullable=False),
        pa.field("positive", pa.large_string(), nullable=False),
        pa.field("negative_ids", STRINGS),  # chunk_ids, hardest first
        pa.field("negative_doc_ids", STRINGS),
        pa.field("negatives", STRINGS),  # their texts
        pa.field("base", pa.string(), nullable=False),  # fingerprint of the model that chose and scored them
        pa.field("score", pa.float64(), nullable=False),  # cosine of question and positive under the base model
        pa.field("negative_scores", pa.list_(pa.float64())),
        ROW_HASH,
    ]
)

FINE_TUNED_MODEL = pa.schema(
    [
        key_field("training"),  # identity of base, training set and recipe
        pa.field("outcome", pa.string(), nullable=False),  # tuned, or why the base was kept
        pa.field("model_key", pa.string()),  # null where the base was kept
        pa.field("fingerprint", pa.string()),
        pa.field("base", pa.string(), nullable=False),
        pa.field("training_set", pa.string(), nullable=False),
        pa.field("pairs", STRINGS),  # pair_ids of the training set
        pa.field("summary", pa.string(), nullable=False),  # JSON: recipe, figures, history, gates
        ROW_HASH,
    ]
)
