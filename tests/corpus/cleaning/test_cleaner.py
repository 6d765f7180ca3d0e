"""The rules run together: rows accounted for by reason, only changed documents cleaned again, duplicates that return."""

from collections import Counter
from dataclasses import dataclass
from typing import ClassVar

from hypothesis import given, settings
from hypothesis import strategies as st
from pytest import TempPathFactory

from llmops_pipelines.corpus.cleaning.cleaner import Cleaner, CleaningReport, clean_documents, cleaning_gates
from llmops_pipelines.corpus.cleaning.language import Language
from llmops_pipelines.corpus.cleaning.length import Length
from llmops_pipelines.storage import Lake, Snapshot, SyncCounts
from llmops_pipelines.storage.schemas import CLEAN_DOCUMENTS
from tests.corpus.cleaning.test_filters import ENGLISH, GERMAN
from tests.corpus.tables import publish_documents, rows_by_key

LOOKED_AT: list[str] = []


@dataclass(frozen=True)
class Watched:
    """A rule that mends nothing and notes which texts it was given."""

    name: ClassVar[str] = "watched"
    version: ClassVar[int] = 1

    def repair(self, text: str) -> str:
        LOOKED_AT.append(text)
        return text


def staged(lake: Lake, cleaner: Cleaner, documents: Snapshot) -> CleaningReport:
    return clean_documents(cleaner, documents, lake.writer("clean", CLEAN_DOCUMENTS), lake.published("clean"))


def cleaned(lake: Lake, cleaner: Cleaner, documents: Snapshot) -> tuple[CleaningReport, dict[str, dict]]:
    report = staged(lake, cleaner, documents)
    snapshot = lake.writer("clean", CLEAN_DOCUMENTS).publish(report.data_version, "inputs", report.as_dict())
    return report, rows_by_key(snapshot, "doc_id")


def verdicts(rows: dict[str, dict]) -> dict[str, str | None]:
    return {doc_id: row["dropped"] for doc_id, row in sorted(rows.items())}


def test_every_document_has_a_row_that_says_what_became_of_it(lake: Lake):
    texts = {
        "a": "  \u00adThe cafe\u0301 on the corner, voilÃ\xa0.\r\n",
        "b": "The café on the corner, voilà.",
        "c": "short",
        "d": " \n",
        "e": GERMAN,
        "f": ENGLISH,
    }
    cleaner = Cleaner(filters=(Length(), Language(("en",))))
    report, rows = cleaned(lake, cleaner, publish_documents(lake, texts))
    assert verdicts(rows) == {
        "a": None,
        "b": "exact_duplicates",
        "c": "length",
        "d": "length",
        "e": "language",
        "f": None,
    }
    assert rows["a"]["text"] == rows["b"]["text"] == "The café on the corner, voilà."
    assert rows["a"]["repairs"] == ["mojibake", "control_characters", "unicode_nfc"]
    assert rows["b"]["detail"] == "same text as a"
    assert rows["c"]["detail"] == "5 characters, at least 20 are needed"
    assert (rows["e"]["language"], rows["f"]["language"], rows["d"]["language"]) == ("de", "en", "und")
    assert (rows["f"]["text"], rows["f"]["title"], rows["f"]["collection"]) == (ENGLISH, "F", "all")
    assert (report.documents, report.kept, report.reused) == (6, 2, 0)
    assert report.dropped == {"length": 2, "exact_duplicates": 1, "language": 1}
    assert report.dropped_examples["length"] == ["c: 5 characters, at least 20 are needed", "d: no text"]
    assert report.repaired == {"control_characters": 1, "mojibake": 1, "unicode_nfc": 1}
    assert report.counts.added == 6


TEXTS = st.sampled_from(["", "\t \n", "short", "a" * 20, "b" * 20, " " + "b" * 20, "b\u200b" * 20, "c" * 19, "d" * 40])
CORPORA = st.dictionaries(st.sampled_from("abcdefg"), TEXTS, min_size=1)
SHORT = Cleaner(filters=(Length(20, 30),))


def expected_verdicts(texts: dict[str, str]) -> dict[str, str | None]:
    mended = {doc_id: text.replace("\u200b", "").strip() for doc_id, text in sorted(texts.items())}
    found: dict[str, str | None] = {}
    seen: set[str] = set()
    for doc_id, text in mended.items():
        found[doc_id] = "length" if not 20 <= len(text) <= 30 else "exact_duplicates" if text in seen else None
        seen.add(text)
    return found


@settings(deadline=None, max_examples=25)
@given(before=CORPORA, after=CORPORA)
def test_in_is_kept_plus_dropped_and_incremental_equals_from_scratch(
    tmp_path_factory: TempPathFactory, before: dict[str, str], after: dict[str, str]
):
    lake, scratch = (Lake(str(tmp_path_factory.mktemp("lake"))) for _ in range(2))
    for texts in (before, after):
        documents = publish_documents(lake, texts)
        report, rows = cleaned(lake, SHORT, documents)
        expected = expected_verdicts(texts)
        assert verdicts(rows) == expected
        assert report.documents == len(texts) == report.kept + sum(report.dropped.values())
        assert report.dropped == dict(Counter(rule for rule in expected.values() if rule))
        assert report.kept == sum(rule is None for rule in expected.values())
    assert report.reused == sum(before.get(doc_id) == text for doc_id, text in after.items())
    fresh, fresh_rows = cleaned(scratch, SHORT, publish_documents(scratch, after))
    assert rows == fresh_rows
    assert report.data_version == fresh.data_version


def test_only_changed_documents_are_looked_at_again(lake: Lake):
    cleaner = Cleaner(repairs=(Watched(),))
    texts = {"a": ENGLISH, "b": GERMAN, "c": "short", "d": ENGLISH}
    LOOKED_AT.clear()
    cleaned(lake, cleaner, publish_documents(lake, texts))
    assert sorted(LOOKED_AT) == sorted(texts.values())

    LOOKED_AT.clear()
    report, _ = cleaned(lake, cleaner, publish_documents(lake, {**texts, "b": "A changed text of more than twenty."}))
    assert LOOKED_AT == ["A changed text of more than twenty."]
    assert report.reused == 3
    assert report.counts == SyncCounts(changed=1, unchanged=3, examples={"changed": ["b"]})


def test_other_settings_clean_everything_again(lake: Lake):
    documents = publish_documents(lake, {"a": ENGLISH, "b": GERMAN, "c": "short"})
    cleaned(lake, Cleaner(), documents)
    report, rows = cleaned(lake, Cleaner(filters=(Length(5),)), documents)
    assert report.reused == 0
    assert verdicts(rows) == {"a": None, "b": None, "c": None}


def test_identity_follows_rules_settings_and_order():
    cleaners = [
        Cleaner(),
        Cleaner(duplicates=None),
        Cleaner(filters=(Length(21), Language())),
        Cleaner(filters=(Language(), Length())),
        Cleaner(filters=(Length(), Language(("en",)))),
        Cleaner(repairs=()),
    ]
    assert len({cleaner.identity for cleaner in cleaners}) == len(cleaners)
    assert Cleaner().identity == Cleaner(filters=[Length(), Language()]).identity


def test_a_duplicate_returns_when_the_first_one_goes(lake: Lake):
    texts = {"a": ENGLISH, "b": ENGLISH, "c": ENGLISH}
    _, rows = cleaned(lake, Cleaner(), publish_documents(lake, texts))
    assert verdicts(rows) == {"a": None, "b": "exact_duplicates", "c": "exact_duplicates"}

    report, rows = cleaned(lake, Cleaner(), publish_documents(lake, {"b": ENGLISH, "c": ENGLISH}))
    assert verdicts(rows) == {"b": None, "c": "exact_duplicates"}
    assert (rows["b"]["detail"], rows["c"]["detail"]) == (None, "same text as b")
    assert report.reused == 2
    assert report.counts == SyncCounts(changed=2, deleted=1, examples={"changed": ["b", "c"], "deleted": ["a"]})

    _, rows = cleaned(lake, Cleaner(), publish_documents(lake, texts))
    assert verdicts(rows) == {"a": None, "b": "exact_duplicates", "c": "exact_duplicates"}


def test_what_another_cleaner_staged_and_did_not_publish_does_not_leak(lake: Lake, tmp_path):
    documents = publish_documents(lake, {"a": ENGLISH, "b": ENGLISH, "c": "short"})
    staged(lake, Cleaner(filters=(Length(1),), duplicates=None), documents)
    report, rows = cleaned(lake, Cleaner(), documents)
    fresh, fresh_rows = cleaned(Lake(str(tmp_path / "fresh")), Cleaner(), documents)
    assert rows == fresh_rows
    assert (report.counts, report.data_version) == (fresh.counts, fresh.data_version)


def test_gates_pass_on_a_full_account_and_name_what_is_missing(lake: Lake):
    documents = publish_documents(lake, {"a": ENGLISH, "b": "short"})
    cleaned(lake, Cleaner(), documents)
    writer = lake.writer("clean", CLEAN_DOCUMENTS)
    gates = {gate.name: gate for gate in cleaning_gates(documents, writer.staged())}
    assert {name: gate.passed for name, gate in gates.items()} == {"not_empty": True, "row_accounting": True}
    assert gates["row_accounting"].metadata == {"failures": 0, "documents": 2, "kept": 1, "dropped": 1}

    writer.delete(["a"])
    gates = {gate.name: gate for gate in cleaning_gates(documents, writer.staged())}
    assert {name: gate.passed for name, gate in gates.items()} == {"not_empty": False, "row_accounting": False}
    assert gates["row_accounting"].metadata["offending"] == ["a"]
