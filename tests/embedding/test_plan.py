"""What would be embedded, and why: causes against the version of chunks that was embedded last, costs, budgets, rates."""

import datetime
from collections.abc import Mapping

import pytest

from llmops_pipelines.embedding.account import accountant
from llmops_pipelines.embedding.causes import (
    CHANGED_TEXT,
    LOST_VECTOR,
    NEW_CHUNKER,
    NEW_MODEL,
    NEW_TEXT,
    causes,
    texts_gone,
)
from llmops_pipelines.embedding.missing import Spent
from llmops_pipelines.embedding.plan import Budget, Plan, Work, plan_embeddings
from llmops_pipelines.embedding.rate import Rate, accounted_rate, machine, tried_rate
from llmops_pipelines.embedding.torch_embedder import TorchEmbedder
from llmops_pipelines.storage import Lake, Snapshot, Sync, schemas
from llmops_pipelines.storage.identity import text_hash

RATE = Rate(100.0, "by hand")


def chunks(lake: Lake, documents: Mapping[str, list[str]], chunker: str = "one") -> Snapshot:
    """A published version of chunks: the passages of each document, of ten tokens each."""
    writer = lake.writer("c.chunks", schemas.CHUNKS)
    sync = Sync(writer, lake.published("c.chunks"))
    for doc_id, passages in documents.items():
        for ordinal, text in enumerate(passages):
            sync.put(
                {
                    "chunk_id": f"{doc_id}#{ordinal}",
                    "doc_id": doc_id,
                    "ordinal": ordinal,
                    "start": 0,
                    "end": len(text),
                    "text": text,
                    "content_hash": text_hash(text),
                    "tokens": 10,
                    "document_hash": text_hash(" ".join(passages)) if chunker == "one" else text_hash("one two"),
                    "chunker": chunker,
                }
            )
    sync.finish()
    return writer.publish(sync.data_version, "by hand", {})


def by_text(found: Mapping[str, str], *texts: str) -> dict[str, str]:
    named = {text_hash(text): text for text in texts}
    return {named[content_hash]: cause for content_hash, cause in found.items()}


def test_without_an_embedded_version_all_is_by_the_new_model(lake: Lake) -> None:
    now = chunks(lake, {"a": ["one", "two"]})
    assert by_text(causes(now, None, []), "one", "two") == {"one": NEW_MODEL, "two": NEW_MODEL}
    assert by_text(causes(now, None, [text_hash("one")]), "two") == {"two": NEW_MODEL}


def test_every_missing_text_has_the_cause_that_its_document_tells(lake: Lake) -> None:
    before = chunks(lake, {"a": ["one", "two"], "b": ["three"], "gone": ["four"]})
    stored = [text_hash(text) for text in ("one", "two", "three", "four")]
    now = chunks(lake, {"a": ["one", "two more"], "b": ["three"], "c": ["five"], "moved": ["four"]})
    expected = {"two more": CHANGED_TEXT, "five": NEW_TEXT}
    assert by_text(causes(now, before, stored), *expected) == expected, "what moved costs nothing"
    assert by_text(causes(now, before, stored[:2]), *expected, "three", "four") == {
        **expected,
        "three": LOST_VECTOR,
        "four": NEW_TEXT,
    }
    assert texts_gone(now, before) == 1
    assert texts_gone(now, None) == 0


def test_another_chunker_of_the_same_text_is_the_cause(lake: Lake) -> None:
    before = chunks(lake, {"a": ["one", "two"]})
    now = chunks(lake, {"a": ["one two"]}, chunker="other")
    assert by_text(causes(now, before, [text_hash("one")]), "one two") == {"one two": NEW_CHUNKER}


def test_a_text_in_several_documents_has_one_cause(lake: Lake) -> None:
    before = chunks(lake, {"a": ["one"]})
    now = chunks(lake, {"a": ["same"], "b": ["same"]})
    assert by_text(causes(now, before, []), "same") == {"same": NEW_TEXT}


def plan(lake: Lake, price: float | None = None, rate: Rate | None = RATE, window: int = 8) -> Plan:
    before = chunks(lake, {"a": ["one", "two"], "b": ["three"]})
    now = chunks(lake, {"a": ["one", "two more"], "c": ["four", "five"]})
    stored = [text_hash(text) for text in ("one", "two", "three")]
    return plan_embeddings("m", window, price, now, causes(now, before, stored), texts_gone(now, before), rate)


def test_a_plan_counts_texts_tokens_time_and_price_by_cause(lake: Lake) -> None:
    found = plan(lake, price=1_000.0)
    assert (found.distinct, found.reused, found.deleted) == (4, 1, 2)
    assert found.by_cause == {NEW_TEXT: Work(2, 16, 0.16, 0.016), CHANGED_TEXT: Work(1, 8, 0.08, 0.008)}
    assert found.total == Work(3, 24, 0.24, 0.024), "a model reads no more than its window"
    assert list(found.by_cause) == [NEW_TEXT, CHANGED_TEXT]


def test_what_is_not_known_is_none(lake: Lake) -> None:
    assert plan(lake, rate=None).total == Work(3, 24, None, None)


@pytest.mark.parametrize(
    ("budget", "complaints"),
    [
        (Budget(), []),
        (Budget(tokens=24, minutes=0.004, usd=0.024), []),
        (Budget(tokens=23), ["24 tokens, 23 are allowed"]),
        (Budget(minutes=0.001), ["0.0 minutes, 0.001 are allowed"]),
        (Budget(usd=0), ["0.0240 US dollars, 0 are allowed"]),
        (Budget(tokens=0, usd=0), ["24 tokens, 0 are allowed", "0.0240 US dollars, 0 are allowed"]),
    ],
)
def test_a_budget_says_what_is_exceeded(budget: Budget, complaints: list[str], lake: Lake) -> None:
    assert budget.exceeded(plan(lake, price=1_000.0)) == complaints


def test_what_cannot_be_estimated_exceeds_nothing(lake: Lake) -> None:
    assert Budget(minutes=0, usd=0).exceeded(plan(lake, rate=None)) == []


def test_an_account_has_a_row_a_run_that_grows_with_every_batch(lake: Lake, embedder: TorchEmbedder) -> None:
    writer = lake.writer("c.embedding_runs", schemas.EMBEDDING_RUNS)
    account = accountant(writer, "run", 0, plan(lake, price=500.0), embedder)
    spent = Spent(embedded=1, tokens=2_000, usd=1.0, seconds=4.0)
    spent.by_cause[NEW_TEXT] = 1
    account(spent)
    spent.embedded, spent.tokens, spent.usd, spent.seconds = 3, 6_000, 3.0, 10.0
    spent.by_cause.update([NEW_TEXT, CHANGED_TEXT])
    account(spent)
    newest = lake.newest("c.embedding_runs")
    assert newest is not None
    [row] = newest.rows()
    assert {
        name: row[name] for name in ("account_id", "model_key", "reused", "embedded", "deleted", *schemas.CAUSES)
    } == {
        "account_id": "run/0/m",
        "model_key": "m",
        "reused": 1,
        "embedded": 3,
        "deleted": 2,
        NEW_TEXT: 2,
        CHANGED_TEXT: 1,
        NEW_CHUNKER: 0,
        NEW_MODEL: 0,
        LOST_VECTOR: 0,
    }
    assert (row["tokens"], row["seconds"], row["usd"], row["machine"]) == (6_000, 10.0, 3.0, machine())
    assert datetime.datetime.now(datetime.UTC) - row["at"] < datetime.timedelta(minutes=5)


def test_a_rate_is_that_of_this_model_on_this_machine(lake: Lake, embedder: TorchEmbedder) -> None:
    writer = lake.writer("c.embedding_runs", schemas.EMBEDDING_RUNS)
    assert accounted_rate(None, embedder.fingerprint) is None
    for run, (tokens, seconds) in enumerate([(40_000, 10.0), (60_000, 30.0), (10, 1_000.0)]):
        accountant(writer, str(run), 0, plan(lake), embedder)(Spent(1, tokens, 0.0, seconds))
    rows = list(writer.staged().rows())
    writer.upsert_rows([{**rows[0], "account_id": "elsewhere", "machine": "another", "seconds": 1e9}])
    writer.upsert_rows([{**rows[0], "account_id": "other", "fingerprint": "another", "seconds": 1e9}])
    found = accounted_rate(lake.newest("c.embedding_runs"), embedder.fingerprint)
    assert found is not None
    assert found.tokens_per_second == 2_500, "runs of a few texts do not count"
    assert found.measured.startswith("in 2 runs on this machine, the last on 20")
    assert accounted_rate(lake.newest("c.embedding_runs"), "unknown") is None


def test_a_trial_measures_made_texts_of_about_those_lengths(embedder: TorchEmbedder) -> None:
    before = embedder.count.documents
    found = tried_rate(embedder, [5, 40, 20] * 100)
    assert found is not None
    assert found.tokens_per_second > 0
    assert embedder.count.documents - before == 64
    assert found.measured == "in a trial on 64 made texts just now"
    assert tried_rate(embedder, []) is None
