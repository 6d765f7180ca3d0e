"""The source of BEIR collections: what becomes of a line, what is skipped, and what is not a collection at all."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from llmops_pipelines.corpus.document import Skipped, SourceDocument, SourceError, bytes_version
from llmops_pipelines.corpus.sources.beir import BeirSource
from llmops_pipelines.corpus.sources.protocol import Stated

BEES = {"_id": "4983", "title": "Bees", "text": "They dance.", "metadata": {"url": "x"}}
BREAD = {"_id": "b/2", "title": "", "text": "It rises."}


def collection(folder: Path, *lines: dict[str, Any] | bytes, zipped: bool = False) -> BeirSource:
    content = b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines)
    folder.mkdir(exist_ok=True)
    path = folder / ("corpus.jsonl.gz" if zipped else "corpus.jsonl")
    path.write_bytes(gzip.compress(content) if zipped else content)
    return BeirSource(folder)


@pytest.mark.parametrize("zipped", [False, True])
def test_a_line_is_a_document_with_its_title_before_its_text(tmp_path: Path, zipped: bool) -> None:
    bees, bread = collection(tmp_path, BEES, BREAD, zipped=zipped).documents()
    line = json.dumps(BEES).encode()
    assert bees == SourceDocument(
        "4983", bytes_version(line), "Bees", "Bees They dance.", len(line), ".", "4983", "document"
    )
    assert isinstance(bread, SourceDocument)
    assert (bread.doc_id, bread.title, bread.text, bread.parent) == ("b/2", "b/2", "It rises.", "b/2")


def test_numbers_as_ids_missing_titles_and_blank_lines(tmp_path: Path) -> None:
    source = collection(tmp_path, b"\xef\xbb\xbf" + json.dumps({"_id": 7, "text": "x"}).encode(), b"", b" \r", BEES)
    found = [(item.doc_id, item.title, item.text) for item in source.documents() if isinstance(item, SourceDocument)]
    assert found == [("7", "7", "x"), ("4983", "Bees", "Bees They dance.")]


def test_only_a_line_feed_ends_a_line_and_lone_surrogates_are_escaped(tmp_path: Path) -> None:
    text = "next\x85line\u2028separator"
    raw = json.dumps({"_id": "a", "title": None, "text": text}, ensure_ascii=False).encode()
    one, two = collection(tmp_path, raw, b'{"_id": "b", "text": "half \\ud83d"}').documents()
    assert isinstance(one, SourceDocument)
    assert isinstance(two, SourceDocument)
    assert (one.text, two.text) == (text, "half \\ud83d")


@pytest.mark.parametrize(
    ("line", "detail"),
    [
        (b"{", "not JSON"),
        (b"[" * 200_000, "not JSON"),
        (b'{"_id": "caf\xe9", "text": "x"}', "not UTF-8 at byte 12"),
        (b"[1]", "not a JSON object"),
        (b'{"id": "x", "text": "x"}', "it has no _id"),
        (b'{"_id": "", "text": "x"}', "it has no _id"),
        (b'{"_id": true, "text": "x"}', "it has no _id"),
        (b'{"_id": "x", "title": "x"}', "text of 'x' is not a string"),
        (b'{"_id": "x", "text": "x", "title": ["x"]}', "title of 'x' is not a string"),
    ],
)
def test_a_line_that_is_no_document_is_skipped_with_its_number(tmp_path: Path, line: bytes, detail: str) -> None:
    bees, skipped, bread = collection(tmp_path, BEES, b"", line, BREAD).documents()
    assert (bees.doc_id, bread.doc_id) == ("4983", "b/2")
    assert skipped == Skipped("corpus.jsonl:3", "malformed", detail)


def test_an_id_of_two_lines_is_an_error_that_names_both(tmp_path: Path) -> None:
    source = collection(tmp_path, BEES, BREAD, {**BEES, "text": "Another."})
    with pytest.raises(SourceError, match=r"corpus\.jsonl:3: the id '4983' is that of line 1 too"):
        list(source.documents())


def test_what_is_not_a_collection(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"there is no folder .*absent: unpack the collection there"):
        BeirSource(tmp_path / "absent").state()
    with pytest.raises(SourceError, match=r"neither corpus\.jsonl nor corpus\.jsonl\.gz: it is not a collection in"):
        list(BeirSource(tmp_path).documents())
    with pytest.raises(SourceError, match=r"corpus\.jsonl is empty: a line is a JSON object with _id, title and text"):
        list(collection(tmp_path, b"\n \n").documents())
    collection(tmp_path, BEES, zipped=True)
    with pytest.raises(SourceError, match=r"has both corpus\.jsonl and corpus\.jsonl\.gz: remove the one"):
        list(BeirSource(tmp_path).documents())


@pytest.mark.parametrize("damage", ["not gzip", "cut short", "flipped"])
def test_a_damaged_archive_is_an_error(tmp_path: Path, damage: str) -> None:
    source = collection(tmp_path, BEES, *({"_id": str(i), "text": f"text {i}"} for i in range(999)), zipped=True)
    path = tmp_path / "corpus.jsonl.gz"
    content = bytearray(path.read_bytes())
    content[-6] ^= 255  # of the checksum
    damaged = {"not gzip": b"plain", "cut short": path.read_bytes()[:-40], "flipped": bytes(content)}
    path.write_bytes(damaged[damage])
    with pytest.raises(SourceError, match=r"cannot read .*corpus\.jsonl\.gz: .*Get it again"):
        list(source.documents())


def test_the_state_follows_the_file(tmp_path: Path) -> None:
    source = collection(tmp_path, BEES)
    assert isinstance(source, Stated)
    before = source.state()
    assert source.state() == before
    collection(tmp_path, BEES, BREAD)
    assert source.state() != before


@pytest.mark.parametrize(("name", "documents"), [("scifact", 5_183), ("xquad-en", 240)])
def test_public_collections_are_read_whole(labelled_data: Path, name: str, documents: int) -> None:
    folder = labelled_data / "retrieval" / name
    found = list(BeirSource(folder).documents())
    assert len(found) == documents
    with gzip.open(folder / "corpus.jsonl.gz") as file:
        raw = [json.loads(line) for line in file]
    assert {item.doc_id: item.text for item in found if isinstance(item, SourceDocument)} == {
        entry["_id"]: entry["title"] + " " + entry["text"] for entry in raw
    }
